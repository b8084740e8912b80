-- name: inbox
SELECT
    (SELECT count(*) FROM inbox WHERE state = 'pending'),
    (
        SELECT coalesce(extract(epoch FROM now() - min(pending_since)), 0)
        FROM conversations WHERE pending_since IS NOT NULL
    )::double precision,
    (SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL),
    (SELECT count(*) FROM outbox WHERE state = 'parked');

-- name: turn_of
-- The turn that ended an inbound message. One whose send is under way has not ended yet.
SELECT t.state, t.outcome, t.record, t.timings, o.body, o.state, o.wamid, o.detail
FROM inbox i
JOIN turns t ON t.turn_id = i.turn_id
LEFT JOIN outbox o ON o.turn_id = t.turn_id AND o.part = 0
WHERE i.phone_number_id = %(phone_number_id)s AND i.wamid_key = %(wamid_key)s
    AND NOT (t.state = 'answered' AND o.state = 'sending');

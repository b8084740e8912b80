-- name: inbox
SELECT
    (SELECT count(*) FROM inbox WHERE state = 'pending'),
    (
        SELECT coalesce(extract(epoch FROM now() - min(pending_since)), 0)
        FROM conversations WHERE pending_since IS NOT NULL
    )::double precision,
    (SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL),
    (SELECT count(*) FROM outbox WHERE state = 'parked'),
    (SELECT count(*) FROM outbox WHERE state = 'deferred');

-- name: desk
-- What waits for a person, and what was buried lately.
SELECT
    (SELECT count(*) FROM handoffs WHERE closed_at IS NULL),
    (SELECT count(DISTINCT conversation_id) FROM review_queue WHERE resolved_at IS NULL),
    (SELECT count(*) FROM alerts WHERE resolved_at IS NULL),
    (
        SELECT count(*) FROM dead_letters
        WHERE replayed_at IS NULL AND created_at > now() - make_interval(secs => %(within_s)s)
    );

-- name: turn_of
-- The turn that ended an inbound message. One whose send is under way has not ended yet.
SELECT t.state, t.outcome, t.record, t.timings, o.body, o.state, o.wamid, o.detail
FROM inbox i
JOIN turns t ON t.turn_id = i.turn_id
LEFT JOIN outbox o ON o.turn_id = t.turn_id AND o.part = 0
WHERE i.phone_number_id = %(phone_number_id)s AND i.wamid_key = %(wamid_key)s
    AND NOT (t.state = 'answered' AND o.state = 'sending');

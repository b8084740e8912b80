-- name: unheard
-- Sends whose answer never came and of which no status speaks. Locked: a status that comes now
-- waits, and then has the last word.
SELECT o.outbox_id, o.turn_id, o.part, o.conversation_id, o.body, t.record
FROM outbox o JOIN turns t USING (turn_id)
WHERE o.state IN ('sending', 'parked')
    AND o.tried_at < now() - make_interval(secs => %(after_s)s)
ORDER BY o.outbox_id
LIMIT %(limit)s
FOR NO KEY UPDATE OF o SKIP LOCKED;

-- name: close
UPDATE outbox SET state = 'failed', detail = %(detail)s, settled_at = now()
WHERE outbox_id = ANY(%(outbox_ids)s::bigint[]);

-- name: repeat
-- Due at once, through the same gate as everything that was deferred.
INSERT INTO outbox (
    turn_id, part, conversation_id, phone_number_id, callback_data, admission, purpose, body,
    state, due_at, attempts
)
SELECT
    turn_id, part + 1, conversation_id, phone_number_id, turn_id || ':' || part + 1,
    gen_random_uuid(), purpose, %(body)s, 'deferred', now(), 0
FROM outbox WHERE outbox_id = %(outbox_id)s
ON CONFLICT (turn_id, part) DO NOTHING;

-- name: tell_a_person
INSERT INTO review_queue (turn_id, kind, conversation_id)
SELECT turn_id, 'undelivered', conversation_id
FROM unnest(%(turn_ids)s::uuid[], %(conversation_ids)s::uuid[]) AS new (turn_id, conversation_id)
ON CONFLICT DO NOTHING;

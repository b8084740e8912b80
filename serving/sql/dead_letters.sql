-- name: count_one_by_one
-- Buriers are rare; together they must not pass the limit that each of them sees.
SELECT pg_advisory_xact_lock(hashtext('dead_letters'));

-- name: buried_lately
SELECT count(*) FROM dead_letters
WHERE replayed_at IS NULL AND created_at > now() - make_interval(secs => %(within_s)s);

-- name: bury
-- Dead-letter the turn with its messages. Without the lease it is somebody else's to bury.
WITH held AS (
    SELECT c.conversation_id FROM conversations c
    WHERE c.conversation_id = %(conversation_id)s AND c.fence = %(fence)s
        AND c.lease_holder IS NOT NULL
    FOR NO KEY UPDATE
), buried AS (
    UPDATE turns SET state = 'buried', detail = %(detail)s, ended_at = now()
    FROM held
    WHERE turn_id = %(turn_id)s AND state = 'running'
    RETURNING turn_id, turns.conversation_id, inbox_ids, attempt
), letter AS (
    INSERT INTO dead_letters (turn_id, conversation_id, reason, attempts)
    SELECT turn_id, conversation_id, %(detail)s, attempt FROM buried
), closed AS (
    UPDATE inbox SET state = 'buried', turn_id = buried.turn_id
    FROM buried WHERE inbox.inbox_id = ANY(buried.inbox_ids) AND inbox.state = 'pending'
)
UPDATE conversations SET
    lease_holder = NULL,
    lease_expires_at = NULL,
    not_before = NULL,
    attempts = 0,
    pending_since = (
        SELECT min(i.received_at) FROM inbox i
        WHERE i.conversation_id = held.conversation_id AND i.state = 'pending'
            AND NOT i.inbox_id = ANY(
                coalesce((SELECT inbox_ids FROM buried), ARRAY[]::bigint[])
            )
    )
FROM held
WHERE conversations.conversation_id = held.conversation_id;

-- name: list_letters
-- Newest first; `before` is the last one of the page before.
SELECT turn_id, conversation_id, reason, attempts, created_at, replayed_at, replayed_by
FROM dead_letters
WHERE (%(all)s OR replayed_at IS NULL)
    AND (%(before)s::uuid IS NULL OR (created_at, turn_id) < (
        SELECT created_at, turn_id FROM dead_letters WHERE turn_id = %(before)s::uuid
    ))
ORDER BY created_at DESC, turn_id DESC
LIMIT %(limit)s;

-- name: letter
SELECT turn_id, conversation_id, reason, attempts, created_at, replayed_at, replayed_by
FROM dead_letters WHERE turn_id = %(turn_id)s;

-- name: messages
-- What the turn was to answer.
SELECT i.inbox_id, i.type, i.sent_at, i.state, i.payload
FROM turns t JOIN inbox i ON i.inbox_id = ANY(t.inbox_ids)
WHERE t.turn_id = %(turn_id)s
ORDER BY i.sent_at, i.inbox_id;

-- name: lock_conversations
-- Whose letters these are, and who has the conversation.
SELECT d.turn_id, d.replayed_at IS NOT NULL, c.owner
FROM dead_letters d JOIN conversations c USING (conversation_id)
WHERE d.turn_id = ANY(%(turn_ids)s::uuid[])
ORDER BY c.conversation_id
FOR NO KEY UPDATE OF c;

-- name: replay
-- The messages pend again. A letter is replayed once, whoever asks and however often.
WITH letters AS (
    UPDATE dead_letters SET replayed_at = now(), replayed_by = %(by)s
    WHERE turn_id = ANY(%(turn_ids)s::uuid[]) AND replayed_at IS NULL
    RETURNING turn_id, conversation_id
), again AS (
    UPDATE inbox SET state = 'pending', turn_id = NULL
    FROM letters WHERE inbox.turn_id = letters.turn_id AND inbox.state = 'buried'
    RETURNING inbox.conversation_id, inbox.received_at
), oldest AS (
    SELECT conversation_id, min(received_at) AS received_at FROM again GROUP BY conversation_id
), queued AS (
    UPDATE conversations SET
        pending_since = least(conversations.pending_since, oldest.received_at),
        owner = CASE WHEN owner = 'closed' THEN 'bot' ELSE owner END
    FROM oldest WHERE conversations.conversation_id = oldest.conversation_id
)
SELECT turn_id FROM letters;

-- name: claim
-- Attachments that nobody has fetched yet, and those to be tried again; leased by their due time.
WITH fresh AS (
    SELECT i.inbox_id, i.conversation_id, i.type, i.payload FROM inbox i
    WHERE i.type IN ('image', 'audio', 'video', 'document', 'sticker')
        AND i.conversation_id IS NOT NULL
        AND i.received_at > now() - interval '7 days' -- Meta keeps them no longer
        AND NOT EXISTS (SELECT FROM media m WHERE m.inbox_id = i.inbox_id)
    ORDER BY i.inbox_id LIMIT %(limit)s
), new AS (
    INSERT INTO media (inbox_id, conversation_id, state, due_at)
    SELECT inbox_id, conversation_id, 'waiting', now() + interval '2 minutes' FROM fresh
    ON CONFLICT (inbox_id) DO NOTHING
    RETURNING inbox_id
), due AS (
    SELECT inbox_id FROM media WHERE state = 'waiting' AND due_at <= now()
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), again AS (
    UPDATE media SET due_at = now() + interval '2 minutes', attempts = attempts + 1
    FROM due WHERE media.inbox_id = due.inbox_id
    RETURNING media.inbox_id, media.attempts
)
SELECT fresh.inbox_id, fresh.type, fresh.payload, 1 FROM fresh JOIN new USING (inbox_id)
UNION ALL
SELECT i.inbox_id, i.type, i.payload, again.attempts FROM again JOIN inbox i USING (inbox_id);

-- name: settle
UPDATE media SET
    state = %(state)s, reason = %(reason)s, mime_type = %(mime_type)s, num_bytes = %(num_bytes)s,
    content = %(content)s, due_at = now() + make_interval(secs => %(due_in_s)s)
WHERE inbox_id = %(inbox_id)s AND state = 'waiting';

-- name: stored
SELECT mime_type, content FROM media WHERE inbox_id = %(inbox_id)s AND state = 'stored';

-- name: take_over
-- The conversations are a person's from here on, and what is pending is theirs to answer, except
-- the message that asked: it stays, for its turn to acknowledge. A person's already: no change.
WITH wanted AS (
    SELECT * FROM unnest(
        %(conversation_ids)s::uuid[], %(reasons)s::text[], %(opened_bys)s::text[],
        %(wamid_keys)s::bytea[]
    ) AS new (conversation_id, reason, opened_by, wamid_key)
), taken AS (
    UPDATE conversations SET
        owner = 'human',
        pending_since = CASE WHEN wanted.wamid_key IS NULL THEN NULL
            ELSE coalesce(conversations.pending_since, now()) END
    FROM wanted
    WHERE conversations.conversation_id = wanted.conversation_id AND owner <> 'human'
    RETURNING wanted.*
), ended AS (
    UPDATE inbox SET state = 'ignored', why = 'human'
    FROM taken
    WHERE inbox.conversation_id = taken.conversation_id AND state = 'pending'
        AND inbox.wamid_key IS DISTINCT FROM taken.wamid_key
), opened AS (
    INSERT INTO handoffs (conversation_id, reason, opened_by, wamid_key)
    SELECT conversation_id, reason, opened_by, wamid_key FROM taken
    ON CONFLICT (conversation_id) WHERE closed_at IS NULL DO NOTHING
)
SELECT conversation_id FROM taken;

-- name: lock_conversations
SELECT conversation_id FROM conversations
WHERE conversation_id = ANY(%(conversation_ids)s::uuid[])
ORDER BY conversation_id FOR NO KEY UPDATE;

-- name: release
-- Back to the bot, or closed. What was said meanwhile is history: nothing becomes pending.
WITH released AS (
    UPDATE conversations SET
        owner = %(owner)s,
        pending_since = CASE WHEN %(owner)s = 'bot' THEN pending_since END
    WHERE conversation_id = %(conversation_id)s AND owner <> %(owner)s
    RETURNING conversation_id
), ended AS (
    UPDATE handoffs SET closed_at = now(), closed_by = %(closed_by)s
    FROM released
    WHERE handoffs.conversation_id = released.conversation_id AND closed_at IS NULL
), dropped AS (
    UPDATE inbox SET state = 'ignored', why = 'closed'
    FROM released
    WHERE %(owner)s = 'closed' AND inbox.conversation_id = released.conversation_id
        AND state = 'pending'
)
SELECT conversation_id FROM released;

-- name: owner
SELECT owner FROM conversations WHERE conversation_id = %(conversation_id)s;

-- name: askable
-- Whose customer may ask for a person: who has one already, or has not asked too often while the
-- queue is not full.
SELECT conversation_id FROM unnest(%(conversation_ids)s::uuid[]) AS asking (conversation_id)
WHERE EXISTS (
    SELECT FROM handoffs h
    WHERE h.conversation_id = asking.conversation_id AND h.closed_at IS NULL
) OR (
    SELECT count(*) FROM handoffs h
    WHERE h.conversation_id = asking.conversation_id AND h.reason = 'customer'
        AND h.opened_at > now() - make_interval(secs => %(within_s)s)
) < %(per_customer)s AND (
    SELECT count(*) FROM handoffs h WHERE h.closed_at IS NULL AND h.reason = 'customer'
) < %(open_at_once)s;

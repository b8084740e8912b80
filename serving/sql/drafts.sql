-- name: keep
UPDATE turns SET draft = new.draft
FROM unnest(%(turn_ids)s::uuid[], %(drafts)s::bytea[]) AS new (turn_id, draft)
WHERE turns.turn_id = new.turn_id;

-- name: kept
-- Of the newest earlier turn with the very same messages.
SELECT before.draft
FROM turns t
JOIN turns before ON before.conversation_id = t.conversation_id AND before.fence < t.fence
WHERE t.turn_id = %(turn_id)s AND before.inbox_ids = t.inbox_ids AND before.draft IS NOT NULL
ORDER BY before.fence DESC
LIMIT 1;

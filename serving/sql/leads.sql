-- name: lock_conversations
SELECT conversation_id FROM conversations
WHERE conversation_id = ANY(%(conversation_ids)s::uuid[])
ORDER BY conversation_id FOR NO KEY UPDATE;

-- name: save
-- Once per turn; only then does it move the conversation's score.
WITH fresh AS (
    INSERT INTO lead_scores (turn_id, conversation_id, score, band, evidence, follow_up)
    SELECT * FROM unnest(
        %(turn_ids)s::uuid[], %(conversation_ids)s::uuid[], %(scores)s::integer[],
        %(bands)s::text[], %(evidence)s::jsonb[], %(follow_ups)s::boolean[]
    )
    ON CONFLICT (turn_id) DO NOTHING
    RETURNING conversation_id, score, band
)
UPDATE conversations SET lead_score = fresh.score, lead_band = fresh.band
FROM fresh
WHERE conversations.conversation_id = fresh.conversation_id
    AND (lead_score, lead_band) <> (fresh.score, fresh.band);

-- name: lock_conversations
SELECT conversation_id FROM conversations
WHERE conversation_id = ANY(%(conversation_ids)s::uuid[])
ORDER BY conversation_id FOR NO KEY UPDATE;

-- name: append
-- Once per turn; only then does it move the conversation's stage.
WITH fresh AS (
    INSERT INTO interactions (
        turn_id, conversation_id, inbound, outbound, outcome, stage, intent, sentiment, language,
        tier, model, confidence, prompt_tokens, completion_tokens, cost_usd, timings, degraded
    )
    SELECT
        turn_id, conversation_id, inbound, outbound, outcome, stage, intent, sentiment, language,
        tier, model, confidence, prompt_tokens, completion_tokens, cost_usd, timings,
        ARRAY(SELECT jsonb_array_elements_text(degraded))
    FROM unnest(
        %(turn_ids)s::uuid[], %(conversation_ids)s::uuid[], %(inbounds)s::bytea[],
        %(outbounds)s::bytea[], %(outcomes)s::text[], %(stages)s::text[], %(intents)s::text[],
        %(sentiments)s::text[], %(languages)s::text[], %(tiers)s::text[], %(models)s::text[],
        %(confidences)s::integer[], %(prompt_tokens)s::integer[], %(completion_tokens)s::integer[],
        %(costs_usd)s::double precision[], %(timings)s::jsonb[], %(degraded)s::jsonb[]
    ) AS new (
        turn_id, conversation_id, inbound, outbound, outcome, stage, intent, sentiment, language,
        tier, model, confidence, prompt_tokens, completion_tokens, cost_usd, timings, degraded
    )
    ON CONFLICT (turn_id) DO NOTHING
    RETURNING conversation_id, stage
)
UPDATE conversations SET stage = fresh.stage
FROM fresh
WHERE conversations.conversation_id = fresh.conversation_id
    AND conversations.stage <> fresh.stage;

-- name: queue_reviews
-- Replies that compliance wants a human to see.
INSERT INTO review_queue (turn_id, kind, conversation_id, rules)
SELECT turn_id, 'compliance', conversation_id, ARRAY(SELECT jsonb_array_elements_text(rules))
FROM unnest(%(turn_ids)s::uuid[], %(conversation_ids)s::uuid[], %(rules)s::jsonb[])
    AS new (turn_id, conversation_id, rules)
ON CONFLICT DO NOTHING;

-- name: list_conversations
-- Latest first; those with an open hand-off tell why and since when.
SELECT
    c.conversation_id, c.contact_id, c.phone_number_id, c.owner, c.stage, c.lead_score,
    c.lead_band, c.language, c.last_inbound_at, c.pending_since, h.reason, h.opened_at
FROM conversations c
LEFT JOIN handoffs h ON h.conversation_id = c.conversation_id AND h.closed_at IS NULL
WHERE (%(owner)s::text IS NULL OR c.owner = %(owner)s)
    AND (%(contact_ids)s::uuid[] IS NULL OR c.contact_id = ANY(%(contact_ids)s))
    AND (%(before)s::uuid IS NULL OR (c.created_at, c.conversation_id) < (
        SELECT created_at, conversation_id FROM conversations WHERE conversation_id = %(before)s
    ))
ORDER BY c.created_at DESC, c.conversation_id DESC
LIMIT %(limit)s;

-- name: conversation
SELECT
    c.conversation_id, c.contact_id, c.phone_number_id, c.owner, c.stage, c.lead_score,
    c.lead_band, c.language, c.last_inbound_at, c.pending_since, h.reason, h.opened_at,
    contacts.name, contacts.opt_out_scope
FROM conversations c
JOIN contacts USING (contact_id)
LEFT JOIN handoffs h ON h.conversation_id = c.conversation_id AND h.closed_at IS NULL
WHERE c.conversation_id = %(conversation_id)s;

-- name: thread
-- What was said, newest first: by the customer, by us, by a colleague. By arrival: Meta's seconds
-- would put a quick answer before its question.
(
    SELECT i.type AS kind, i.payload AS content, i.received_at AS at
    FROM inbox i WHERE i.conversation_id = %(conversation_id)s
    ORDER BY i.sent_at DESC, i.inbox_id DESC LIMIT %(limit)s
)
UNION ALL
(
    SELECT 'reply', o.body, o.created_at
    FROM outbox o WHERE o.conversation_id = %(conversation_id)s
    ORDER BY o.created_at DESC LIMIT %(limit)s
)
ORDER BY at DESC LIMIT %(limit)s;

-- name: last_records
-- How the last turns were understood and answered, newest first.
SELECT record FROM turns
WHERE conversation_id = %(conversation_id)s AND record IS NOT NULL
ORDER BY fence DESC LIMIT 5;

-- name: bookings
SELECT reference, trek, departs_on, status, seats, amount_inr, paid_inr FROM bookings
WHERE contact_id = %(contact_id)s ORDER BY departs_on, reference;

-- name: list_reviews
-- One line per conversation and kind, however often it happened: one customer is one line.
SELECT
    conversation_id, kind, count(*), min(created_at), max(created_at),
    (array_agg(turn_id ORDER BY created_at DESC))[1:20],
    ARRAY(
        SELECT DISTINCT rule FROM review_queue r, unnest(r.rules) AS rule
        WHERE r.conversation_id = q.conversation_id AND r.kind = q.kind AND r.resolved_at IS NULL
        ORDER BY rule
    )
FROM review_queue q WHERE resolved_at IS NULL
GROUP BY conversation_id, kind
ORDER BY min(created_at), conversation_id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: resolve_reviews
UPDATE review_queue SET resolved_at = now()
WHERE conversation_id = %(conversation_id)s AND resolved_at IS NULL
RETURNING turn_id;

-- name: list_opt_outs
SELECT contact_id, opt_out_scope, opted_out_at FROM contacts
WHERE opt_out_scope IS NOT NULL
    AND (%(after)s::uuid IS NULL OR contact_id > %(after)s)
ORDER BY contact_id LIMIT %(limit)s;

-- name: model_costs
-- By day, tier and model.
SELECT
    date_trunc('day', created_at AT TIME ZONE 'UTC')::date, coalesce(tier, ''),
    coalesce(model, ''), count(*), sum(prompt_tokens), sum(completion_tokens), sum(cost_usd)
FROM interactions
WHERE created_at >= %(since)s AND created_at < %(until)s
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: billed_by_country
-- Delivered messages and what they cost by the rate card.
SELECT
    country, category, count(DISTINCT conversation_id), count(*), count(*) FILTER (WHERE free),
    sum(nano_usd)::double precision / 1e9,
    sum(nano_usd)::double precision / 1e9 / count(DISTINCT conversation_id)
FROM message_charges
WHERE charged_at >= %(since)s AND charged_at < %(until)s
GROUP BY country, category ORDER BY country, category;

-- name: billed_by_conversation
-- The dearest first.
SELECT conversation_id, min(country), count(*), sum(nano_usd)::double precision / 1e9
FROM message_charges
WHERE charged_at >= %(since)s AND charged_at < %(until)s
GROUP BY conversation_id ORDER BY sum(nano_usd) DESC, conversation_id LIMIT %(dearest)s;

-- name: messages_sent
-- By day and purpose.
SELECT date_trunc('day', created_at AT TIME ZONE 'UTC')::date, purpose, count(*)
FROM outbox
WHERE state = 'sent' AND created_at >= %(since)s AND created_at < %(until)s
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: record_of_turn
SELECT record FROM turns WHERE turn_id = %(turn_id)s;

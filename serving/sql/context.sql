-- name: contacts
SELECT contact_id, name, email, tier, joined, difficulty, budget_inr, season
FROM contacts WHERE contact_id = ANY(%(contact_ids)s::uuid[]);

-- name: bookings
SELECT contact_id, reference, trek, departs_on, status, seats, amount_inr, paid_inr
FROM bookings WHERE contact_id = ANY(%(contact_ids)s::uuid[])
ORDER BY contact_id, departs_on, reference;

-- name: conversations
SELECT
    conversation_id, lead_score, stage,
    NOT EXISTS (
        SELECT FROM outbox o
        WHERE o.conversation_id = c.conversation_id AND o.state NOT IN ('failed', 'cancelled')
    ) AS first_contact
FROM conversations c WHERE conversation_id = ANY(%(conversation_ids)s::uuid[]);

-- name: history
-- The last ten messages of each conversation before this turn, newest first: the customer's,
-- ours, and a colleague's.
SELECT c.conversation_id, h.kind, h.content, h.at
FROM unnest(%(conversation_ids)s::uuid[]) AS c (conversation_id)
CROSS JOIN LATERAL (
    (
        SELECT i.type AS kind, i.payload AS content, i.sent_at AS at
        FROM inbox i
        WHERE i.conversation_id = c.conversation_id AND i.state <> 'pending'
            AND NOT i.inbox_id = ANY(%(inbox_ids)s::bigint[])
            AND i.type = ANY(%(spoken)s::text[])
        ORDER BY i.sent_at DESC, i.inbox_id DESC LIMIT 10
    )
    UNION ALL
    (
        SELECT 'reply', o.body, o.created_at
        FROM outbox o
        WHERE o.conversation_id = c.conversation_id AND o.state NOT IN ('failed', 'cancelled')
        ORDER BY o.created_at DESC LIMIT 10
    )
    ORDER BY at DESC LIMIT 10
) AS h
ORDER BY c.conversation_id, h.at DESC;

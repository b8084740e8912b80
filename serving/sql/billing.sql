-- name: delivered
-- Of these messages those that have arrived, and whom they went to.
SELECT o.outbox_id, o.conversation_id, o.phone_number_id, o.body, c.wa_id, c.bsuid
FROM outbox o JOIN conversations USING (conversation_id) JOIN contacts c USING (contact_id)
WHERE o.outbox_id = ANY(%(outbox_ids)s::bigint[]) AND o.delivery IN ('delivered', 'read', 'played');

-- name: charge
-- Once for each message; the month's sum moves with what was new.
WITH charged AS (
    INSERT INTO message_charges
        (outbox_id, conversation_id, phone_number_id, country, category, free, nano_usd)
    SELECT * FROM unnest(
        %(outbox_ids)s::bigint[], %(conversation_ids)s::uuid[], %(phone_number_ids)s::text[],
        %(countries)s::text[], %(categories)s::text[], %(frees)s::boolean[],
        %(nano_usds)s::bigint[]
    )
    ON CONFLICT (outbox_id) DO NOTHING
    RETURNING nano_usd
)
INSERT INTO message_spend AS month (month, messages, nano_usd)
SELECT date_trunc('month', now())::date, count(*), sum(nano_usd) FROM charged HAVING count(*) > 0
ON CONFLICT (month) DO UPDATE SET
    messages = month.messages + excluded.messages,
    nano_usd = month.nano_usd + excluded.nano_usd
RETURNING nano_usd;

-- name: spent
SELECT nano_usd FROM message_spend WHERE month = date_trunc('month', now())::date;

-- name: find
-- Whoever is meant by an id of ours, a business-scoped user id or a number.
SELECT contact_id, bsuid, wa_id, email FROM contacts
WHERE contact_id = %(contact_id)s OR bsuid_key = %(bsuid_key)s OR wa_id_key = %(wa_id_key)s
ORDER BY contact_id;

-- name: erase_statuses
-- They are known by the messages they speak of, so they go before these do.
DELETE FROM statuses
USING outbox o JOIN conversations c USING (conversation_id)
WHERE c.contact_id = ANY(%(contact_ids)s::uuid[])
    AND (statuses.wamid_key = o.wamid_key OR statuses.callback_data = o.callback_data);

-- name: erase_contacts
-- Everything that hangs on the contact goes with it.
DELETE FROM contacts WHERE contact_id = ANY(%(contact_ids)s::uuid[]);

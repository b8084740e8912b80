-- name: opted_out
SELECT contact_id, opt_out_scope FROM contacts WHERE contact_id = ANY(%(contact_ids)s::uuid[]);

-- name: record
-- Once per message, and only if the customer has not said something later already, in whatever
-- order the messages arrive. "all" is not narrowed to "marketing"; the message that opted out is
-- kept, because only its turn may confirm.
WITH event AS (
    INSERT INTO opt_out_events (contact_id, wamid_key, action, scope, rule)
    VALUES (%(contact_id)s, %(wamid_key)s, %(action)s, %(scope)s, %(rule)s)
    ON CONFLICT DO NOTHING
    RETURNING contact_id, wamid_key, action, scope
)
UPDATE contacts SET
    opt_out_scope = CASE
        WHEN event.action = 'resubscribe' THEN NULL
        WHEN contacts.opt_out_scope = 'all' THEN 'all'
        ELSE event.scope END,
    opted_out_at = CASE
        WHEN event.action = 'resubscribe' THEN NULL
        ELSE coalesce(contacts.opted_out_at, now()) END,
    opt_out_wamid_key = CASE
        WHEN event.action = 'resubscribe' THEN NULL
        WHEN contacts.opt_out_scope = 'all' THEN contacts.opt_out_wamid_key
        ELSE event.wamid_key END,
    consent_said_at = least(coalesce(%(said_at)s::timestamptz, now()), now()),
    updated_at = now()
FROM event
WHERE contacts.contact_id = event.contact_id
    AND coalesce(contacts.consent_said_at <= coalesce(%(said_at)s::timestamptz, now()), true);

-- name: apply_preference
-- WhatsApp's own switch speaks of marketing only: it neither narrows nor lifts a full opt-out.
WITH event AS (
    INSERT INTO opt_out_events (contact_id, wamid_key, action, scope, rule)
    VALUES (%(contact_id)s, %(wamid_key)s, %(action)s, 'marketing', 'user_preferences')
    ON CONFLICT DO NOTHING
    RETURNING contact_id, action
)
UPDATE contacts SET
    opt_out_scope = CASE WHEN event.action = 'opt_out' THEN 'marketing' END,
    opted_out_at = CASE WHEN event.action = 'opt_out' THEN now() END,
    opt_out_wamid_key = NULL,
    updated_at = now()
FROM event
WHERE contacts.contact_id = event.contact_id
    AND contacts.opt_out_scope IS DISTINCT FROM 'all';

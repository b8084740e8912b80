-- name: find_contacts
-- Everyone known by one of these identifiers.
SELECT contact_id, bsuid_key, wa_id_key, name, username
FROM contacts
WHERE bsuid_key = ANY(%(bsuid_keys)s) OR wa_id_key = ANY(%(wa_id_keys)s);

-- name: add_contacts
-- New customers; whoever another delivery added first is skipped.
INSERT INTO contacts (contact_id, bsuid_key, wa_id_key, bsuid, wa_id, name, username)
SELECT * FROM unnest(
    %(contact_ids)s::uuid[], %(bsuid_keys)s::bytea[], %(wa_id_keys)s::bytea[],
    %(bsuids)s::bytea[], %(wa_ids)s::bytea[], %(names)s::bytea[], %(usernames)s::bytea[]
)
ON CONFLICT DO NOTHING;

-- name: lock_contacts
SELECT contact_id FROM contacts
WHERE contact_id = ANY(%(contact_ids)s) ORDER BY contact_id FOR NO KEY UPDATE;

-- name: complete_contact
-- A customer known by one identifier now shows the other one.
UPDATE contacts SET
    bsuid_key = coalesce(bsuid_key, %(bsuid_key)s), bsuid = coalesce(bsuid, %(bsuid)s),
    wa_id_key = coalesce(wa_id_key, %(wa_id_key)s), wa_id = coalesce(wa_id, %(wa_id)s),
    updated_at = now()
WHERE contact_id = %(contact_id)s
    AND NOT EXISTS (
        SELECT FROM contacts other WHERE other.contact_id <> %(contact_id)s
            AND (other.bsuid_key = %(bsuid_key)s OR other.wa_id_key = %(wa_id_key)s)
    );

-- name: move_contact
-- The customer's number or id is another one now; refused when it is already somebody else's.
UPDATE contacts SET
    bsuid_key = coalesce(%(bsuid_key)s, bsuid_key), bsuid = coalesce(%(bsuid)s, bsuid),
    wa_id_key = coalesce(%(wa_id_key)s, wa_id_key), wa_id = coalesce(%(wa_id)s, wa_id),
    updated_at = now()
WHERE contact_id = %(contact_id)s
    AND NOT EXISTS (
        SELECT FROM contacts other WHERE other.contact_id <> %(contact_id)s
            AND (other.bsuid_key = %(bsuid_key)s OR other.wa_id_key = %(wa_id_key)s)
    )
RETURNING contact_id;

-- name: rename_contacts
UPDATE contacts SET
    name = coalesce(new.name, contacts.name),
    username = coalesce(new.username, contacts.username),
    updated_at = now()
FROM unnest(%(contact_ids)s::uuid[], %(names)s::bytea[], %(usernames)s::bytea[])
    AS new (contact_id, name, username)
WHERE contacts.contact_id = new.contact_id;

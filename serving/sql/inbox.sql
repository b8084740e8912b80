-- name: add_conversations
INSERT INTO conversations (conversation_id, phone_number_id, contact_id)
SELECT gen_random_uuid(), phone_number_id, contact_id
FROM unnest(%(phone_number_ids)s::text[], %(contact_ids)s::uuid[]) AS new (phone_number_id, contact_id)
ORDER BY phone_number_id, contact_id
ON CONFLICT (phone_number_id, contact_id) DO NOTHING;

-- name: lock_conversations
-- In one order for everybody; held until the messages are in, so that the gate sees all or none.
SELECT conversation_id, phone_number_id, contact_id, owner
FROM conversations
WHERE (phone_number_id, contact_id) IN (
    SELECT * FROM unnest(%(phone_number_ids)s::text[], %(contact_ids)s::uuid[])
)
ORDER BY conversation_id
FOR NO KEY UPDATE;

-- name: add_messages
-- Store what is new, in the order of the body, and put its conversations into the queue.
-- A timestamp from the future counts as now, else it would hold the window open; the minutes by
-- which clocks differ keep their order. Returned with whether an amendment came before it.
WITH fresh AS (
    INSERT INTO inbox
        (phone_number_id, wamid_key, conversation_id, type, payload, sent_at, state, why, control,
        amends_key)
    SELECT
        phone_number_id, wamid_key, conversation_id, type, payload,
        CASE WHEN sent_at > now() + interval '6 minutes' THEN now() ELSE sent_at END,
        CASE WHEN triggers THEN 'pending' ELSE 'ignored' END,
        why,
        control,
        amends_key
    FROM unnest(
        %(phone_number_ids)s::text[], %(wamid_keys)s::bytea[], %(conversation_ids)s::uuid[],
        %(types)s::text[], %(payloads)s::bytea[], %(sent_ats)s::timestamptz[],
        %(triggers)s::boolean[], %(whys)s::text[], %(controls)s::text[], %(amends_keys)s::bytea[]
    ) WITH ORDINALITY AS new (
        phone_number_id, wamid_key, conversation_id, type, payload, sent_at, triggers, why,
        control, amends_key, position
    )
    ORDER BY position
    ON CONFLICT (phone_number_id, wamid_key) DO NOTHING
    RETURNING phone_number_id, wamid_key, conversation_id, state, sent_at, received_at
), heard AS (
    SELECT
        conversation_id,
        min(received_at) FILTER (WHERE state = 'pending') AS pending_since,
        max(sent_at) FILTER (WHERE wamid_key = ANY(%(window_openers)s::bytea[])) AS last_inbound_at
    FROM fresh
    WHERE conversation_id IS NOT NULL
    GROUP BY conversation_id
), queued AS (
    UPDATE conversations SET
        pending_since = coalesce(conversations.pending_since, heard.pending_since),
        last_inbound_at = greatest(conversations.last_inbound_at, heard.last_inbound_at),
        -- whoever writes to a closed conversation opens it again
        owner = CASE WHEN owner = 'closed' AND heard.pending_since IS NOT NULL THEN 'bot'
            ELSE owner END
    FROM heard
    WHERE conversations.conversation_id = heard.conversation_id
        AND (heard.pending_since IS NOT NULL OR heard.last_inbound_at IS NOT NULL)
)
SELECT phone_number_id, wamid_key, EXISTS (
    SELECT FROM inbox amendment
    WHERE amendment.phone_number_id = fresh.phone_number_id
        AND amendment.amends_key = fresh.wamid_key
)
FROM fresh;

-- name: amend_messages
-- What its author edits or takes back before it is answered is not answered any more; the latest
-- words take its place, by Meta's timestamps, whatever came first. An edit may name the message or
-- an edit of it. A turn under way notices that a message of its own is gone.
WITH RECURSIVE versions AS (
    SELECT i.inbox_id AS seed, i.inbox_id, i.phone_number_id, i.conversation_id, i.wamid_key,
        i.amends_key, i.type, i.sent_at, i.state
    FROM unnest(%(phone_number_ids)s::text[], %(wamid_keys)s::bytea[])
        AS new (phone_number_id, wamid_key)
    JOIN inbox i USING (phone_number_id, wamid_key)
    UNION -- and not UNION ALL: what amends itself ends too
    SELECT v.seed, i.inbox_id, i.phone_number_id, i.conversation_id, i.wamid_key,
        i.amends_key, i.type, i.sent_at, i.state
    FROM versions v
    JOIN inbox i ON i.phone_number_id = v.phone_number_id
        AND i.conversation_id = v.conversation_id
        AND (i.wamid_key = v.amends_key OR i.amends_key = v.wamid_key)
), latest AS (
    SELECT DISTINCT ON (seed) seed, inbox_id, type FROM versions
    ORDER BY seed, type = 'revoke' DESC, type = 'edit' DESC, sent_at DESC, inbox_id DESC
), waiting AS (
    SELECT DISTINCT seed FROM versions WHERE state = 'pending'
), standing AS (
    SELECT versions.inbox_id, latest.type,
        versions.inbox_id = latest.inbox_id AND latest.type <> 'revoke' AS stands
    FROM versions JOIN latest USING (seed) JOIN waiting USING (seed)
)
UPDATE inbox SET
    state = CASE WHEN stands THEN 'pending' ELSE 'ignored' END,
    why = CASE WHEN stands THEN '' ELSE standing.type END
FROM standing
WHERE inbox.inbox_id = standing.inbox_id AND (inbox.state = 'pending') <> stands;

-- name: add_statuses
WITH fresh AS (
    INSERT INTO statuses (
        phone_number_id, wamid_key, status, recipient_key, callback_data, error_code, payload,
        occurred_at
    )
    SELECT * FROM unnest(
        %(phone_number_ids)s::text[], %(wamid_keys)s::bytea[], %(statuses)s::text[],
        %(recipient_keys)s::bytea[], %(callback_datas)s::text[], %(error_codes)s::integer[],
        %(payloads)s::bytea[], %(occurred_ats)s::timestamptz[]
    )
    ON CONFLICT (wamid_key, status, recipient_key) DO NOTHING
    RETURNING wamid_key, status, recipient_key
)
SELECT wamid_key, status, recipient_key FROM fresh;

-- name: add_events
INSERT INTO webhook_events (kind, phone_number_id, content_key, payload)
SELECT * FROM unnest(
    %(kinds)s::text[], %(phone_number_ids)s::text[], %(content_keys)s::bytea[],
    %(payloads)s::bytea[]
)
ON CONFLICT (content_key) DO NOTHING
RETURNING content_key;

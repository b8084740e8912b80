-- name: lock_contacts
-- Shared: gates of one customer do not wait for each other, an opt-out waits for none but these.
SELECT contact_id, opt_out_scope, opt_out_wamid_key, wa_id, bsuid
FROM contacts
WHERE contact_id = ANY(%(contact_ids)s::uuid[])
ORDER BY contact_id
FOR SHARE;

-- name: lock_conversations
SELECT
    conversation_id,
    owner,
    fence,
    lease_holder IS NOT NULL AND lease_expires_at > now() AS leased,
    coalesce(last_inbound_at > now() - make_interval(secs => %(window_s)s), false) AS window_open,
    (
        SELECT wamid_key FROM handoffs h
        WHERE h.conversation_id = conversations.conversation_id AND h.closed_at IS NULL
    ) AS asked_by
FROM conversations
WHERE conversation_id = ANY(%(conversation_ids)s::uuid[])
ORDER BY conversation_id
FOR NO KEY UPDATE;

-- name: already_admitted
SELECT turn_id, admission, callback_data, state, wamid
FROM outbox WHERE turn_id = ANY(%(turn_ids)s::uuid[]) AND part = 0;

-- name: overtaken
-- Turns with newer messages. Past the cap newer ones wait for the next turn, so that a customer
-- who does not stop writing is still answered: answering anew would take as long as this turn
-- took. Control words have no cap.
SELECT turns.turn_id
FROM turns JOIN conversations c USING (conversation_id)
WHERE turns.turn_id = ANY(%(turn_ids)s::uuid[]) AND EXISTS (
    SELECT FROM inbox i
    WHERE i.conversation_id = c.conversation_id AND i.state = 'pending'
        AND NOT i.inbox_id = ANY(turns.inbox_ids || turns.waiting_ids)
        AND (
            i.control IS NOT NULL
            OR now() + (now() - turns.started_at) <= c.burst_since + make_interval(secs => %(cap_s)s)
        )
);

-- name: commit_intent
-- The outbox row, the record, and the messages answered: from here on nothing is answered twice.
WITH new AS (
    SELECT * FROM unnest(
        %(turn_ids)s::uuid[], %(conversation_ids)s::uuid[], %(phone_number_ids)s::text[],
        %(callback_datas)s::text[], %(purposes)s::text[], %(bodies)s::bytea[],
        %(records)s::bytea[], %(languages)s::text[]
    ) AS new (
        turn_id, conversation_id, phone_number_id, callback_data, purpose, body, record, language
    )
), intended AS (
    INSERT INTO outbox (
        turn_id, conversation_id, phone_number_id, callback_data, admission, purpose, body
    )
    SELECT turn_id, conversation_id, phone_number_id, callback_data, %(admission)s, purpose, body
    FROM new
), answered AS (
    UPDATE turns SET state = 'answered', record = new.record, answered_at = now()
    FROM new WHERE turns.turn_id = new.turn_id
    RETURNING turns.turn_id, turns.conversation_id, turns.inbox_ids
), closed AS (
    UPDATE inbox SET state = 'answered', turn_id = answered.turn_id
    FROM answered WHERE inbox.inbox_id = ANY(answered.inbox_ids)
), waiting AS (
    SELECT answered.conversation_id, new.language, (
        SELECT min(i.received_at) FROM inbox i
        WHERE i.conversation_id = answered.conversation_id AND i.state = 'pending'
            AND NOT i.inbox_id = ANY(answered.inbox_ids)
    ) AS pending_since
    FROM answered JOIN new USING (turn_id)
)
UPDATE conversations SET
    pending_since = waiting.pending_since,
    burst_since = NULL,
    attempts = 0,
    language = coalesce(waiting.language, conversations.language)
FROM waiting
WHERE conversations.conversation_id = waiting.conversation_id;

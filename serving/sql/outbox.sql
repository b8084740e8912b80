-- name: lock_contacts
-- Shared: gates of one customer do not wait for each other, an opt-out waits for none but these.
SELECT contact_id, opt_out_scope, opt_out_wamid_key, wa_id, bsuid
FROM contacts
WHERE contact_id = ANY(%(contact_ids)s::uuid[])
ORDER BY contact_id
FOR SHARE;

-- name: lock_conversations
-- With the time before which nothing may go: the sender is held, or Meta's pair limit is used up.
-- That is one message in 6 s with bursts of 45 in 6 s; a burst is paid for before the next one.
-- Counted here as 7 and 5 s, because a message reaches Meta up to a second later than it leaves.
-- A second message may always go: Meta takes it for the burst's, or for a new one.
SELECT
    conversation_id,
    owner,
    fence,
    lease_holder IS NOT NULL AND lease_expires_at > now() AS leased,
    coalesce(
        last_inbound_at > now() - make_interval(secs => %(window_s)s)
            AND last_inbound_at > coalesce(window_closed_at, '-infinity'),
        false
    ) AS window_open,
    (
        SELECT wamid_key FROM handoffs h
        WHERE h.conversation_id = conversations.conversation_id AND h.closed_at IS NULL
    ) AS asked_by,
    greatest(
        (
            SELECT max(held_until) FROM senders
            WHERE phone_number_id IN (conversations.phone_number_id, '*') AND held_until > now()
        ),
        CASE
            WHEN spell_count <= 1 THEN NULL
            WHEN now() >= spell_started_at + spell_count * interval '7 seconds' THEN NULL
            WHEN now() < spell_started_at + interval '5 seconds' AND spell_count < 45 THEN NULL
            ELSE spell_started_at + spell_count * interval '7 seconds'
        END
    ) AS free_at,
    now()
FROM conversations
WHERE conversation_id = ANY(%(conversation_ids)s::uuid[])
ORDER BY conversation_id
FOR NO KEY UPDATE;

-- name: already_admitted
SELECT turn_id, part, admission, callback_data, state, wamid, attempts
FROM outbox WHERE turn_id = ANY(%(turn_ids)s::uuid[]);

-- name: template_states
SELECT name, language FROM template_states WHERE state <> 'APPROVED';

-- name: overtaken
-- Turns with newer messages, or with one less: it was edited or taken back. Past the cap newer ones wait for the next turn, so that a customer
-- who does not stop writing is still answered: answering anew would take as long as this turn
-- took, or was expected to. Control words have no cap.
SELECT turns.turn_id
FROM turns JOIN conversations c USING (conversation_id)
WHERE turns.turn_id = ANY(%(turn_ids)s::uuid[]) AND (EXISTS (
    SELECT FROM inbox own WHERE own.inbox_id = ANY(turns.inbox_ids) AND own.state <> 'pending'
) OR EXISTS (
    SELECT FROM inbox i
    WHERE i.conversation_id = c.conversation_id AND i.state = 'pending'
        AND NOT i.inbox_id = ANY(turns.inbox_ids || turns.waiting_ids)
        AND (
            i.control IS NOT NULL
            OR now() + greatest(now() - turns.started_at, make_interval(secs => turns.expected_s))
                <= c.pending_since + make_interval(secs => %(cap_s)s)
        )
));

-- name: commit_intent
-- The outbox row, the record, and the messages answered: from here on nothing is answered twice.
WITH new AS (
    SELECT * FROM unnest(
        %(turn_ids)s::uuid[], %(conversation_ids)s::uuid[], %(phone_number_ids)s::text[],
        %(callback_datas)s::text[], %(purposes)s::text[], %(bodies)s::bytea[],
        %(records)s::bytea[], %(languages)s::text[], %(due_ats)s::timestamptz[]
    ) AS new (
        turn_id, conversation_id, phone_number_id, callback_data, purpose, body, record, language,
        due_at
    )
), intended AS (
    INSERT INTO outbox (
        turn_id, conversation_id, phone_number_id, callback_data, admission, purpose, body, state,
        due_at, attempts
    )
    SELECT
        turn_id, conversation_id, phone_number_id, callback_data, %(admission)s, purpose, body,
        CASE WHEN due_at IS NULL THEN 'sending' ELSE 'deferred' END,
        due_at, CASE WHEN due_at IS NULL THEN 1 ELSE 0 END
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
    attempts = 0,
    language = coalesce(waiting.language, conversations.language)
FROM waiting
WHERE conversations.conversation_id = waiting.conversation_id;

-- name: count_sends
-- Into the spell of Meta's pair limit; see lock_conversations.
UPDATE conversations SET
    spell_count = CASE
        WHEN now() < spell_started_at + spell_count * interval '7 seconds' THEN spell_count + 1
        ELSE 1 END,
    spell_started_at = CASE
        WHEN now() < spell_started_at + spell_count * interval '7 seconds' THEN spell_started_at
        ELSE now() END
WHERE conversation_id = ANY(%(conversation_ids)s::uuid[]);

-- name: lease_due
-- Deferred messages whose time has come. Whoever dies with them loses them after the lease.
WITH due AS (
    SELECT outbox_id FROM outbox
    WHERE state = 'deferred' AND due_at <= now()
    ORDER BY due_at
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE outbox SET due_at = now() + interval '30 seconds'
FROM due, turns
WHERE outbox.outbox_id = due.outbox_id AND turns.turn_id = outbox.turn_id
RETURNING outbox.part, outbox.body, turns.record;

-- name: resume
-- On its way again, under callback data of its own: a late status of an earlier try is not its.
UPDATE outbox SET
    state = 'sending',
    admission = %(admission)s,
    attempts = attempts + 1,
    body = new.body,
    callback_data = new.callback_data,
    tried_at = now(),
    due_at = NULL,
    settled_at = NULL
FROM unnest(
    %(turn_ids)s::uuid[], %(parts)s::smallint[], %(callback_datas)s::text[], %(bodies)s::bytea[]
) AS new (turn_id, part, callback_data, body)
WHERE outbox.turn_id = new.turn_id AND outbox.part = new.part AND state = 'deferred';

-- name: defer_again
UPDATE outbox SET due_at = new.due_at
FROM unnest(%(turn_ids)s::uuid[], %(parts)s::smallint[], %(due_ats)s::timestamptz[])
    AS new (turn_id, part, due_at)
WHERE outbox.turn_id = new.turn_id AND outbox.part = new.part AND state = 'deferred';

-- name: cancel_deferred
-- Not wanted any more. What a customer still waits for is a person's to answer.
WITH cancelled AS (
    UPDATE outbox SET state = 'cancelled', due_at = NULL, settled_at = now()
    FROM unnest(%(turn_ids)s::uuid[], %(parts)s::smallint[], %(held)s::boolean[])
        AS new (turn_id, part, held)
    WHERE outbox.turn_id = new.turn_id AND outbox.part = new.part AND state = 'deferred'
    RETURNING outbox.turn_id, outbox.conversation_id, new.held
)
INSERT INTO review_queue (turn_id, kind, conversation_id)
SELECT turn_id, 'held', conversation_id FROM cancelled WHERE held
ON CONFLICT DO NOTHING;

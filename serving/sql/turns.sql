-- name: claim_conversations
-- Lease due conversations, longest waiting first. SKIP LOCKED keeps claimers from waiting.
WITH due AS (
    SELECT conversation_id FROM conversations
    WHERE pending_since IS NOT NULL -- of a person's conversation only what asked for the person
        AND (lease_expires_at IS NULL OR lease_expires_at <= now())
        AND (not_before IS NULL OR not_before <= now())
        AND NOT EXISTS (
            SELECT FROM senders s
            WHERE s.phone_number_id IN (conversations.phone_number_id, '*') AND s.held_until > now()
        )
        -- What was said before goes out before. A send whose holder has lost its lease may still
        -- be on its way, until its step's time is up.
        AND NOT EXISTS (
            SELECT FROM outbox o
            WHERE o.conversation_id = conversations.conversation_id
                AND (
                    o.state = 'deferred'
                    OR (
                        o.state = 'sending'
                        AND o.tried_at > now() - make_interval(secs => %(send_s)s)
                    )
                )
        )
    ORDER BY pending_since
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE conversations SET
    lease_holder = %(holder)s,
    lease_expires_at = now() + make_interval(secs => %(lease_s)s),
    fence = fence + 1,
    attempts = attempts + 1,
    not_before = NULL
FROM due
WHERE conversations.conversation_id = due.conversation_id
RETURNING conversations.conversation_id, contact_id, phone_number_id, fence, attempts, language,
    now();

-- name: pending_messages
SELECT conversation_id, inbox_id, type, sent_at, payload
FROM inbox
WHERE conversation_id = ANY(%(conversation_ids)s::uuid[]) AND state = 'pending'
ORDER BY conversation_id, sent_at, inbox_id;

-- name: recent_replies
-- The last three of each conversation, newest first.
SELECT c.conversation_id, o.body
FROM unnest(%(conversation_ids)s::uuid[]) AS c (conversation_id)
CROSS JOIN LATERAL (
    SELECT body, created_at FROM outbox
    WHERE outbox.conversation_id = c.conversation_id AND state NOT IN ('failed', 'cancelled')
    ORDER BY created_at DESC LIMIT 3
) AS o
ORDER BY c.conversation_id, o.created_at DESC;

-- name: open_turns
-- Whoever held these conversations before has lost them.
WITH lost AS (
    UPDATE turns SET state = 'lost', ended_at = now()
    WHERE conversation_id = ANY(%(conversation_ids)s::uuid[]) AND state = 'running'
)
INSERT INTO turns
    (turn_id, conversation_id, fence, attempt, holder, inbox_ids, started_at, expected_s)
SELECT
    turn_id, conversation_id, fence, attempt, %(holder)s,
    string_to_array(inbox_ids, ',')::bigint[], %(started_at)s, %(expected_s)s
FROM unnest(
    %(turn_ids)s::uuid[], %(conversation_ids)s::uuid[], %(fences)s::bigint[],
    %(attempts)s::integer[], %(inbox_ids)s::text[]
) AS new (turn_id, conversation_id, fence, attempt, inbox_ids);

-- name: release_idle
-- Claimed, but nothing was pending after all.
UPDATE conversations SET
    lease_holder = NULL, lease_expires_at = NULL, pending_since = NULL, attempts = 0
WHERE conversation_id = ANY(%(conversation_ids)s::uuid[]) AND lease_holder = %(holder)s;

-- name: renew
WITH held AS (
    SELECT c.conversation_id, new.turn_id
    FROM unnest(%(turn_ids)s::text[], %(conversation_ids)s::uuid[], %(fences)s::bigint[])
        AS new (turn_id, conversation_id, fence)
    JOIN conversations c ON c.conversation_id = new.conversation_id AND c.fence = new.fence
    WHERE c.lease_holder IS NOT NULL
    ORDER BY c.conversation_id
    FOR NO KEY UPDATE OF c
)
UPDATE conversations SET lease_expires_at = now() + make_interval(secs => %(lease_s)s)
FROM held
WHERE conversations.conversation_id = held.conversation_id
RETURNING held.turn_id;

-- name: arrivals
-- Of turns before their gate: who has nothing left to answer, because a person took it over, and
-- every message that came meanwhile and has not been weighed. Past the cap only control words
-- count, as in the gate.
SELECT
    t.turn_id, bereft.bereft, i.control IS NOT NULL, i.inbox_id, i.type, i.sent_at, i.payload
FROM turns t
JOIN conversations c USING (conversation_id)
CROSS JOIN LATERAL (
    SELECT NOT EXISTS (
        SELECT FROM inbox own WHERE own.inbox_id = ANY(t.inbox_ids) AND own.state = 'pending'
    ) AS bereft
) AS bereft
LEFT JOIN inbox i ON i.conversation_id = t.conversation_id
    AND i.state = 'pending'
    AND NOT i.inbox_id = ANY(t.inbox_ids || t.waiting_ids)
    AND (
        i.control IS NOT NULL
        OR now() + greatest(now() - t.started_at, make_interval(secs => t.expected_s))
            <= c.pending_since + make_interval(secs => %(cap_s)s)
    )
WHERE t.turn_id = ANY(%(turn_ids)s::uuid[]) AND t.state = 'running'
    AND (bereft.bereft OR i.inbox_id IS NOT NULL)
ORDER BY t.turn_id, i.sent_at, i.inbox_id;

-- name: admit_arrivals
-- These came during a turn and do not begin it anew: it answers them too, or they wait.
UPDATE turns SET
    inbox_ids = inbox_ids || %(joining)s::bigint[],
    waiting_ids = waiting_ids || %(waiting)s::bigint[]
WHERE turn_id = %(turn_id)s AND state = 'running';

-- name: lock_for_ending
SELECT conversation_id FROM conversations
WHERE conversation_id = ANY(%(conversation_ids)s::uuid[])
ORDER BY conversation_id FOR NO KEY UPDATE;

-- name: end_turns
-- Over: store the ending, end the messages unless they stay pending, release the lease. Of a
-- turn whose lease was lost only the ending of an answer it had committed is taken.
WITH new AS (
    SELECT * FROM unnest(
        %(turn_ids)s::uuid[], %(conversation_ids)s::uuid[], %(fences)s::bigint[],
        %(outcomes)s::text[], %(records)s::bytea[], %(timings)s::jsonb[], %(logged)s::boolean[],
        %(reopen)s::boolean[]
    ) AS new (turn_id, conversation_id, fence, outcome, record, timings, logged, reopen)
), over AS (
    UPDATE turns SET
        state = CASE
            WHEN turns.state = 'answered' THEN CASE WHEN new.logged THEN 'logged' ELSE 'answered' END
            ELSE 'ended' END,
        outcome = new.outcome,
        record = coalesce(turns.record, new.record),
        timings = coalesce(new.timings, turns.timings),
        -- an answer whose logging failed is picked up again, but not at once
        log_holder = NULL,
        log_lease_expires_at = now() + interval '15 seconds',
        ended_at = now()
    FROM new
    WHERE turns.turn_id = new.turn_id AND turns.state IN ('running', 'answered')
    RETURNING turns.turn_id
), held AS (
    SELECT new.* FROM new JOIN conversations c USING (conversation_id)
    WHERE c.fence = new.fence AND c.lease_holder IS NOT NULL
), closed AS (
    UPDATE inbox SET state = 'ignored', why = held.outcome, turn_id = held.turn_id
    FROM held JOIN turns USING (turn_id)
    WHERE NOT held.reopen AND inbox.inbox_id = ANY(turns.inbox_ids) AND inbox.state = 'pending'
), waiting AS (
    SELECT
        held.conversation_id,
        (
            SELECT min(i.received_at) FROM inbox i
            WHERE i.conversation_id = held.conversation_id AND i.state = 'pending'
                AND (held.reopen OR NOT i.inbox_id = ANY(turns.inbox_ids))
        ) AS pending_since
    FROM held JOIN turns USING (turn_id)
)
UPDATE conversations SET
    lease_holder = NULL,
    lease_expires_at = NULL,
    not_before = NULL,
    attempts = 0,
    pending_since = waiting.pending_since
FROM waiting
WHERE conversations.conversation_id = waiting.conversation_id;

-- name: queue_reviews
-- What a human has to see.
INSERT INTO review_queue (turn_id, kind, conversation_id)
SELECT turn_id, 'held', conversation_id
FROM unnest(%(turn_ids)s::uuid[], %(conversation_ids)s::uuid[]) AS new (turn_id, conversation_id)
ON CONFLICT DO NOTHING;

-- name: give_back
WITH released AS (
    UPDATE conversations SET
        lease_holder = NULL,
        lease_expires_at = NULL,
        not_before = now() + make_interval(secs => %(retry_in_s)s)
    WHERE conversation_id = %(conversation_id)s AND fence = %(fence)s AND lease_holder IS NOT NULL
    RETURNING conversation_id
)
UPDATE turns SET state = 'returned', detail = %(detail)s, ended_at = now()
FROM released
WHERE turn_id = %(turn_id)s AND state = 'running';

-- name: lease_unlogged
-- Answered turns nobody works on any more: their conversation's lease is over or another's.
WITH orphans AS (
    SELECT t.turn_id FROM turns t JOIN conversations c USING (conversation_id)
    WHERE t.state = 'answered'
        AND (
            c.fence <> t.fence OR c.lease_expires_at IS NULL OR c.lease_expires_at <= now()
        )
        AND (t.log_lease_expires_at IS NULL OR t.log_lease_expires_at <= now())
        AND NOT EXISTS ( -- its sender may live, only slowly
            SELECT FROM outbox o
            WHERE o.turn_id = t.turn_id AND o.state = 'sending'
                AND o.tried_at > now() - make_interval(secs => %(send_s)s)
        )
    ORDER BY t.started_at
    LIMIT %(limit)s
    FOR NO KEY UPDATE OF t SKIP LOCKED
)
UPDATE turns SET
    log_holder = %(holder)s,
    log_lease_expires_at = now() + make_interval(secs => %(lease_s)s)
FROM orphans
WHERE turns.turn_id = orphans.turn_id
RETURNING turns.turn_id;

-- name: park_abandoned
-- Whether these left is not known: their sender died. A status will tell.
UPDATE outbox SET state = 'parked'
WHERE turn_id = ANY(%(turn_ids)s::uuid[]) AND state = 'sending';

-- name: answered_turns
SELECT t.turn_id, t.record, o.body, o.state, o.wamid, o.detail
FROM turns t JOIN outbox o ON o.turn_id = t.turn_id AND o.part = 0
WHERE t.turn_id = ANY(%(turn_ids)s::uuid[])
ORDER BY t.started_at;

-- name: failed_send
SELECT
    o.turn_id, o.part, o.conversation_id, o.phone_number_id, o.purpose, o.body, c.contact_id
FROM outbox o JOIN conversations c USING (conversation_id)
WHERE o.outbox_id = %(outbox_id)s;

-- name: close_window
-- Until the customer writes something newer than what this turn answers.
UPDATE conversations SET window_closed_at = (
    SELECT max(i.sent_at) FROM inbox i JOIN turns t ON i.inbox_id = ANY(t.inbox_ids)
    WHERE t.turn_id = %(turn_id)s
)
WHERE conversation_id = %(conversation_id)s;

-- name: suppress_marketing
UPDATE contacts SET opt_out_scope = 'marketing', opted_out_at = now(), updated_at = now()
WHERE contact_id = %(contact_id)s AND opt_out_scope IS NULL;

-- name: next_part
-- The same words again, decided anew by the gate when they are due.
INSERT INTO outbox (
    turn_id, part, conversation_id, phone_number_id, callback_data, admission, purpose, body,
    state, due_at, attempts
)
SELECT
    turn_id, part + 1, conversation_id, phone_number_id, turn_id || ':' || part + 1,
    gen_random_uuid(), purpose, body, 'deferred', now() + make_interval(secs => %(due_in_s)s), 0
FROM outbox WHERE outbox_id = %(outbox_id)s
ON CONFLICT (turn_id, part) DO NOTHING;

-- name: tell_a_person
INSERT INTO review_queue (turn_id, kind, conversation_id)
VALUES (%(turn_id)s, 'undelivered', %(conversation_id)s)
ON CONFLICT DO NOTHING;

-- name: set_template_state
INSERT INTO template_states (name, language, state) VALUES (%(name)s, %(language)s, %(state)s)
ON CONFLICT (name, language) DO UPDATE SET state = excluded.state, changed_at = now();

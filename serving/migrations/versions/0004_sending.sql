CREATE TABLE senders (
    phone_number_id text PRIMARY KEY,
    held_until timestamptz,
    held_for text,
    holds integer NOT NULL DEFAULT 0,
    throughput_mps integer NOT NULL DEFAULT 80 CHECK (throughput_mps > 0),
    next_slot_at timestamptz
) WITH (fillfactor = 50);

CREATE TABLE alerts (
    alert_id bigserial PRIMARY KEY,
    kind text NOT NULL,
    phone_number_id text NOT NULL DEFAULT '',
    subject text NOT NULL,
    meaning text NOT NULL,
    occurrences integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
CREATE UNIQUE INDEX alerts_open ON alerts (kind, phone_number_id, subject)
    WHERE resolved_at IS NULL;

CREATE TABLE template_states (
    name text NOT NULL,
    language text NOT NULL,
    state text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, language)
);

ALTER TABLE conversations
    ADD COLUMN window_closed_at timestamptz,
    ADD COLUMN spell_started_at timestamptz,
    ADD COLUMN spell_count smallint NOT NULL DEFAULT 0;

ALTER TABLE outbox
    DROP CONSTRAINT outbox_state_check,
    ADD CONSTRAINT outbox_state_check CHECK (state IN (
        'sending', 'sent', 'parked', 'failed', 'deferred', 'cancelled'
    )),
    ADD COLUMN due_at timestamptz;
CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'deferred';
CREATE INDEX outbox_deferred ON outbox (conversation_id) WHERE state = 'deferred';

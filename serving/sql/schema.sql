-- The whole schema, as it stands after every migration. A test compares it with the migrations.
--
-- Personal data (identifiers, names, texts, message ids) is never in a plain column: `*_key` is a
-- keyed hash of an identifier (to find it again), and other bytea columns are encrypted values.
-- Locks are taken in the order contacts, conversations, inbox, turns, outbox, each by ascending key.

-- Order is the lattice of delivery: a status only ever moves a message to the right. `failed`
-- overrides queued and sent only, so it stands before `delivered`.
CREATE TYPE delivery AS ENUM ('queued', 'sent', 'failed', 'delivered', 'read', 'played');

-- The key of all keyed hashes, generated once, wrapped by the encryption keys. It never changes,
-- because every `*_key` column would have to be computed anew.
CREATE TABLE keyring (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    wrapped_lookup_key bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A customer. Either identifier may be missing; both unique where present.
CREATE TABLE contacts (
    contact_id uuid PRIMARY KEY,
    bsuid_key bytea UNIQUE,
    wa_id_key bytea UNIQUE,
    bsuid bytea,
    wa_id bytea,
    name bytea,
    username bytea,
    email bytea,
    tier text NOT NULL DEFAULT 'standard',
    joined date,
    difficulty text,
    budget_inr integer,
    season text,
    opt_out_scope text CHECK (opt_out_scope IN ('all', 'marketing')),
    opted_out_at timestamptz,
    opt_out_wamid_key bytea, -- the message that opted out: only its turn may confirm
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    consent_said_at timestamptz, -- Meta's time of the last word on consent; older ones change nothing
    CHECK (bsuid_key IS NOT NULL OR wa_id_key IS NOT NULL)
) WITH (fillfactor = 85);

CREATE TABLE bookings (
    reference text PRIMARY KEY,
    contact_id uuid NOT NULL REFERENCES contacts ON DELETE CASCADE,
    trek text NOT NULL,
    departs_on date NOT NULL,
    status text NOT NULL,
    seats integer NOT NULL CHECK (seats > 0),
    amount_inr integer NOT NULL,
    paid_inr integer NOT NULL
);
CREATE INDEX bookings_of_contact ON bookings (contact_id);

-- One contact writing to one business number; also the queue: it is due when it has pending
-- messages, no lease holds it and its back-off is over. What is written to a person never pends.
CREATE TABLE conversations (
    conversation_id uuid PRIMARY KEY,
    phone_number_id text NOT NULL,
    contact_id uuid NOT NULL REFERENCES contacts ON DELETE CASCADE,
    owner text NOT NULL DEFAULT 'bot' CHECK (owner IN ('bot', 'human', 'closed')),
    stage text NOT NULL DEFAULT 'initial',
    lead_score integer NOT NULL DEFAULT 0 CHECK (lead_score BETWEEN 0 AND 100),
    lead_band text NOT NULL DEFAULT 'cold',
    language text,
    last_inbound_at timestamptz, -- Meta's timestamp: the 24-hour window is counted from it
    pending_since timestamptz, -- arrival of the oldest pending message; NULL: none is pending
    not_before timestamptz, -- back-off after a failure
    attempts integer NOT NULL DEFAULT 0, -- claims since the last ending
    lease_holder text,
    lease_expires_at timestamptz,
    fence bigint NOT NULL DEFAULT 0, -- grows with every claim; a commit with an older one is refused
    created_at timestamptz NOT NULL DEFAULT now(),
    window_closed_at timestamptz, -- Meta said so: messages up to this one do not hold it open
    spell_started_at timestamptz, -- Meta's pair limit: a spell of messages, and how many
    spell_count smallint NOT NULL DEFAULT 0,
    UNIQUE (phone_number_id, contact_id)
) WITH (fillfactor = 70);
CREATE INDEX conversations_due ON conversations (pending_since) WHERE pending_since IS NOT NULL;
CREATE INDEX conversations_of_contact ON conversations (contact_id);

-- Every message Meta delivered, once.
CREATE TABLE inbox (
    inbox_id bigserial PRIMARY KEY,
    phone_number_id text NOT NULL,
    wamid_key bytea NOT NULL,
    conversation_id uuid REFERENCES conversations ON DELETE CASCADE, -- NULL: from nobody we know
    type text NOT NULL,
    payload bytea NOT NULL, -- encrypted: wamid, words, and the message as it came
    sent_at timestamptz NOT NULL, -- Meta's timestamp
    -- not now(): under the conversation's lock it tells whether a claim could have seen it
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL CHECK (state IN ('pending', 'answered', 'buried', 'ignored')),
    why text NOT NULL DEFAULT '', -- why it is ignored
    turn_id uuid, -- the turn that ended it
    control text CHECK (control IN ('stop', 'start', 'human')), -- a whole message that commands
    amends_key bytea, -- of the message it edits or takes back
    UNIQUE (phone_number_id, wamid_key)
) WITH (fillfactor = 85);
CREATE INDEX inbox_pending ON inbox (conversation_id, sent_at, inbox_id) WHERE state = 'pending';
CREATE INDEX inbox_of_conversation ON inbox (conversation_id, sent_at, inbox_id);
CREATE INDEX inbox_amendments ON inbox (phone_number_id, amends_key) WHERE amends_key IS NOT NULL;

CREATE INDEX inbox_media ON inbox (inbox_id)
    WHERE type IN ('image', 'audio', 'video', 'document', 'sticker');

-- What customers attached. Its message is answered without waiting for it.
CREATE TABLE media (
    inbox_id bigint PRIMARY KEY REFERENCES inbox ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('waiting', 'stored', 'refused')),
    reason text NOT NULL DEFAULT '', -- why there is none
    mime_type text NOT NULL DEFAULT '',
    num_bytes bigint NOT NULL DEFAULT 0,
    content bytea, -- encrypted
    attempts integer NOT NULL DEFAULT 1,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX media_of_conversation ON media (conversation_id);
CREATE INDEX media_waiting ON media (due_at) WHERE state = 'waiting';

-- One claim of a conversation's pending messages.
CREATE TABLE turns (
    turn_id uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    fence bigint NOT NULL,
    attempt integer NOT NULL,
    holder text NOT NULL,
    inbox_ids bigint[] NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN (
        'running', -- claimed
        'answered', -- outbox row committed, not yet logged
        'logged', -- answered, and steps 10 and 11 are done
        'ended', -- ended without an answer; see `outcome`
        'returned', -- given back after a failure; its messages are pending again
        'lost', -- its lease ran out
        'buried' -- dead-lettered
    )),
    outcome text, -- a send outcome, or "silent"
    record bytea, -- encrypted TurnRecord
    timings jsonb, -- complete step timings, known when the turn is over
    detail bytea, -- encrypted reason of a failure
    log_holder text,
    log_lease_expires_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(),
    answered_at timestamptz,
    ended_at timestamptz,
    waiting_ids bigint[] NOT NULL DEFAULT '{}', -- came during it, and wait for the next turn
    draft bytea, -- encrypted: what a model wrote for these messages, kept once it is paid for
    expected_s real NOT NULL DEFAULT 0, -- how long its router expects such a turn to take
    UNIQUE (conversation_id, fence)
) WITH (fillfactor = 70);
CREATE INDEX turns_open ON turns (started_at) WHERE state IN ('running', 'answered');

-- The intent to send, committed before the call to Graph, and what became of it.
CREATE TABLE outbox (
    outbox_id bigserial PRIMARY KEY,
    turn_id uuid NOT NULL REFERENCES turns ON DELETE CASCADE,
    part smallint NOT NULL DEFAULT 0,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    phone_number_id text NOT NULL,
    callback_data text NOT NULL UNIQUE, -- echoed by Meta in every status
    admission uuid NOT NULL, -- lets a repeated commit recognise itself
    purpose text NOT NULL,
    body bytea NOT NULL, -- encrypted Reply
    state text NOT NULL DEFAULT 'sending' CHECK (state IN (
        'sending', -- the call may be under way
        'sent',
        'parked', -- whether it left is not known
        'failed',
        'deferred', -- not sent; tried again at `due_at`
        'cancelled' -- deferred, and then not wanted any more
    )),
    delivery delivery NOT NULL DEFAULT 'queued',
    attempts integer NOT NULL DEFAULT 1,
    wamid_key bytea,
    wamid bytea,
    error_code integer,
    detail bytea, -- encrypted
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    due_at timestamptz,
    tried_at timestamptz NOT NULL DEFAULT now(), -- when the last attempt began
    UNIQUE (turn_id, part)
) WITH (fillfactor = 70);
CREATE INDEX outbox_of_conversation ON outbox (conversation_id, created_at);
CREATE INDEX outbox_by_wamid ON outbox (wamid_key) WHERE wamid_key IS NOT NULL;
CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'deferred';
CREATE INDEX outbox_under_way ON outbox (conversation_id) WHERE state IN ('deferred', 'sending');
CREATE INDEX outbox_unsettled ON outbox (created_at) WHERE state IN ('sending', 'parked');

-- A business number that we send from; '*' stands for the whole account.
CREATE TABLE senders (
    phone_number_id text PRIMARY KEY,
    held_until timestamptz, -- until then nothing is claimed and nothing is sent
    held_for text, -- code or event; never personal data
    holds integer NOT NULL DEFAULT 0, -- in a row: each lasts twice as long
    throughput_mps integer NOT NULL DEFAULT 80 CHECK (throughput_mps > 0), -- Meta's, in and out
    next_slot_at timestamptz -- of the next message
) WITH (fillfactor = 50);

-- What an operator has to see; one open row for each thing that is wrong.
CREATE TABLE alerts (
    alert_id bigserial PRIMARY KEY,
    kind text NOT NULL, -- graph | account | quality | template | budget
    phone_number_id text NOT NULL DEFAULT '',
    subject text NOT NULL, -- code or event; never personal data
    meaning text NOT NULL,
    occurrences integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
CREATE UNIQUE INDEX alerts_open ON alerts (kind, phone_number_id, subject)
    WHERE resolved_at IS NULL;

-- What Meta last said of a message template; without a row it is as business.yaml has it.
CREATE TABLE template_states (
    name text NOT NULL,
    language text NOT NULL,
    state text NOT NULL, -- APPROVED | PAUSED | DISABLED | REJECTED | ...
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, language)
);

-- What each delivered message cost, once.
CREATE TABLE message_charges (
    outbox_id bigint PRIMARY KEY REFERENCES outbox ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    phone_number_id text NOT NULL,
    country text NOT NULL, -- of the customer; '' where it is not known
    category text NOT NULL, -- service | utility | marketing
    free boolean NOT NULL, -- within Meta's free quota or entry point
    nano_usd bigint NOT NULL,
    charged_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX message_charges_of_conversation ON message_charges (conversation_id);
CREATE INDEX message_charges_by_time ON message_charges (charged_at);

-- The sum of a month; it stays when customers are erased.
CREATE TABLE message_spend (
    month date PRIMARY KEY,
    messages bigint NOT NULL,
    nano_usd bigint NOT NULL
);

-- Every delivery status, once. Kept also when its message is not known yet.
CREATE TABLE statuses (
    status_id bigserial PRIMARY KEY,
    phone_number_id text NOT NULL,
    wamid_key bytea NOT NULL,
    status text NOT NULL,
    recipient_key bytea NOT NULL, -- of the group participant; empty in a plain chat
    callback_data text,
    error_code integer,
    payload bytea NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (wamid_key, status, recipient_key)
);

-- Everything else that was signed: account events, history, bodies we could not read.
CREATE TABLE webhook_events (
    event_id bigserial PRIMARY KEY,
    kind text NOT NULL,
    phone_number_id text,
    content_key bytea NOT NULL UNIQUE,
    payload bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);

-- What the customer and we said in one turn, and how it was made.
CREATE TABLE interactions (
    turn_id uuid PRIMARY KEY REFERENCES turns ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    inbound bytea NOT NULL,
    outbound bytea NOT NULL,
    outcome text NOT NULL,
    stage text NOT NULL,
    intent text NOT NULL,
    sentiment text NOT NULL,
    language text NOT NULL,
    tier text,
    model text,
    confidence integer,
    prompt_tokens integer NOT NULL,
    completion_tokens integer NOT NULL,
    cost_usd double precision NOT NULL,
    timings jsonb NOT NULL,
    degraded text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX interactions_of_conversation ON interactions (conversation_id, created_at);

CREATE TABLE lead_scores (
    turn_id uuid PRIMARY KEY REFERENCES turns ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    score integer NOT NULL CHECK (score BETWEEN 0 AND 100),
    band text NOT NULL,
    evidence jsonb NOT NULL,
    follow_up boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lead_scores_of_conversation ON lead_scores (conversation_id, created_at);

-- Every opt-out and re-subscription, once per message that asked for it.
CREATE TABLE opt_out_events (
    contact_id uuid NOT NULL REFERENCES contacts ON DELETE CASCADE,
    wamid_key bytea NOT NULL,
    action text NOT NULL CHECK (action IN ('opt_out', 'resubscribe')),
    scope text NOT NULL,
    rule text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (contact_id, wamid_key, action)
);

CREATE TABLE dead_letters (
    turn_id uuid PRIMARY KEY REFERENCES turns ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    reason bytea NOT NULL, -- encrypted: an error may quote its input
    attempts integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz,
    replayed_by text
);
CREATE INDEX dead_letters_open ON dead_letters (created_at) WHERE replayed_at IS NULL;
CREATE INDEX dead_letters_of_conversation ON dead_letters (conversation_id);

-- What a human should look at.
CREATE TABLE review_queue (
    turn_id uuid NOT NULL REFERENCES turns ON DELETE CASCADE,
    kind text NOT NULL, -- compliance | held
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    rules text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    PRIMARY KEY (turn_id, kind)
);
CREATE INDEX review_queue_open ON review_queue (created_at) WHERE resolved_at IS NULL;
CREATE INDEX review_queue_of_conversation ON review_queue (conversation_id);

-- A conversation in a person's hands; at most one is open per conversation.
CREATE TABLE handoffs (
    handoff_id bigserial PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    reason text NOT NULL CHECK (reason IN (
        'customer', -- asked for a person
        'agent', -- a colleague took it over by API
        'echo', -- a colleague answered from the business app
        'stale', -- too old for the bot to answer
        'held' -- the bot may not write any more: the 24 hours are over
    )),
    opened_by text NOT NULL DEFAULT '', -- name of the colleague's key; '' otherwise
    wamid_key bytea, -- the message that asked: only its turn may acknowledge
    opened_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz, -- handed back, or the conversation was closed
    closed_by text
);
CREATE UNIQUE INDEX handoffs_open ON handoffs (conversation_id) WHERE closed_at IS NULL;
CREATE INDEX handoffs_of_conversation ON handoffs (conversation_id, opened_at);

-- Who may use the administration's API, and for what. Only a hash of the key is kept.
CREATE TABLE api_keys (
    name text PRIMARY KEY,
    key_hash bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- Every call of the administration's API. No personal data: targets are ids of ours.
CREATE TABLE audit_log (
    audit_id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL, -- name of the key; '' when none was accepted
    action text NOT NULL, -- method and route, or the command
    target text NOT NULL DEFAULT '',
    status integer NOT NULL -- as in HTTP
);
CREATE INDEX audit_log_by_time ON audit_log (at);

-- What is spent on paid models, a row a day, in billionths of a dollar. Includes what is set aside
-- for calls under way; a call that nobody settles counts as spent in full.
CREATE TABLE model_spend (
    day date PRIMARY KEY,
    held_nano_usd bigint NOT NULL
);
CREATE TABLE model_reservations (
    reservation_id uuid PRIMARY KEY,
    day date NOT NULL REFERENCES model_spend,
    nano_usd bigint NOT NULL
);

-- Encrypted values do not compress; trying would cost more than storing them.
ALTER TABLE turns ALTER COLUMN record SET STORAGE EXTERNAL;
ALTER TABLE turns ALTER COLUMN draft SET STORAGE EXTERNAL;
ALTER TABLE inbox ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE media ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE statuses ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE webhook_events ALTER COLUMN payload SET STORAGE EXTERNAL;

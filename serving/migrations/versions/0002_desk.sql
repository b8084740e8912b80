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

-- Where a dead letter went when it was replayed, and by whom.
ALTER TABLE dead_letters ADD COLUMN replayed_by text;
-- Erasing a conversation finds its rows by these.
CREATE INDEX dead_letters_of_conversation ON dead_letters (conversation_id);
CREATE INDEX review_queue_of_conversation ON review_queue (conversation_id);

-- A message that asks for a person is acknowledged although a person has the conversation.
DROP INDEX conversations_due;
CREATE INDEX conversations_due ON conversations (pending_since) WHERE pending_since IS NOT NULL;

CREATE TABLE message_charges (
    outbox_id bigint PRIMARY KEY REFERENCES outbox ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    phone_number_id text NOT NULL,
    country text NOT NULL,
    category text NOT NULL,
    free boolean NOT NULL,
    nano_usd bigint NOT NULL,
    charged_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX message_charges_of_conversation ON message_charges (conversation_id);
CREATE INDEX message_charges_by_time ON message_charges (charged_at);

CREATE TABLE message_spend (
    month date PRIMARY KEY,
    messages bigint NOT NULL,
    nano_usd bigint NOT NULL
);

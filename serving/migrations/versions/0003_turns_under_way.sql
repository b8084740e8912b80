-- Control words, drafts that were paid for, and messages that came during a turn.

ALTER TABLE contacts ADD COLUMN consent_said_at timestamptz;

ALTER TABLE inbox
    ADD COLUMN control text CHECK (control IN ('stop', 'start', 'human')),
    ALTER COLUMN received_at SET DEFAULT clock_timestamp();

ALTER TABLE turns
    ADD COLUMN waiting_ids bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN draft bytea;
ALTER TABLE turns ALTER COLUMN draft SET STORAGE EXTERNAL;

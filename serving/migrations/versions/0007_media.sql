CREATE TABLE media (
    inbox_id bigint PRIMARY KEY REFERENCES inbox ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('waiting', 'stored', 'refused')),
    reason text NOT NULL DEFAULT '',
    mime_type text NOT NULL DEFAULT '',
    num_bytes bigint NOT NULL DEFAULT 0,
    content bytea,
    attempts integer NOT NULL DEFAULT 1,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX media_of_conversation ON media (conversation_id);
CREATE INDEX media_waiting ON media (due_at) WHERE state = 'waiting';
ALTER TABLE media ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX inbox_media ON inbox (inbox_id)
    WHERE type IN ('image', 'audio', 'video', 'document', 'sticker');

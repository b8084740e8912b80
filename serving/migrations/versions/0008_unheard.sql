-- When the last attempt of a send began: what is unheard of for long is closed.
ALTER TABLE outbox ADD COLUMN tried_at timestamptz NOT NULL DEFAULT now();

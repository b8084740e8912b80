-- What is on its way goes out before anything newer; the cap on a burst counts from the oldest
-- message that is not answered, and leaves room for as long as a turn is expected to take.

ALTER TABLE conversations DROP COLUMN burst_since;
ALTER TABLE turns ADD COLUMN expected_s real NOT NULL DEFAULT 0;

DROP INDEX outbox_deferred;
CREATE INDEX outbox_under_way ON outbox (conversation_id) WHERE state IN ('deferred', 'sending');

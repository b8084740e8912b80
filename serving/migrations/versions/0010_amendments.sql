-- A message may be edited again and again, and its edits may come in any order, before it even.

ALTER TABLE inbox ADD COLUMN amends_key bytea; -- of the message it edits or takes back
CREATE INDEX inbox_amendments ON inbox (phone_number_id, amends_key) WHERE amends_key IS NOT NULL;

-- name: hold
-- Each hold in a row lasts twice as long; calls that were under way when it began do not count.
INSERT INTO senders (phone_number_id, held_until, held_for, holds)
VALUES (
    %(phone_number_id)s, coalesce(%(until)s::timestamptz, now() + interval '1 minute'),
    %(reason)s, 1
)
ON CONFLICT (phone_number_id) DO UPDATE SET
    held_until = greatest(
        senders.held_until,
        coalesce(
            %(until)s::timestamptz,
            now() + least(interval '1 hour', interval '1 minute' * power(2, senders.holds))
        )
    ),
    held_for = excluded.held_for,
    holds = CASE WHEN senders.held_until > now() THEN senders.holds
        ELSE least(senders.holds + 1, 16) END;

-- name: release
-- Deferred messages of the number are due at once.
WITH free AS (
    UPDATE senders SET held_until = NULL, held_for = NULL, holds = 0
    WHERE phone_number_id = %(phone_number_id)s
)
UPDATE outbox SET due_at = now()
WHERE state = 'deferred' AND (phone_number_id = %(phone_number_id)s OR %(phone_number_id)s = '*');

-- name: proved
-- A message was accepted after the hold: what it was for is over.
UPDATE senders SET held_until = NULL, held_for = NULL, holds = 0
WHERE phone_number_id = ANY(%(phone_number_ids)s::text[]) AND holds > 0 AND held_until <= now();

-- name: set_throughput
INSERT INTO senders (phone_number_id, throughput_mps) VALUES (%(phone_number_id)s, %(mps)s)
ON CONFLICT (phone_number_id) DO UPDATE SET throughput_mps = excluded.throughput_mps;

-- name: set_only_throughput
-- Meta names a number by its digits here, and we know it by its id: sure only if there is one.
UPDATE senders SET throughput_mps = %(mps)s
WHERE phone_number_id <> '*'
    AND (SELECT count(*) FROM senders WHERE phone_number_id <> '*') = 1;

-- name: reserve
-- Slots for some messages of some numbers. Meta counts in and out together, so what came in during
-- the last second is taken off; a tenth is left free for what we cannot see, and a tenth is never
-- given up to a flood of incoming messages. The length is not taken from `excluded`, whose clock ran
-- on while the row was waited for.
WITH wanted AS (
    SELECT * FROM unnest(%(phone_number_ids)s::text[], %(counts)s::integer[])
        AS new (phone_number_id, count)
), rates AS (
    SELECT wanted.*, greatest(s.mps * 0.9 - recent.inbound, s.mps * 0.1) AS rate
    FROM wanted
    CROSS JOIN LATERAL (
        SELECT coalesce(max(throughput_mps), 80)::double precision AS mps
        FROM senders WHERE senders.phone_number_id = wanted.phone_number_id
    ) s
    CROSS JOIN LATERAL (
        SELECT count(*) AS inbound FROM (
            SELECT phone_number_id, received_at FROM inbox
            ORDER BY inbox_id DESC LIMIT s.mps::integer
        ) last
        WHERE last.phone_number_id = wanted.phone_number_id
            AND last.received_at > now() - interval '1 second'
    ) recent
    ORDER BY wanted.phone_number_id
)
INSERT INTO senders AS s (phone_number_id, next_slot_at)
SELECT phone_number_id, clock_timestamp() + make_interval(secs => count / rate) FROM rates
ON CONFLICT (phone_number_id) DO UPDATE SET
    next_slot_at = greatest(s.next_slot_at, clock_timestamp())
        + (
            SELECT make_interval(secs => count / rate) FROM rates
            WHERE rates.phone_number_id = s.phone_number_id
        )
RETURNING
    phone_number_id,
    extract(epoch FROM next_slot_at - clock_timestamp())::double precision AS until_last_s,
    (SELECT rate FROM rates WHERE rates.phone_number_id = s.phone_number_id) AS rate;

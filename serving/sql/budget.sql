-- name: reserve
-- One row a day: its lock makes reservations of all replicas one after the other.
INSERT INTO model_spend AS day_of (day, held_nano_usd)
SELECT CURRENT_DATE, %(amount)s::bigint WHERE %(amount)s::bigint <= %(limit)s::bigint
ON CONFLICT (day) DO UPDATE SET held_nano_usd = day_of.held_nano_usd + excluded.held_nano_usd
    WHERE day_of.held_nano_usd + excluded.held_nano_usd <= %(limit)s::bigint
RETURNING day;

-- name: settle
UPDATE model_spend SET held_nano_usd = held_nano_usd + %(difference)s::bigint WHERE day = %(day)s;

-- name: held
SELECT held_nano_usd FROM model_spend WHERE day = CURRENT_DATE;

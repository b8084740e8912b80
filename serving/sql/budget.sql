-- name: reserve
-- One row a day: its lock puts the reservations of all replicas one after the other. A repeated
-- reservation violates the key and changes nothing.
WITH day_of AS (
    INSERT INTO model_spend AS today (day, held_nano_usd)
    SELECT CURRENT_DATE, %(amount)s::bigint WHERE %(amount)s::bigint <= %(limit)s::bigint
    ON CONFLICT (day) DO UPDATE SET held_nano_usd = today.held_nano_usd + excluded.held_nano_usd
        WHERE today.held_nano_usd + excluded.held_nano_usd <= %(limit)s::bigint
    RETURNING day
)
INSERT INTO model_reservations (reservation_id, day, nano_usd)
SELECT %(reservation_id)s, day, %(amount)s FROM day_of
RETURNING day;

-- name: settle
-- Once: what was set aside becomes what was spent.
WITH settled AS (
    DELETE FROM model_reservations WHERE reservation_id = %(reservation_id)s
    RETURNING day, nano_usd
)
UPDATE model_spend SET held_nano_usd = held_nano_usd - settled.nano_usd + %(spent)s::bigint
FROM settled WHERE model_spend.day = settled.day;

-- name: held
SELECT held_nano_usd FROM model_spend WHERE day = CURRENT_DATE;

-- name: lock_wamids
-- A status without callback data may race the commit that tells whose wamid it is.
SELECT pg_advisory_xact_lock(key) FROM unnest(%(keys)s::bigint[]) AS new (key) ORDER BY key;

-- name: lock_outbox
SELECT outbox_id, state FROM outbox
WHERE wamid_key = ANY(%(wamid_keys)s::bytea[]) OR callback_data = ANY(%(callback_datas)s::text[])
ORDER BY outbox_id FOR NO KEY UPDATE;

-- name: apply_statuses
-- Move every message named by wamid or by our callback data up the lattice. What Meta says of
-- the delivery decides the state; a parked message is settled by it.
WITH new AS (
    SELECT * FROM unnest(
        %(wamid_keys)s::bytea[], %(wamids)s::bytea[], %(callback_datas)s::text[],
        %(statuses)s::delivery[], %(error_codes)s::integer[]
    ) WITH ORDINALITY AS new (wamid_key, wamid, callback_data, status, error_code, place)
), matched AS (
    SELECT o.outbox_id, new.* FROM new JOIN outbox o ON o.wamid_key = new.wamid_key
    UNION ALL
    SELECT o.outbox_id, new.* FROM new JOIN outbox o ON o.callback_data = new.callback_data
), joined AS (
    SELECT
        outbox_id,
        max(status) AS delivery,
        (array_agg(wamid_key))[1] AS wamid_key,
        (array_agg(wamid))[1] AS wamid,
        max(error_code) AS error_code,
        array_agg(place::integer) AS places
    FROM matched GROUP BY outbox_id
)
UPDATE outbox SET
    delivery = greatest(outbox.delivery, joined.delivery),
    state = CASE greatest(outbox.delivery, joined.delivery)
        WHEN 'queued' THEN outbox.state
        WHEN 'failed' THEN 'failed'
        ELSE 'sent' END,
    wamid_key = coalesce(outbox.wamid_key, joined.wamid_key),
    wamid = coalesce(outbox.wamid, joined.wamid),
    error_code = coalesce(joined.error_code, outbox.error_code),
    settled_at = coalesce(outbox.settled_at, now())
FROM joined
WHERE outbox.outbox_id = joined.outbox_id
RETURNING outbox.outbox_id, outbox.state, joined.error_code, joined.places;

-- name: settle
-- What the Graph call answered. It never takes back what a status said, in whatever order.
WITH new AS (
    SELECT * FROM unnest(
        %(callback_datas)s::text[], %(outcomes)s::text[], %(wamid_keys)s::bytea[],
        %(wamids)s::bytea[], %(details)s::bytea[], %(codes)s::integer[],
        %(due_in_s)s::double precision[]
    ) AS new (callback_data, outcome, wamid_key, wamid, detail, code, due_in_s)
), known AS (
    SELECT
        new.*,
        (
            SELECT max(s.status::delivery) FROM statuses s
            WHERE s.wamid_key = new.wamid_key
                AND s.status IN ('sent', 'failed', 'delivered', 'read', 'played')
        ) AS delivery,
        coalesce(new.code, (
            SELECT max(s.error_code) FROM statuses s
            WHERE s.wamid_key = new.wamid_key AND s.status = 'failed'
        )) AS error_code
    FROM new
)
UPDATE outbox SET
    delivery = greatest(outbox.delivery, known.delivery),
    state = CASE
        WHEN greatest(outbox.delivery, known.delivery) = 'failed' THEN 'failed'
        WHEN greatest(outbox.delivery, known.delivery) > 'queued' THEN 'sent'
        WHEN known.outcome = 'sent' THEN 'sent'
        WHEN known.outcome IN ('parked', 'deferred') AND outbox.state <> 'sending'
            THEN outbox.state
        WHEN known.outcome = 'failed' AND outbox.state = 'sent' THEN outbox.state
        ELSE known.outcome END,
    wamid_key = coalesce(outbox.wamid_key, known.wamid_key),
    wamid = coalesce(outbox.wamid, known.wamid),
    detail = coalesce(known.detail, outbox.detail),
    error_code = coalesce(known.error_code, outbox.error_code),
    due_at = CASE WHEN known.outcome = 'deferred'
        THEN now() + make_interval(secs => known.due_in_s) ELSE outbox.due_at END,
    settled_at = CASE WHEN known.outcome IN ('parked', 'deferred') THEN outbox.settled_at
        ELSE coalesce(outbox.settled_at, now()) END
FROM known
WHERE outbox.callback_data = known.callback_data
RETURNING outbox.outbox_id, outbox.state, known.error_code, known.outcome, outbox.phone_number_id;

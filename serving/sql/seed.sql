-- name: add_customer
-- A demo customer; one who already wrote to us keeps what is known.
INSERT INTO contacts (
    contact_id, bsuid_key, wa_id_key, bsuid, wa_id, name, username, email, tier, joined,
    difficulty, budget_inr, season, opt_out_scope, opted_out_at
)
VALUES (
    %(contact_id)s, %(bsuid_key)s, %(wa_id_key)s, %(bsuid)s, %(wa_id)s, %(name)s, %(username)s,
    %(email)s, %(tier)s, %(joined)s, %(difficulty)s, %(budget_inr)s, %(season)s,
    %(opt_out_scope)s, CASE WHEN %(opt_out_scope)s::text IS NOT NULL THEN now() END
)
ON CONFLICT DO NOTHING;

-- name: complete_customer
UPDATE contacts SET
    email = coalesce(email, %(email)s),
    tier = %(tier)s,
    joined = coalesce(joined, %(joined)s),
    difficulty = coalesce(difficulty, %(difficulty)s),
    budget_inr = coalesce(budget_inr, %(budget_inr)s),
    season = coalesce(season, %(season)s)
WHERE bsuid_key = %(bsuid_key)s OR (bsuid_key IS NULL AND wa_id_key = %(wa_id_key)s)
RETURNING contact_id;

-- name: add_booking
INSERT INTO bookings (reference, contact_id, trek, departs_on, status, seats, amount_inr, paid_inr)
VALUES (
    %(reference)s, %(contact_id)s, %(trek)s, %(departure_date)s, %(status)s, %(seats)s,
    %(amount_inr)s, %(paid_inr)s
)
ON CONFLICT (reference) DO UPDATE SET
    contact_id = excluded.contact_id, trek = excluded.trek, departs_on = excluded.departs_on,
    status = excluded.status, seats = excluded.seats, amount_inr = excluded.amount_inr,
    paid_inr = excluded.paid_inr;

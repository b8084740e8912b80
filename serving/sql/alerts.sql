-- name: raise_alerts
INSERT INTO alerts (kind, phone_number_id, subject, meaning)
SELECT * FROM unnest(
    %(kinds)s::text[], %(phone_number_ids)s::text[], %(subjects)s::text[], %(meanings)s::text[]
)
ON CONFLICT (kind, phone_number_id, subject) WHERE resolved_at IS NULL
DO UPDATE SET
    occurrences = alerts.occurrences + 1, last_at = now(), meaning = excluded.meaning;

-- name: resolve_alerts
UPDATE alerts SET resolved_at = now()
WHERE resolved_at IS NULL AND kind = %(kind)s AND phone_number_id = %(phone_number_id)s
    AND (%(subject)s::text IS NULL OR subject = %(subject)s);

-- name: open_alerts
SELECT alert_id, kind, phone_number_id, subject, meaning, occurrences, first_at, last_at
FROM alerts WHERE resolved_at IS NULL
ORDER BY last_at DESC LIMIT %(limit)s;

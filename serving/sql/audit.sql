-- name: add_key
INSERT INTO api_keys (name, key_hash, scopes) VALUES (%(name)s, %(key_hash)s, %(scopes)s)
ON CONFLICT DO NOTHING
RETURNING name;

-- name: key
SELECT name, scopes FROM api_keys WHERE key_hash = %(key_hash)s AND revoked_at IS NULL;

-- name: list_keys
SELECT name, scopes, created_at, revoked_at FROM api_keys ORDER BY created_at, name;

-- name: revoke_key
UPDATE api_keys SET revoked_at = now() WHERE name = %(name)s AND revoked_at IS NULL
RETURNING name;

-- name: discard_key
-- A key that was made for one call leaves nothing but that call in the log.
DELETE FROM api_keys WHERE name = %(name)s;

-- name: begin
-- Before anything is done: what cannot be written down is not done.
INSERT INTO audit_log (actor, action, status) VALUES (%(actor)s, %(action)s, 0)
RETURNING audit_id;

-- name: finish
UPDATE audit_log SET actor = %(actor)s, target = %(target)s, status = %(status)s
WHERE audit_id = %(audit_id)s;

-- name: list_audit
SELECT audit_id, at, actor, action, target, status FROM audit_log
WHERE %(before)s::bigint IS NULL OR audit_id < %(before)s
ORDER BY audit_id DESC LIMIT %(limit)s;

-- name: propose_lookup_key
-- The first starter's key is kept; everyone else's is dropped.
INSERT INTO keyring (wrapped_lookup_key) VALUES (%(wrapped)s) ON CONFLICT (id) DO NOTHING;

-- name: lookup_key
SELECT wrapped_lookup_key FROM keyring;

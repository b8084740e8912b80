-- name: columns
-- The tables and columns of today, so that one added later is not forgotten.
SELECT c.table_name, c.column_name, c.udt_name
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
    AND c.table_name NOT IN ('alembic_version', 'keyring')
ORDER BY c.table_name, c.ordinal_position;

-- name: primary_keys
SELECT k.table_name, k.column_name
FROM information_schema.table_constraints t
JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name)
WHERE t.table_schema = 'public' AND t.constraint_type = 'PRIMARY KEY'
ORDER BY k.table_name, k.ordinal_position;

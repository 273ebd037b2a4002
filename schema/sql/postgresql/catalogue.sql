-- What is in a PostgreSQL database, as far as the first schema of the search path goes.

-- name: any_relation_postgresql
SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY c.relname LIMIT 1;

-- name: has_table_postgresql
SELECT to_regclass(quote_ident(CAST(?1 AS TEXT))) IS NOT NULL;

-- What is in a PostgreSQL database, as far as the first schema of the search path goes.

-- name: any_relation_postgresql
SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
ORDER BY c.relname LIMIT 1;

-- name: has_table_postgresql
SELECT to_regclass(quote_ident(CAST(?1 AS TEXT))) IS NOT NULL;

-- The four statements below give what schema/database/catalogue.cc calls columns, keys, foreign
-- keys and indexes; lists of columns are separated by commas.

-- name: catalogue_columns_postgresql
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
ORDER BY c.relname, a.attnum;

-- name: catalogue_keys_postgresql
SELECT c.relname, k.contype = 'p',
    (SELECT string_agg(a.attname, ',' ORDER BY u.place)
     FROM unnest(k.conkey) WITH ORDINALITY u (attnum, place)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND k.contype IN ('p', 'u')
ORDER BY c.relname, k.conname;

-- name: catalogue_foreign_keys_postgresql
SELECT c.relname,
    (SELECT string_agg(a.attname, ',' ORDER BY u.place)
     FROM unnest(k.conkey) WITH ORDINALITY u (attnum, place)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum),
    t.relname, k.confdeltype = 'c', k.confupdtype = 'c'
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_class t ON t.oid = k.confrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND k.contype = 'f'
ORDER BY c.relname, k.conname;

-- name: catalogue_indexes_postgresql
SELECT c.relname, x.relname, i.indisunique,
    (SELECT string_agg(pg_get_indexdef(i.indexrelid, place, TRUE), ',' ORDER BY place)
     FROM generate_series(1, i.indnkeyatts) place)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k
                  WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))
ORDER BY c.relname, x.relname;

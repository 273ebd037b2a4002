-- How the compiler reads the one large table by several connections that see one state.

-- TRUNCATE and rewriting ALTER TABLEs do not respect older snapshots: they wait until all is read.
-- name: lock_for_reading_postgresql
LOCK TABLE site, host, directory, category, category_directory, host_category, host_category_url,
  host_category_dir, repository, file_detail IN ACCESS SHARE MODE;

-- Whether it is a table of its own on a server that can share a state and scan a range of blocks,
-- and its size. Ranges of ctid are scanned as such since PostgreSQL 14.
-- name: up_to_date_table_postgresql
SELECT relation.relkind = 'r' AND NOT pg_is_in_recovery()
       AND current_setting('server_version_num')::integer >= 140000,
       pg_relation_size(relation.oid) / current_setting('block_size')::bigint
FROM pg_class AS relation WHERE relation.oid = 'host_category_dir'::regclass;

-- name: export_snapshot_postgresql
SELECT pg_export_snapshot();

-- The compiler puts the numbers of the first block and of the one behind the last into the braces.
-- name: select_up_to_date_of_blocks_postgresql
SELECT host_category_id, directory_id FROM host_category_dir
WHERE up2date AND ctid >= '({},0)'::tid AND ctid < '({},0)'::tid;

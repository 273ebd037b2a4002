-- What is in an SQLite database.

-- name: any_relation_sqlite
SELECT name FROM sqlite_schema WHERE substr(name, 1, 7) <> 'sqlite_' ORDER BY name LIMIT 1;

-- name: has_table_sqlite
SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1;

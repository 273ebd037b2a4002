-- Statements about our own migrations (mw_migration), the same on both engines.

-- name: select_migrations
SELECT number FROM mw_migration ORDER BY number;

-- name: insert_migration
INSERT INTO mw_migration (number, name, applied_at) VALUES (?1, ?2, CURRENT_TIMESTAMP);

-- Statements about the schema itself: our own migrations (mw_migration) and MirrorManager2's
-- revision.

-- name: select_migrations
SELECT number FROM mw_migration ORDER BY number;

-- name: insert_migration
INSERT INTO mw_migration (number, name, applied_at) VALUES (?1, ?2, CURRENT_TIMESTAMP);

-- name: select_alembic_version
SELECT version_num FROM alembic_version ORDER BY version_num;

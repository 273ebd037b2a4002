-- Our own additions, in steps that are numbered in schema/database/schema.cc and never change once
-- released. IF NOT EXISTS: an administrator may have made an index of that name by CREATE INDEX
-- CONCURRENTLY before.

-- name: migration_table_sqlite
CREATE TABLE IF NOT EXISTS mw_migration (
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    applied_at TIMESTAMP NOT NULL,
    CONSTRAINT mw_pk_migration PRIMARY KEY (number)
);

-- name: migration_1_sqlite
-- Indexes that MirrorManager2 lacks. Without the first, deleting a directory reads all of
-- host_category_dir. The index holds all that the compiler streams (up2date too, else SQLite reads
-- each row of the table for it), in the order in which it wants it.
CREATE INDEX IF NOT EXISTS mw_host_category_dir_directory ON host_category_dir (directory_id);
CREATE INDEX IF NOT EXISTS mw_host_category_dir_up2date
    ON host_category_dir (directory_id, host_category_id, id, up2date) WHERE up2date;
CREATE INDEX IF NOT EXISTS mw_file_detail_directory ON file_detail (directory_id, filename);
CREATE INDEX IF NOT EXISTS mw_category_directory_directory ON category_directory (directory_id);
CREATE INDEX IF NOT EXISTS mw_host_netblock_host ON host_netblock (host_id);
CREATE INDEX IF NOT EXISTS mw_host_country_allowed_host ON host_country_allowed (host_id);
CREATE INDEX IF NOT EXISTS mw_site_admin_site ON site_admin (site_id);
CREATE INDEX IF NOT EXISTS mw_site_admin_username ON site_admin (username);

-- name: migration_2_sqlite
-- The last good answer of the resolver for each DNS name among the netblocks: canonical addresses
-- separated by commas, and when they were resolved (seconds since 1970-01-01 UTC).
CREATE TABLE IF NOT EXISTS mw_netblock_name (
    name TEXT NOT NULL,
    addresses TEXT NOT NULL,
    resolved_at BIGINT NOT NULL,
    CONSTRAINT mw_pk_netblock_name PRIMARY KEY (name)
);

-- The change marks (schema/database/change_marks.h) on SQLite. {table} and {columns} are filled in
-- for each table that the compiler reads.

-- One row, since there is one writer at a time anyway. Random, so that a database that was restored
-- from a backup and then changed does not arrive at a token again.
-- name: change_table_sqlite
CREATE TABLE IF NOT EXISTS mw_change (
    id INTEGER NOT NULL,
    token INTEGER NOT NULL,
    CONSTRAINT mw_pk_change PRIMARY KEY (id),
    CONSTRAINT mw_change_one_row CHECK (id = 1)
);
INSERT OR IGNORE INTO mw_change (id, token) VALUES (1, random());

-- name: create_change_trigger_sqlite
CREATE TRIGGER mw_change_1_{table}_insert AFTER INSERT ON {table}
BEGIN UPDATE mw_change SET token = random(); END;
CREATE TRIGGER mw_change_1_{table}_delete AFTER DELETE ON {table}
BEGIN UPDATE mw_change SET token = random(); END;
CREATE TRIGGER mw_change_1_{table}_update AFTER UPDATE OF {columns} ON {table}
BEGIN UPDATE mw_change SET token = random(); END;

-- The table with millions of rows, of which only those with up2date count. An insert always does,
-- and so does another path: with OR REPLACE either may have taken a row away that counted, for
-- which no trigger fires.
-- name: create_host_category_dir_change_trigger_sqlite
CREATE TRIGGER mw_change_1_{table}_insert AFTER INSERT ON {table}
BEGIN UPDATE mw_change SET token = random(); END;
CREATE TRIGGER mw_change_1_{table}_delete AFTER DELETE ON {table} WHEN OLD.up2date
BEGIN UPDATE mw_change SET token = random(); END;
CREATE TRIGGER mw_change_1_{table}_update AFTER UPDATE OF {columns}, path ON {table}
WHEN OLD.id IS NOT NEW.id OR OLD.path IS NOT NEW.path OR
    OLD.host_category_id IS NOT NEW.host_category_id OR
    (OLD.up2date OR NEW.up2date) AND
    (OLD.up2date IS NOT NEW.up2date OR OLD.directory_id IS NOT NEW.directory_id)
BEGIN UPDATE mw_change SET token = random(); END;

-- name: insert_change_sqlite
UPDATE mw_change SET token = random();

-- All triggers of any version: table, name, and whether it is as created.
-- name: change_triggers_sqlite
SELECT tbl_name, name, TRUE FROM sqlite_schema
WHERE type = 'trigger' AND name LIKE 'mw\_change\_%' ESCAPE '\' ORDER BY tbl_name, name;

-- name: drop_change_trigger_sqlite
DROP TRIGGER {name};

-- name: drop_change_marks_sqlite
DROP TABLE IF EXISTS mw_change;

-- The token, and how many rows it was made of. The schema's version changes with each trigger that
-- is dropped or made: what was missed meanwhile is not known.
-- name: select_change_token_sqlite
SELECT CAST(max(token) AS TEXT) || '-' || (SELECT schema_version FROM pragma_schema_version),
    count(*)
FROM mw_change;

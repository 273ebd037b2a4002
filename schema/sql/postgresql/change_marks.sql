-- The change marks (schema/database/change_marks.h) on PostgreSQL. {table} and {columns} are filled
-- in for each table that the compiler reads.

-- A row for each transaction that wrote. There is no counter that all writers would wait for: what
-- identifies a state is the sum of the weights of all rows that it sees. They are random, so that
-- a database that was restored from a backup and then changed does not arrive at a sum again.
-- name: change_table_postgresql
CREATE TABLE IF NOT EXISTS mw_change (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    weight NUMERIC NOT NULL,
    CONSTRAINT mw_pk_change PRIMARY KEY (id)
);
GRANT SELECT ON mw_change TO PUBLIC;

-- One mark a transaction is enough, and its id in a setting that ends with the transaction, or with
-- the savepoint, as the mark does, tells whether it is there. Any role's write must be marked and
-- none may fail for want of the table: hence the rights of the owner, and the look for it.
-- name: change_function_postgresql
CREATE OR REPLACE FUNCTION mw_mark_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  place CONSTANT text := pg_current_xact_id()::text || ' ' || TG_TABLE_SCHEMA;
BEGIN
  IF current_setting('mirrorworks.marked', TRUE) = place THEN
    RETURN NULL;
  END IF;
  IF to_regclass(format('%I.mw_change', TG_TABLE_SCHEMA)) IS NULL THEN
    RETURN NULL;
  END IF;
  EXECUTE format('INSERT INTO %I.mw_change (weight) VALUES (1 + floor(random() * 1e12)::bigint)',
                 TG_TABLE_SCHEMA);
  PERFORM set_config('mirrorworks.marked', place, TRUE);
  PERFORM pg_notify('mirror_change', '');
  RETURN NULL;
END
$function$;

-- ALWAYS: restores and replication write with session_replication_role = replica.
-- name: create_change_trigger_postgresql
CREATE TRIGGER mw_change_1 AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF {columns} ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION mw_mark_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER mw_change_1;

-- name: insert_change_postgresql
INSERT INTO mw_change (weight) VALUES (1 + floor(random() * 1e12)::bigint);

-- All triggers of any version: table, name, and whether it is as created.
-- name: change_triggers_postgresql
SELECT c.relname, t.tgname, t.tgenabled = 'A'
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgname LIKE 'mw\_change\_%' AND n.nspname = current_schema() AND NOT t.tgisinternal
ORDER BY c.relname, t.tgname;

-- name: drop_change_trigger_postgresql
DROP TRIGGER {name} ON {table};

-- name: drop_change_marks_postgresql
DROP TABLE IF EXISTS mw_change;
DROP FUNCTION IF EXISTS mw_mark_change();

-- A table of ours whose rows can change without our trigger: what a subscription to another server
-- writes, and what is written to a partition or an heir, fires no statement trigger of this table;
-- a trigger before each row may change columns that the UPDATE, and so ours, does not name.
-- name: unmarked_table_postgresql
SELECT c.relname, CASE
    WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_subscription_rel s WHERE s.srrelid = c.oid)
      THEN 'gets its rows from a subscription, past all triggers'
    WHEN c.relkind <> 'r' OR EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i
                                     WHERE c.oid IN (i.inhparent, i.inhrelid))
      THEN 'is in parts (partitions, inheritance), which can be written past its triggers'
    WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_trigger b
                 WHERE b.tgrelid = c.oid AND NOT b.tgisinternal AND b.tgtype & 19 = 19)
      THEN 'has a trigger before each row of an update, which can change any column'
  END AS reason
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema()
  AND EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t
              WHERE t.tgrelid = c.oid AND t.tgname LIKE 'mw\_change\_%')
ORDER BY reason NULLS LAST, c.relname LIMIT 1;

-- name: may_read_changes_postgresql
SELECT has_table_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relname = 'mw_change' AND c.relkind = 'r';

-- The token, and how many rows it was made of. A trigger that was switched off and on again has
-- another xmin: what it missed is not known.
-- name: select_change_token_postgresql
SELECT (SELECT CAST(coalesce(sum(weight), 0) AS TEXT) FROM mw_change) || '-' ||
       (SELECT md5(coalesce(string_agg(t.oid::text || '.' || t.xmin::text, ',' ORDER BY t.oid), ''))
        FROM pg_catalog.pg_trigger t
        JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE t.tgname LIKE 'mw\_change\_%' AND n.nspname = current_schema()
          AND NOT t.tgisinternal),
       (SELECT count(*) FROM mw_change);

-- The sum stays. Of two that run at once the second finds nothing left, or what is new.
-- name: compact_changes_postgresql
WITH gone AS (DELETE FROM mw_change RETURNING weight)
INSERT INTO mw_change (weight) SELECT sum(weight) FROM gone HAVING count(*) > 0;

-- What is in an SQLite database.

-- name: any_relation_sqlite
SELECT name FROM sqlite_schema WHERE substr(name, 1, 7) <> 'sqlite_' ORDER BY name LIMIT 1;

-- name: has_table_sqlite
SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1;

-- The four statements below give what schema/database/catalogue.cc calls columns, keys, foreign
-- keys and indexes; lists of columns are separated by commas.

-- name: catalogue_columns_sqlite
SELECT t.name, c.name, c.type, c."notnull" FROM sqlite_schema t, pragma_table_info(t.name) c
WHERE t.type = 'table' AND substr(t.name, 1, 7) <> 'sqlite_' ORDER BY t.name, c.cid;

-- name: catalogue_keys_sqlite
SELECT name, is_primary, group_concat(key_column, ',')
FROM (SELECT t.name AS name, 1 AS is_primary, '' AS index_name, c.name AS key_column, c.pk AS place
      FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND c.pk > 0
      UNION ALL
      SELECT t.name, 0, i.name, c.name, c.seqno
      FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
      WHERE t.type = 'table' AND i.origin = 'u'
      ORDER BY 1, 2, 3, 5)
GROUP BY name, is_primary, index_name ORDER BY name, is_primary, index_name;

-- name: catalogue_foreign_keys_sqlite
SELECT t.name, f."from", f."table", f.on_delete = 'CASCADE', f.on_update = 'CASCADE'
FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'
ORDER BY t.name, f.id, f.seq;

-- name: catalogue_indexes_sqlite
SELECT name, index_name, is_unique, group_concat(key_column, ',')
FROM (SELECT t.name AS name, i.name AS index_name, i."unique" AS is_unique, c.name AS key_column
      FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
      WHERE t.type = 'table' AND i.origin = 'c' ORDER BY t.name, i.name, c.seqno)
GROUP BY name, index_name, is_unique ORDER BY name, index_name;

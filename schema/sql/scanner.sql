-- Statements of mirror-scan, for both engines.

-- name: scan_select_categories
SELECT c.id, c.name, c.product_id, c.topdir_id, d.name
FROM category c LEFT JOIN directory d ON d.id = c.topdir_id
ORDER BY c.id;

-- name: scan_select_directories
SELECT d.id, d.name, d.files, d.readable, d.ctime
FROM category_directory cd JOIN directory d ON d.id = cd.directory_id
WHERE cd.category_id = ?1
ORDER BY d.id;

-- name: scan_select_directory
SELECT id, name, files, readable, ctime FROM directory WHERE id = ?1;

-- Directories that the category ?1 must not delete: another category has them, or begins at them.
-- name: scan_select_shared_directories
SELECT directory_id FROM category_directory GROUP BY directory_id HAVING count(*) > 1
UNION
SELECT topdir_id FROM category WHERE topdir_id IS NOT NULL AND id <> ?1
ORDER BY 1;

-- name: scan_select_details
SELECT f.id, f.directory_id, f.filename, f.timestamp, f.size, f.md5, f.sha1, f.sha256, f.sha512
FROM category_directory cd JOIN file_detail f ON f.directory_id = cd.directory_id
WHERE cd.category_id = ?1
ORDER BY f.id;

-- name: scan_select_versions
SELECT id, name FROM version WHERE product_id = ?1 AND name IS NOT NULL ORDER BY id;

-- name: scan_select_arches
SELECT id, name FROM arch ORDER BY id;

-- name: scan_select_repositories
SELECT id, name, prefix, arch_id, directory_id FROM repository ORDER BY id;

-- Changes nothing, but makes a second scanner of this category wait for the end of this transaction.
-- name: scan_lock_category
UPDATE category SET name = name WHERE id = ?1;

-- Every directory below one; ?1 ends in a slash, or is empty for all.
-- name: scan_select_directory_ids
SELECT id, name FROM directory WHERE substr(name, 1, length(?1)) = ?1 ORDER BY id;

-- name: scan_insert_directory
INSERT INTO directory (name, files, readable, ctime) VALUES (?1, ?2, ?3, ?4);

-- name: scan_insert_category_directory
INSERT INTO category_directory (category_id, directory_id) VALUES (?1, ?2);

-- name: scan_update_directory
UPDATE directory SET readable = ?2, ctime = ?3 WHERE id = ?1;

-- name: scan_update_directory_files
UPDATE directory SET files = ?2 WHERE id = ?1;

-- name: scan_insert_version
INSERT INTO version (name, is_test, display, display_name, ordered_mirrorlist, sortorder, product_id)
VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6);

-- name: scan_insert_repository
INSERT INTO repository (name, prefix, category_id, version_id, arch_id, directory_id, disabled)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: scan_move_repository
UPDATE repository SET name = ?2, category_id = ?3, version_id = ?4, directory_id = ?5 WHERE id = ?1;

-- name: scan_update_repository_prefix
UPDATE repository SET prefix = ?2 WHERE id = ?1;

-- name: scan_insert_detail
INSERT INTO file_detail (directory_id, filename, timestamp, size, md5, sha1, sha256, sha512)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);

-- name: scan_delete_detail_groups
DELETE FROM file_detail_file_group WHERE file_detail_id = ?1;

-- name: scan_delete_detail
DELETE FROM file_detail WHERE id = ?1;

-- name: scan_unlink_directory
DELETE FROM category_directory WHERE category_id = ?1 AND directory_id = ?2;

-- A directory goes with everything that refers to it, children first, in this order.
-- name: scan_delete_directory_propagation
DELETE FROM propagation_stat WHERE repository_id IN (SELECT id FROM repository WHERE directory_id = ?1);

-- name: scan_delete_directory_repositories
DELETE FROM repository WHERE directory_id = ?1;

-- name: scan_delete_directory_detail_groups
DELETE FROM file_detail_file_group
WHERE file_detail_id IN (SELECT id FROM file_detail WHERE directory_id = ?1);

-- name: scan_delete_directory_details
DELETE FROM file_detail WHERE directory_id = ?1;

-- name: scan_delete_directory_exclusive_hosts
DELETE FROM directory_exclusive_host WHERE directory_id = ?1;

-- name: scan_delete_directory_host_rows
DELETE FROM host_category_dir WHERE directory_id = ?1;

-- name: scan_delete_directory_categories
DELETE FROM category_directory WHERE directory_id = ?1;

-- name: scan_delete_directory
DELETE FROM directory WHERE id = ?1;

-- What mirror-compile reads, one statement a struct of schema/database/rows.h, in the order of its
-- members. All by primary key, so that the same rows give the same bytes; read by
-- schema/database/row_readers.cc.

-- name: select_sites
SELECT id, name, private, admin_active, user_active FROM site ORDER BY id;

-- name: select_hosts
SELECT id, name, site_id, admin_active, user_active, private, asn_clients, internet2,
    internet2_clients, country, bandwidth_int, asn, max_connections
FROM host ORDER BY id;

-- name: select_countries
SELECT id, code FROM country ORDER BY id;

-- name: select_host_netblocks
SELECT id, host_id, netblock FROM host_netblock ORDER BY id;

-- name: select_host_peer_asns
SELECT id, host_id, asn FROM host_peer_asn ORDER BY id;

-- name: select_host_countries_allowed
SELECT id, host_id, country FROM host_country_allowed ORDER BY id;

-- name: select_host_countries
SELECT id, host_id, country_id FROM host_country ORDER BY id;

-- name: select_products
SELECT id, name FROM product ORDER BY id;

-- name: select_arches
SELECT id, name FROM arch ORDER BY id;

-- name: select_directories
SELECT id, name FROM directory ORDER BY id;

-- name: select_categories
SELECT id, name, product_id, topdir_id FROM category ORDER BY id;

-- name: select_category_directories
SELECT category_id, directory_id FROM category_directory ORDER BY category_id, directory_id;

-- name: select_host_categories
SELECT id, host_id, category_id, always_up2date FROM host_category ORDER BY id;

-- name: select_host_category_urls
SELECT id, host_category_id, url, private FROM host_category_url ORDER BY id;

-- name: select_host_category_dirs
SELECT id, host_category_id, directory_id FROM host_category_dir WHERE up2date ORDER BY id;

-- The same for the compiler: the one table with millions of rows, in whatever order is the fastest.
-- name: select_up_to_date
SELECT host_category_id, directory_id FROM host_category_dir WHERE up2date;

-- name: select_repositories
SELECT id, prefix, category_id, version_id, arch_id, directory_id, disabled
FROM repository ORDER BY id;

-- name: select_repository_redirects
SELECT id, from_repo, to_repo FROM repository_redirect ORDER BY id;

-- name: select_country_continent_redirects
SELECT id, country, continent FROM country_continent_redirect ORDER BY id;

-- name: select_netblock_countries
SELECT id, netblock, country FROM netblock_country ORDER BY id;

-- name: select_file_details
SELECT id, directory_id, filename, "timestamp", size, md5, sha1, sha256, sha512
FROM file_detail ORDER BY id;

-- The cache of resolved netblock names (ours).
-- name: select_netblock_names
SELECT name, addresses, resolved_at FROM mw_netblock_name ORDER BY name;

-- name: upsert_netblock_name
INSERT INTO mw_netblock_name (name, addresses, resolved_at) VALUES (?1, ?2, ?3)
ON CONFLICT (name) DO UPDATE SET addresses = excluded.addresses, resolved_at = excluded.resolved_at;

-- name: delete_netblock_names_resolved_before
DELETE FROM mw_netblock_name WHERE resolved_at < ?1;

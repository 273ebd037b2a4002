-- Statements of mirrorctl mirrors apply and export. What may just have been created is found by its
-- name, since its id is not known when the plan is made; MirrorManager2 takes the first of several
-- sites of one name, and so do we. MirrorManager2's columns have no defaults: every NOT NULL one is
-- sent.

-- name: mirrors_select_products
SELECT name FROM product ORDER BY id;

-- name: mirrors_select_architectures
SELECT name FROM arch ORDER BY id;

-- name: mirrors_select_countries
SELECT code FROM country ORDER BY id;

-- name: mirrors_select_categories
SELECT c.id, c.name, p.name, d.name
FROM category c
LEFT JOIN product p ON p.id = c.product_id
LEFT JOIN directory d ON d.id = c.topdir_id
ORDER BY c.id;

-- name: mirrors_select_sites
SELECT id, name, private, admin_active, user_active FROM site ORDER BY id;

-- name: mirrors_select_hosts
SELECT id, site_id, name, country, bandwidth_int, asn, asn_clients, private, internet2,
    internet2_clients, admin_active, user_active
FROM host ORDER BY id;

-- name: mirrors_select_netblocks
SELECT host_id, netblock FROM host_netblock WHERE netblock IS NOT NULL ORDER BY id;

-- name: mirrors_select_peer_asns
SELECT host_id, asn FROM host_peer_asn WHERE asn IS NOT NULL ORDER BY id;

-- A restriction may stand in either table: the interface writes the first, the compiler of
-- MirrorManager2 reads the other.
-- name: mirrors_select_countries_allowed
SELECT hc.host_id, c.code, 0 AS which, hc.id AS place FROM host_country hc
JOIN country c ON c.id = hc.country_id
UNION ALL
SELECT host_id, country, 1 AS which, id AS place FROM host_country_allowed
ORDER BY which, place;

-- name: mirrors_select_host_categories
SELECT hc.id, hc.host_id, c.name, hc.always_up2date
FROM host_category hc JOIN category c ON c.id = hc.category_id ORDER BY hc.id;

-- name: mirrors_select_urls
SELECT host_category_id, url, private FROM host_category_url WHERE url IS NOT NULL ORDER BY id;

-- name: mirrors_insert_product
INSERT INTO product (name, publiclist) VALUES (?1, TRUE);

-- name: mirrors_insert_architecture
INSERT INTO arch (name, publiclist, primary_arch) VALUES (?1, TRUE, TRUE);

-- name: mirrors_insert_country
INSERT INTO country (code) VALUES (?1);

-- The scanner fills in the rest.
-- name: mirrors_insert_directory
INSERT INTO directory (name, readable, ctime)
SELECT CAST(?1 AS TEXT), TRUE, 0 WHERE NOT EXISTS (SELECT 1 FROM directory WHERE name = ?1);

-- name: mirrors_insert_category
INSERT INTO category (name, canonicalhost, publiclist, geo_dns_domain, admin_only, product_id,
    topdir_id)
VALUES (?1, NULL, TRUE, NULL, FALSE, (SELECT min(id) FROM product WHERE name = ?2),
    (SELECT min(id) FROM directory WHERE name = ?3));

-- name: mirrors_update_category
UPDATE category SET product_id = (SELECT min(id) FROM product WHERE name = ?2),
    topdir_id = (SELECT min(id) FROM directory WHERE name = ?3)
WHERE id = ?1;

-- name: mirrors_insert_category_directory
INSERT INTO category_directory (category_id, directory_id)
SELECT c.id, d.id FROM category c, directory d
WHERE c.name = ?1 AND d.name = ?2
  AND NOT EXISTS (SELECT 1 FROM category_directory x
                  WHERE x.category_id = c.id AND x.directory_id = d.id);

-- name: mirrors_insert_site
INSERT INTO site (name, private, admin_active, user_active, created_at, created_by,
    all_sites_can_pull_from_me, email_on_drop, email_on_add)
VALUES (?1, ?2, ?3, ?4, CURRENT_TIMESTAMP, 'mirrorctl', FALSE, FALSE, FALSE);

-- name: mirrors_update_site
UPDATE site SET private = ?2, admin_active = ?3, user_active = ?4 WHERE id = ?1;

-- name: mirrors_insert_host
INSERT INTO host (site_id, name, country, bandwidth_int, asn, asn_clients, private, internet2,
    internet2_clients, admin_active, user_active, max_connections, last_crawl_duration,
    crawl_failures)
VALUES ((SELECT min(id) FROM site WHERE name = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,
    1, 0, 0);

-- name: mirrors_update_host
UPDATE host SET country = ?2, bandwidth_int = ?3, asn = ?4, asn_clients = ?5, private = ?6,
    internet2 = ?7, internet2_clients = ?8, admin_active = ?9, user_active = ?10
WHERE id = ?1;

-- name: mirrors_insert_netblock
INSERT INTO host_netblock (host_id, netblock, name)
VALUES ((SELECT min(id) FROM host
         WHERE name = ?2 AND site_id = (SELECT min(id) FROM site WHERE name = ?1)), ?3, NULL);

-- name: mirrors_insert_peer_asn
INSERT INTO host_peer_asn (host_id, asn, name)
VALUES ((SELECT min(id) FROM host
         WHERE name = ?2 AND site_id = (SELECT min(id) FROM site WHERE name = ?1)), ?3, NULL);

-- name: mirrors_insert_country_allowed
INSERT INTO host_country (host_id, country_id)
VALUES ((SELECT min(id) FROM host
         WHERE name = ?2 AND site_id = (SELECT min(id) FROM site WHERE name = ?1)),
    (SELECT min(id) FROM country WHERE upper(trim(code)) = ?3));

-- name: mirrors_insert_host_category
INSERT INTO host_category (host_id, category_id, always_up2date)
VALUES ((SELECT min(id) FROM host
         WHERE name = ?2 AND site_id = (SELECT min(id) FROM site WHERE name = ?1)),
    (SELECT min(id) FROM category WHERE name = ?3), ?4);

-- name: mirrors_update_host_category
UPDATE host_category SET always_up2date = ?2 WHERE id = ?1;

-- name: mirrors_insert_url
INSERT INTO host_category_url (host_category_id, url, private)
VALUES ((SELECT min(hc.id) FROM host_category hc JOIN host h ON h.id = hc.host_id
         WHERE h.name = ?2 AND h.site_id = (SELECT min(id) FROM site WHERE name = ?1)
           AND hc.category_id = (SELECT min(id) FROM category WHERE name = ?3)), ?4, ?5);

-- name: mirrors_update_url
UPDATE host_category_url SET private = ?3 WHERE host_category_id = ?1 AND url = ?2;

-- name: mirrors_delete_url
DELETE FROM host_category_url WHERE host_category_id = ?1 AND url = ?2;

-- name: mirrors_delete_netblock
DELETE FROM host_netblock WHERE host_id = ?1 AND netblock = ?2;

-- name: mirrors_delete_peer_asn
DELETE FROM host_peer_asn WHERE host_id = ?1 AND asn = ?2;

-- name: mirrors_delete_country
DELETE FROM host_country
WHERE host_id = ?1 AND country_id IN (SELECT id FROM country WHERE upper(trim(code)) = ?2);

-- name: mirrors_delete_country_allowed
DELETE FROM host_country_allowed WHERE host_id = ?1 AND upper(trim(country)) = ?2;

-- A host category with all that hangs on it, children first: a database of old may lack the
-- cascades.
-- name: mirrors_delete_host_category_urls
DELETE FROM host_category_url WHERE host_category_id = ?1;

-- name: mirrors_delete_host_category_dirs
DELETE FROM host_category_dir WHERE host_category_id = ?1;

-- name: mirrors_delete_host_category
DELETE FROM host_category WHERE id = ?1;

-- A host with what MirrorManager2's own code deletes with it; rows of host_stats and
-- directory_exclusive_host block.
-- name: mirrors_delete_host_acl_ips
DELETE FROM host_acl_ip WHERE host_id = ?1;

-- name: mirrors_delete_host_countries_allowed
DELETE FROM host_country_allowed WHERE host_id = ?1;

-- name: mirrors_delete_host_netblocks
DELETE FROM host_netblock WHERE host_id = ?1;

-- name: mirrors_delete_host_peer_asns
DELETE FROM host_peer_asn WHERE host_id = ?1;

-- name: mirrors_delete_host_locations
DELETE FROM host_location WHERE host_id = ?1;

-- name: mirrors_delete_host_countries
DELETE FROM host_country WHERE host_id = ?1;

-- name: mirrors_delete_host
DELETE FROM host WHERE id = ?1;

-- A site, when its hosts are gone; rows of site_to_site block.
-- name: mirrors_delete_site_admins
DELETE FROM site_admin WHERE site_id = ?1;

-- name: mirrors_delete_site
DELETE FROM site WHERE id = ?1;

-- Statements of mirrorctl why: the rows that decide whether one host is listed, for one directory or
-- in general. Each reads a few rows by an index of MirrorManager2's own schema; host_category_dir,
-- with its millions, is only ever reached by a host's categories (host_category_dir_hcdindex), and
-- by directory where our own index is there. Ids are cast: what an operator types may be no int4.

-- name: why_host_by_id
SELECT h.id, h.name, h.site_id, h.admin_active, h.user_active, h.private, h.disable_reason,
    h.crawl_failures, h.asn, h.asn_clients, s.id, s.name, s.admin_active, s.user_active, s.private
FROM host h LEFT JOIN site s ON s.id = h.site_id
WHERE h.id = CAST(?1 AS BIGINT);

-- name: why_hosts_by_name
SELECT h.id, h.name, h.site_id, h.admin_active, h.user_active, h.private, h.disable_reason,
    h.crawl_failures, h.asn, h.asn_clients, s.id, s.name, s.admin_active, s.user_active, s.private
FROM host h LEFT JOIN site s ON s.id = h.site_id
WHERE h.name = ?1 ORDER BY h.id;

-- name: why_host_netblocks
SELECT id, netblock FROM host_netblock WHERE host_id = ?1 ORDER BY id;

-- name: why_host_peer_asns
SELECT id, asn FROM host_peer_asn WHERE host_id = ?1 ORDER BY id;

-- name: why_host_countries_allowed
SELECT hc.id, c.code, 0 AS which FROM host_country hc JOIN country c ON c.id = hc.country_id
WHERE hc.host_id = ?1
UNION ALL
SELECT id, country, 1 AS which FROM host_country_allowed WHERE host_id = ?1
ORDER BY which, id;

-- name: why_host_categories
SELECT hc.id, c.id, c.name, hc.always_up2date
FROM host_category hc LEFT JOIN category c ON c.id = hc.category_id
WHERE hc.host_id = ?1 ORDER BY hc.id;

-- name: why_host_urls
SELECT u.id, u.host_category_id, u.url, u.private
FROM host_category hc JOIN host_category_url u ON u.host_category_id = hc.id
WHERE hc.host_id = ?1 ORDER BY u.id;

-- Only directories of the category: what else the crawler has found is offered to nobody.
-- name: why_host_directory_counts
SELECT hc.id, count(x.id), sum(CASE WHEN x.up2date THEN 1 ELSE 0 END)
FROM host_category hc JOIN host_category_dir x ON x.host_category_id = hc.id
JOIN category_directory cd
  ON cd.category_id = hc.category_id AND cd.directory_id = x.directory_id
WHERE hc.host_id = ?1 GROUP BY hc.id ORDER BY hc.id;

-- name: why_category_directory_counts
SELECT hc.category_id, count(*)
FROM (SELECT DISTINCT category_id FROM host_category WHERE host_id = ?1) hc
JOIN category_directory cd ON cd.category_id = hc.category_id
GROUP BY hc.category_id ORDER BY hc.category_id;

-- Each host_category row of the host apart: which of the two indexes serves is the engine's choice.
-- name: why_host_category_directories
SELECT x.id, x.up2date FROM host_category_dir x
WHERE x.host_category_id = ?1 AND x.directory_id = ?2 ORDER BY x.id;

-- name: why_directories_by_name
SELECT id FROM directory WHERE name = ?1 ORDER BY id;

-- The categories of a directory with their top directories; the first one counts.
-- name: why_directory_categories
SELECT c.id, c.name, c.topdir_id, t.name
FROM category_directory cd JOIN category c ON c.id = cd.category_id
LEFT JOIN directory t ON t.id = c.topdir_id
WHERE cd.directory_id = ?1 ORDER BY c.id;

-- The newest few of its versions.
-- name: why_repomd
SELECT id, md5, sha1, sha256, sha512 FROM file_detail
WHERE directory_id = ?1 AND filename = 'repomd.xml'
ORDER BY id DESC LIMIT 3;

-- name: why_repositories
SELECT r.id, r.disabled, r.version_id, r.arch_id, a.id, a.name, r.directory_id, d.id, d.name
FROM repository r LEFT JOIN arch a ON a.id = r.arch_id
LEFT JOIN directory d ON d.id = r.directory_id
WHERE r.prefix = ?1 ORDER BY r.id;

-- name: why_redirects
SELECT id, to_repo FROM repository_redirect WHERE from_repo = ?1 ORDER BY id;

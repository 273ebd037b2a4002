// Rows of MirrorManager2's tables as far as the compiler and its tests read them: plain data, no
// logic. Everything that a real deployment may hold as NULL is optional (reference: the drift list
// of the schema). Readers of these rows must order them by primary key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mirror {

struct SiteRow {
  int64_t id = 0;
  std::string name;
  std::optional<bool> is_private, admin_active, user_active;
};
struct HostRow {
  int64_t id = 0;
  std::string name;
  std::optional<int64_t> site_id;
  std::optional<bool> admin_active, user_active, is_private, asn_clients, internet2,
      internet2_clients;
  std::optional<std::string> country;
  std::optional<int64_t> bandwidth, asn, max_connections;
};
struct CountryRow {
  int64_t id = 0;
  std::optional<std::string> code;
};
struct HostNetblockRow {
  int64_t id = 0;
  std::optional<int64_t> host_id;
  std::optional<std::string> netblock;
};
struct HostPeerAsnRow {
  int64_t id = 0;
  std::optional<int64_t> host_id, asn;
};
struct HostCountryAllowedRow {
  int64_t id = 0;
  std::optional<int64_t> host_id;
  std::optional<std::string> country;
};
struct HostCountryRow {
  int64_t id = 0;
  std::optional<int64_t> host_id, country_id;
};
struct ProductRow {
  int64_t id = 0;
  std::optional<std::string> name;
};
struct ArchRow {
  int64_t id = 0;
  std::optional<std::string> name;
};
struct DirectoryRow {
  int64_t id = 0;
  std::string name;
};
struct CategoryRow {
  int64_t id = 0;
  std::string name;
  std::optional<int64_t> product_id, topdir_id;
};
struct CategoryDirectoryRow {
  int64_t category_id = 0, directory_id = 0;
};
struct HostCategoryRow {
  int64_t id = 0;
  std::optional<int64_t> host_id, category_id;
  std::optional<bool> always_up2date;
};
struct HostCategoryUrlRow {
  int64_t id = 0;
  int64_t host_category_id = 0;
  std::optional<std::string> url;
  std::optional<bool> is_private;
};
struct HostCategoryDirRow {  // only those with up2date = true
  int64_t id = 0;
  int64_t host_category_id = 0;
  std::optional<int64_t> directory_id;
};
struct RepositoryRow {
  int64_t id = 0;
  std::optional<std::string> prefix;
  std::optional<int64_t> category_id, version_id, arch_id, directory_id;
  std::optional<bool> disabled;
};
struct RepositoryRedirectRow {
  int64_t id = 0;
  std::optional<std::string> from_repo, to_repo;
};
struct CountryContinentRedirectRow {
  int64_t id = 0;
  std::optional<std::string> country, continent;
};
struct NetblockCountryRow {
  int64_t id = 0;
  std::optional<std::string> netblock, country;
};
struct FileDetailRow {
  int64_t id = 0;
  int64_t directory_id = 0;
  std::string filename;
  std::optional<int64_t> timestamp, size;
  std::optional<std::string> md5, sha1, sha256, sha512;
};
// A DNS name among the netblocks and what it last resolved to (our own table mw_netblock_name).
struct NetblockNameRow {
  std::string name;
  std::string addresses;    // canonical texts, separated by commas
  int64_t resolved_at = 0;  // seconds since 1970-01-01 UTC
};

// A whole database as rows, each vector in the order of its primary key. The compiler streams the
// large tables instead of filling this; the oracle and the random worlds of the tests use it.
struct DatabaseRows {
  std::vector<SiteRow> sites;
  std::vector<HostRow> hosts;
  std::vector<CountryRow> countries;
  std::vector<HostNetblockRow> host_netblocks;
  std::vector<HostPeerAsnRow> host_peer_asns;
  std::vector<HostCountryAllowedRow> host_countries_allowed;
  std::vector<HostCountryRow> host_countries;
  std::vector<ProductRow> products;
  std::vector<ArchRow> arches;
  std::vector<DirectoryRow> directories;
  std::vector<CategoryRow> categories;
  std::vector<CategoryDirectoryRow> category_directories;
  std::vector<HostCategoryRow> host_categories;
  std::vector<HostCategoryUrlRow> host_category_urls;
  std::vector<HostCategoryDirRow> host_category_dirs;
  std::vector<RepositoryRow> repositories;
  std::vector<RepositoryRedirectRow> repository_redirects;
  std::vector<CountryContinentRedirectRow> country_continent_redirects;
  std::vector<NetblockCountryRow> netblock_countries;
  std::vector<FileDetailRow> file_details;
};

}  // namespace mirror

#include "tests/property/row_writer.h"

#include <fmt/format.h>

#include <set>

#include "base/core/random.h"

namespace mirror {
namespace {

// The columns that are written below; the types are those of the model.
constexpr std::string_view kTablesWithoutConstraints = R"sql(
CREATE TABLE site (id INTEGER, name TEXT, private BOOLEAN, admin_active BOOLEAN,
    user_active BOOLEAN, created_at TIMESTAMP, created_by TEXT, all_sites_can_pull_from_me BOOLEAN,
    email_on_drop BOOLEAN, email_on_add BOOLEAN);
CREATE TABLE host (id INTEGER, name TEXT, site_id INTEGER, admin_active BOOLEAN,
    user_active BOOLEAN, private BOOLEAN, asn_clients BOOLEAN, internet2 BOOLEAN,
    internet2_clients BOOLEAN, country TEXT, bandwidth_int INTEGER, asn INTEGER,
    max_connections INTEGER, crawl_failures INTEGER);
CREATE TABLE country (id INTEGER, code TEXT);
CREATE TABLE host_netblock (id INTEGER, host_id INTEGER, netblock TEXT);
CREATE TABLE host_peer_asn (id INTEGER, host_id INTEGER, asn INTEGER);
CREATE TABLE host_country_allowed (id INTEGER, host_id INTEGER, country TEXT);
CREATE TABLE host_country (id INTEGER, host_id INTEGER, country_id INTEGER);
CREATE TABLE product (id INTEGER, name TEXT, publiclist BOOLEAN);
CREATE TABLE arch (id INTEGER, name TEXT, publiclist BOOLEAN, primary_arch BOOLEAN);
CREATE TABLE directory (id INTEGER, name TEXT, readable BOOLEAN);
CREATE TABLE category (id INTEGER, name TEXT, product_id INTEGER, topdir_id INTEGER,
    publiclist BOOLEAN);
CREATE TABLE category_directory (category_id INTEGER, directory_id INTEGER);
CREATE TABLE host_category (id INTEGER, host_id INTEGER, category_id INTEGER,
    always_up2date BOOLEAN);
CREATE TABLE host_category_url (id INTEGER, host_category_id INTEGER, url TEXT, private BOOLEAN);
CREATE TABLE host_category_dir (id INTEGER, host_category_id INTEGER, path TEXT, up2date BOOLEAN,
    directory_id INTEGER);
CREATE TABLE version (id INTEGER, is_test BOOLEAN, display BOOLEAN, ordered_mirrorlist BOOLEAN,
    sortorder INTEGER);
CREATE TABLE repository (id INTEGER, name TEXT, prefix TEXT, category_id INTEGER,
    version_id INTEGER, arch_id INTEGER, directory_id INTEGER, disabled BOOLEAN);
CREATE TABLE repository_redirect (id INTEGER, from_repo TEXT, to_repo TEXT);
CREATE TABLE country_continent_redirect (id INTEGER, country TEXT, continent TEXT);
CREATE TABLE netblock_country (id INTEGER, netblock TEXT, country TEXT);
CREATE TABLE file_detail (id INTEGER, directory_id INTEGER, filename TEXT, "timestamp" BIGINT,
    size BIGINT, md5 TEXT, sha1 TEXT, sha256 TEXT, sha512 TEXT);
CREATE TABLE mw_netblock_name (name TEXT, addresses TEXT, resolved_at BIGINT);
)sql";

using Sets = std::vector<std::vector<Value>>;

std::string_view view(const std::string& text) { return text; }

// A transaction, and the order in which rows go into it.
struct Writer {
  Transaction& transaction;
  Random random;
};

// INSERT INTO TABLE (COLUMNS) VALUES (?1, ...) for each set, in a random order.
Result<void> insert(Writer& writer, std::string_view table, std::string_view columns, Sets& sets) {
  if (sets.empty()) return {};
  for (size_t i = sets.size() - 1; i > 0; --i) std::swap(sets[i], sets[writer.random.below(i + 1)]);
  std::string places;
  for (size_t i = 1; i <= sets[0].size(); ++i)
    places += fmt::format("{}?{}", i == 1 ? "" : ", ", i);
  MIRROR_CHECK(writer.transaction.execute_many(
      fmt::format("INSERT INTO {} ({}) VALUES ({})", table, columns, places), sets));
  return {};
}

Result<void> clear(Transaction& transaction) {
  for (const char* table : {"host_category_dir",
                            "host_category_url",
                            "host_category",
                            "file_detail",
                            "repository",
                            "version",
                            "repository_redirect",
                            "country_continent_redirect",
                            "netblock_country",
                            "category_directory",
                            "category",
                            "directory",
                            "product",
                            "arch",
                            "host_country",
                            "host_country_allowed",
                            "host_peer_asn",
                            "host_netblock",
                            "country",
                            "host",
                            "site",
                            "mw_netblock_name"})
    MIRROR_CHECK(transaction.execute(fmt::format("DELETE FROM {}", table), {}));
  return {};
}

Result<void> write_organisation(Writer& writer, const DatabaseRows& rows) {
  Sets sites, hosts, countries;
  for (const SiteRow& row : rows.sites)
    sites.push_back({row.id, view(row.name), value_of(row.is_private), value_of(row.admin_active),
                     value_of(row.user_active), std::string_view("2020-01-01 00:00:00"),
                     std::string_view("test"), false, false, false});
  MIRROR_CHECK(insert(writer, "site",
                      "id, name, private, admin_active, user_active, created_at, created_by, "
                      "all_sites_can_pull_from_me, email_on_drop, email_on_add",
                      sites));
  for (const HostRow& row : rows.hosts)
    hosts.push_back({row.id, view(row.name), value_of(row.site_id), value_of(row.admin_active),
                     value_of(row.user_active), value_of(row.is_private), value_of(row.asn_clients),
                     value_of(row.internet2), value_of(row.internet2_clients),
                     value_of(row.country), value_of(row.bandwidth), value_of(row.asn),
                     value_of(row.max_connections), int64_t{0}});
  MIRROR_CHECK(
      insert(writer, "host",
             "id, name, site_id, admin_active, user_active, private, asn_clients, internet2, "
             "internet2_clients, country, bandwidth_int, asn, max_connections, crawl_failures",
             hosts));
  for (const CountryRow& row : rows.countries) countries.push_back({row.id, value_of(row.code)});
  return insert(writer, "country", "id, code", countries);
}

Result<void> write_host_tables(Writer& writer, const DatabaseRows& rows) {
  Sets netblocks, asns, allowed, countries;
  for (const HostNetblockRow& row : rows.host_netblocks)
    netblocks.push_back({row.id, value_of(row.host_id), value_of(row.netblock)});
  for (const HostPeerAsnRow& row : rows.host_peer_asns)
    asns.push_back({row.id, value_of(row.host_id), value_of(row.asn)});
  for (const HostCountryAllowedRow& row : rows.host_countries_allowed)
    allowed.push_back({row.id, value_of(row.host_id), value_of(row.country)});
  for (const HostCountryRow& row : rows.host_countries)
    countries.push_back({row.id, value_of(row.host_id), value_of(row.country_id)});
  MIRROR_CHECK(insert(writer, "host_netblock", "id, host_id, netblock", netblocks));
  MIRROR_CHECK(insert(writer, "host_peer_asn", "id, host_id, asn", asns));
  MIRROR_CHECK(insert(writer, "host_country_allowed", "id, host_id, country", allowed));
  return insert(writer, "host_country", "id, host_id, country_id", countries);
}

Result<void> write_content(Writer& writer, const DatabaseRows& rows) {
  Sets products, arches, directories, categories, pairs;
  for (const ProductRow& row : rows.products)
    products.push_back({row.id, value_of(row.name), true});
  for (const ArchRow& row : rows.arches) arches.push_back({row.id, value_of(row.name), true, true});
  for (const DirectoryRow& row : rows.directories)
    directories.push_back({row.id, view(row.name), true});
  for (const CategoryRow& row : rows.categories)
    categories.push_back(
        {row.id, view(row.name), value_of(row.product_id), value_of(row.topdir_id), true});
  for (const CategoryDirectoryRow& row : rows.category_directories)
    pairs.push_back({row.category_id, row.directory_id});
  MIRROR_CHECK(insert(writer, "product", "id, name, publiclist", products));
  MIRROR_CHECK(insert(writer, "arch", "id, name, publiclist, primary_arch", arches));
  MIRROR_CHECK(insert(writer, "directory", "id, name, readable", directories));
  MIRROR_CHECK(
      insert(writer, "category", "id, name, product_id, topdir_id, publiclist", categories));
  return insert(writer, "category_directory", "category_id, directory_id", pairs);
}

Result<void> write_carriers(Writer& writer, const DatabaseRows& rows,
                            const std::vector<HostCategoryDirRow>& stale_dirs) {
  Sets pairs, urls, dirs;
  for (const HostCategoryRow& row : rows.host_categories)
    pairs.push_back(
        {row.id, value_of(row.host_id), value_of(row.category_id), value_of(row.always_up2date)});
  for (const HostCategoryUrlRow& row : rows.host_category_urls)
    urls.push_back({row.id, row.host_category_id, value_of(row.url), value_of(row.is_private)});
  for (const auto* table : {&rows.host_category_dirs, &stale_dirs})
    for (const HostCategoryDirRow& row : *table)
      dirs.push_back(
          {row.id, row.host_category_id, value_of(row.directory_id), table != &stale_dirs});
  MIRROR_CHECK(insert(writer, "host_category", "id, host_id, category_id, always_up2date", pairs));
  MIRROR_CHECK(insert(writer, "host_category_url", "id, host_category_id, url, private", urls));
  return insert(writer, "host_category_dir", "id, host_category_id, directory_id, up2date", dirs);
}

Result<void> write_repositories(Writer& writer, const DatabaseRows& rows) {
  std::set<int64_t> version_ids;
  for (const RepositoryRow& row : rows.repositories)
    if (row.version_id) version_ids.insert(*row.version_id);
  Sets versions, repositories, redirects;
  for (const int64_t id : version_ids) versions.push_back({id, false, true, false, int64_t{0}});
  std::vector<std::string> names;
  for (const RepositoryRow& row : rows.repositories)
    names.push_back(fmt::format("repository {}", row.id));
  for (size_t i = 0; i < names.size(); ++i) {
    const RepositoryRow& row = rows.repositories[i];
    repositories.push_back({row.id, view(names[i]), value_of(row.prefix), value_of(row.category_id),
                            value_of(row.version_id), value_of(row.arch_id),
                            value_of(row.directory_id), value_of(row.disabled)});
  }
  for (const RepositoryRedirectRow& row : rows.repository_redirects)
    redirects.push_back({row.id, value_of(row.from_repo), value_of(row.to_repo)});
  MIRROR_CHECK(
      insert(writer, "version", "id, is_test, display, ordered_mirrorlist, sortorder", versions));
  MIRROR_CHECK(insert(writer, "repository",
                      "id, name, prefix, category_id, version_id, arch_id, directory_id, disabled",
                      repositories));
  return insert(writer, "repository_redirect", "id, from_repo, to_repo", redirects);
}

Result<void> write_tables(Writer& writer, const DatabaseRows& rows) {
  Sets continents, netblocks, details;
  for (const CountryContinentRedirectRow& row : rows.country_continent_redirects)
    continents.push_back({row.id, value_of(row.country), value_of(row.continent)});
  for (const NetblockCountryRow& row : rows.netblock_countries)
    netblocks.push_back({row.id, value_of(row.netblock), value_of(row.country)});
  for (const FileDetailRow& row : rows.file_details)
    details.push_back({row.id, row.directory_id, view(row.filename), value_of(row.timestamp),
                       value_of(row.size), value_of(row.md5), value_of(row.sha1),
                       value_of(row.sha256), value_of(row.sha512)});
  MIRROR_CHECK(insert(writer, "country_continent_redirect", "id, country, continent", continents));
  MIRROR_CHECK(insert(writer, "netblock_country", "id, netblock, country", netblocks));
  return insert(writer, "file_detail",
                "id, directory_id, filename, timestamp, size, md5, sha1, sha256, sha512", details);
}

}  // namespace

Result<void> create_tables_without_constraints(Database& database) {
  MIRROR_TRY(const auto transaction, database.begin(TransactionMode::kWrite));
  MIRROR_CHECK(transaction->execute_script(kTablesWithoutConstraints));
  return transaction->commit();
}

Result<void> write_database_rows(Transaction& transaction, const DatabaseRows& rows,
                                 const std::vector<HostCategoryDirRow>& stale_dirs,
                                 uint64_t order_seed) {
  MIRROR_CHECK(clear(transaction));
  Writer writer{transaction, Random(order_seed)};
  MIRROR_CHECK(write_organisation(writer, rows));
  MIRROR_CHECK(write_host_tables(writer, rows));
  MIRROR_CHECK(write_content(writer, rows));
  MIRROR_CHECK(write_carriers(writer, rows, stale_dirs));
  MIRROR_CHECK(write_repositories(writer, rows));
  return write_tables(writer, rows);
}

}  // namespace mirror

#include "tests/property/odd_rows.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/core/text.h"

namespace mirror {
namespace {

using std::optional, std::string, std::string_view;

// How many rows of one table of a world are as `is_odd` says.
template <typename Row, typename IsOdd>
size_t rows_of(const std::vector<Row>& rows, IsOdd is_odd) {
  return static_cast<size_t>(std::count_if(rows.begin(), rows.end(), is_odd));
}

template <typename Row>
bool has_id(const std::vector<Row>& rows, optional<int64_t> id) {
  return rows_of(rows, [&](const Row& row) { return row.id == id; }) > 0;
}

// The rows whose key is there more than once.
template <typename Row, typename KeyOf>
size_t repeated(const std::vector<Row>& rows, KeyOf key_of) {
  std::map<decltype(key_of(rows.front())), size_t> counts;
  for (const Row& row : rows) ++counts[key_of(row)];
  size_t count = 0;
  for (const auto& [key, times] : counts)
    if (times > 1) count += times;
  return count;
}

size_t netblocks_like(const RandomWorld& world, std::initializer_list<string_view> texts) {
  return rows_of(world.rows.host_netblocks, [&](const HostNetblockRow& row) {
    return row.netblock && std::find(texts.begin(), texts.end(), *row.netblock) != texts.end();
  });
}

template <typename IsOdd>
size_t urls_like(const RandomWorld& world, IsOdd is_odd) {
  return rows_of(world.rows.host_category_urls, [&](const HostCategoryUrlRow& row) {
    return row.is_private == false && row.url && is_odd(string_view(*row.url));
  });
}

string name_of(const DatabaseRows& rows, optional<int64_t> directory) {
  for (const DirectoryRow& row : rows.directories)
    if (row.id == directory) return row.name;
  return {};
}

// Calls `is_odd(name of the directory, name of the top directory)`.
template <typename IsOdd>
size_t directories_like(const RandomWorld& world, IsOdd is_odd) {
  const DatabaseRows& rows = world.rows;
  return rows_of(rows.category_directories, [&](const CategoryDirectoryRow& row) {
    for (const CategoryRow& category : rows.categories)
      if (category.id == row.category_id && category.topdir_id)
        return is_odd(name_of(rows, row.directory_id), name_of(rows, category.topdir_id));
    return false;
  });
}

bool is_sited(const DatabaseRows& rows, const HostRow& host) {
  return has_id(rows.sites, host.site_id);
}

const HostRow* host_of(const DatabaseRows& rows, optional<int64_t> id) {
  for (const HostRow& host : rows.hosts)
    if (host.id == id) return &host;
  return nullptr;
}

using W = const RandomWorld&;
#define ROWS(table, condition) \
  [](W w) { return rows_of(w.rows.table, [&](const auto& row) { return condition; }); }

const OddKind kKinds[] = {
    // NULL where the model permits it.
    {"C-05", "host without site", ROWS(hosts, !row.site_id)},
    {"C-05", "bandwidth NULL", ROWS(hosts, !row.bandwidth)},
    {"C-05", "netblock without host", ROWS(host_netblocks, !row.host_id)},
    {"C-05", "netblock NULL", ROWS(host_netblocks, !row.netblock)},
    {"C-05", "allowed country without host", ROWS(host_countries_allowed, !row.host_id)},
    {"C-05", "peer AS without host", ROWS(host_peer_asns, !row.host_id)},
    {"C-05", "host_category without host", ROWS(host_categories, !row.host_id)},
    {"C-05", "host_category without category", ROWS(host_categories, !row.category_id)},
    {"C-05", "host_category_dir without directory", ROWS(host_category_dirs, !row.directory_id)},
    {"C-05", "category without topdir", ROWS(categories, !row.topdir_id)},
    {"C-05", "category without product", ROWS(categories, !row.product_id)},
    {"C-05", "repository without prefix", ROWS(repositories, !row.prefix)},
    {"C-05", "repository without version", ROWS(repositories, !row.version_id)},
    {"C-05", "repository without architecture", ROWS(repositories, !row.arch_id)},
    {"C-05", "repository without directory", ROWS(repositories, !row.directory_id)},
    {"C-05", "repository without category", ROWS(repositories, !row.category_id)},
    {"C-05", "redirect without target", ROWS(repository_redirects, !row.to_repo)},
    {"C-05", "detail without size", ROWS(file_details, !row.size)},
    {"C-05", "detail without a checksum", ROWS(file_details, !row.sha256)},
    // NULL where only drifted databases hold it.
    {"C-05", "country of a host NULL", ROWS(hosts, !row.country)},
    {"C-05", "host admin_active NULL", ROWS(hosts, !row.admin_active)},
    {"C-05", "host user_active NULL", ROWS(hosts, !row.user_active)},
    {"C-05", "host private NULL", ROWS(hosts, !row.is_private)},
    {"C-05", "host asn_clients NULL", ROWS(hosts, !row.asn_clients)},
    {"C-05", "host internet2 NULL", ROWS(hosts, !row.internet2 || !row.internet2_clients)},
    {"C-05", "host max_connections NULL", ROWS(hosts, !row.max_connections)},
    {"C-05", "site flag NULL",
     ROWS(sites, !row.is_private || !row.admin_active || !row.user_active)},
    {"C-05", "always_up2date NULL", ROWS(host_categories, !row.always_up2date)},
    {"C-05", "URL NULL", ROWS(host_category_urls, !row.url)},
    {"C-05", "URL private NULL", ROWS(host_category_urls, !row.is_private)},
    {"C-05", "architecture without name", ROWS(arches, !row.name)},
    {"C-05", "repository disabled NULL", ROWS(repositories, !row.disabled)},
    {"C-05", "peer AS NULL", ROWS(host_peer_asns, !row.asn)},
    {"C-05", "allowed country NULL", ROWS(host_countries_allowed, !row.country)},
    {"C-05", "country without code", ROWS(countries, !row.code)},
    {"C-05", "continent redirect NULL",
     ROWS(country_continent_redirects, !row.country || !row.continent)},
    {"C-05", "netblock_country NULL", ROWS(netblock_countries, !row.netblock || !row.country)},
    {"C-07", "detail without timestamp", ROWS(file_details, !row.timestamp)},
    {"C-07", "details of one timestamp",
     [](W w) {
       return repeated(w.rows.file_details, [](const FileDetailRow& row) {
         return std::tuple(row.directory_id, row.filename, row.timestamp);
       });
     }},
    {"C-08", "URL with blanks around",
     [](W w) { return urls_like(w, [](auto url) { return trim(url) != url; }); }},
    {"C-08", "URL with slashes at its end",
     [](W w) { return urls_like(w, [](auto url) { return url.ends_with("//"); }); }},
    {"C-08", "URL without ://",
     [](W w) { return urls_like(w, [](auto url) { return url.find("://") == url.npos; }); }},
    {"C-08", "URL with a blank inside",
     [](W w) { return urls_like(w, [](auto url) { return trim(url).find(' ') != url.npos; }); }},
    {"C-08", "URL with a control byte inside", [](W w) {
       return urls_like(w, [](auto url) { return trim(url).find_first_of("\t\x7f") != url.npos; });
     }},
    {"C-08", "URLs of one host that differ by slashes only",
     [](W w) {
       return repeated(w.rows.host_category_urls, [](const HostCategoryUrlRow& row) {
         string_view url = trim(row.url ? string_view(*row.url) : string_view());
         while (url.ends_with('/')) url.remove_suffix(1);
         return std::pair(row.host_category_id, string(url));
       });
     }},
    {"C-09", "netblock /0",
     [](W w) { return netblocks_like(w, {"0.0.0.0/0", "::/0", "0.0.0.0/0.0.0.0"}); }},
    {"C-09", "very large netblock", [](W w) { return netblocks_like(w, {"10.0.0.0/4", "2000::/8"}); }},
    {"C-10", "10.0.0.0/33", [](W w) { return netblocks_like(w, {"10.0.0.0/33"}); }},
    {"C-10", "10.0.0.0/", [](W w) { return netblocks_like(w, {"10.0.0.0/"}); }},
    {"C-10", "10.0.0.0/24 # x", [](W w) { return netblocks_like(w, {"10.0.0.0/24 # x"}); }},
    {"C-10", "2001:db8::/129", [](W w) { return netblocks_like(w, {"2001:db8::/129"}); }},
    {"C-10", "host/10.0.0.1", [](W w) { return netblocks_like(w, {"host/10.0.0.1"}); }},
    {"C-11", "octal address", [](W w) { return netblocks_like(w, {"010.0.0.1"}); }},
    {"C-11", "short address", [](W w) { return netblocks_like(w, {"10.1", "167772161"}); }},
    {"C-11", "address with a zone", [](W w) { return netblocks_like(w, {"fe80::1%eth0"}); }},
    {"C-12", "name that resolves",
     [](W w) { return netblocks_like(w, {"good.mirror.example", "two.mirror.example"}); }},
    {"C-12", "name that does not resolve", [](W w) { return netblocks_like(w, {"dead.invalid"}); }},
    {"5.6", "netmask with holes",
     [](W w) { return netblocks_like(w, {"10.0.0.0/255.0.255.0", "10.0.0.0/0.0.0.255"}); }},
    {"5.6", "netmask of the other family",
     [](W w) { return netblocks_like(w, {"10.0.0.0/ffff::", "2001:db8::/255.255.255.0"}); }},
    {"5.6", "neither side an address",
     [](W w) { return netblocks_like(w, {"10.0.0/24", "10.0.0.0 /8", "host/24", "/"}); }},
    {"5.6", "empty netblock", [](W w) { return netblocks_like(w, {""}); }},
    {"5.6", "two slashes", [](W w) { return netblocks_like(w, {"10.0.0.0/8/8"}); }},
    {"5.6", "leading zeros", [](W w) {
       return rows_of(w.rows.host_netblocks, [](const HostNetblockRow& row) {
         return row.netblock && row.netblock->find(".00") != string::npos;
       });
     }},
    {"5.4", "netblock twice with one host",
     [](W w) {
       return repeated(w.rows.host_netblocks, [](const HostNetblockRow& row) {
         return std::pair(row.host_id, row.netblock);
       });
     }},
    {"5.4", "netblock of an inactive host",
     ROWS(host_netblocks,
          host_of(w.rows, row.host_id) && host_of(w.rows, row.host_id)->user_active == false)},
    {"5.4", "netblock of a private host",
     ROWS(host_netblocks,
          host_of(w.rows, row.host_id) && host_of(w.rows, row.host_id)->is_private == true)},
    {"5.2", "countries of an inactive host",
     ROWS(host_countries_allowed,
          host_of(w.rows, row.host_id) && host_of(w.rows, row.host_id)->user_active == false)},
    {"5.2", "host allowed by both tables",
     ROWS(host_countries, rows_of(w.rows.host_countries_allowed,
                                  [&](const auto& other) {
                                    return other.host_id == row.host_id;
                                  }) > 0)},
    {"5.5", "bandwidth below 1", ROWS(hosts, row.bandwidth && *row.bandwidth < 1)},
    {"5.5", "bandwidth above the limit", ROWS(hosts, row.bandwidth && *row.bandwidth > 100'000)},
    {"5.5", "country in lower case", ROWS(hosts, row.country == "se" || row.country == "us")},
    {"5.5", "empty country", ROWS(hosts, row.country == "")},
    {"5.5", "country global", ROWS(hosts, row.country == "global")},
    {"5.5", "AS 0 or below", ROWS(hosts, row.asn && *row.asn < 1)},
    {"5.5", "AS without asn_clients", ROWS(hosts, row.asn && row.asn_clients == false)},
    {"C-13", "negative timestamp", ROWS(file_details, row.timestamp && *row.timestamp < 0)},
    {"C-13", "negative size", ROWS(file_details, row.size && *row.size < 0)},
    {"5.7", "empty checksum", ROWS(file_details, row.sha256 == "")},
    {"C-14", "directory in two categories",
     [](W w) {
       return repeated(w.rows.category_directories,
                       [](const CategoryDirectoryRow& row) { return row.directory_id; });
     }},
    {"C-15", "category with directories and without hosts",
     ROWS(categories,
          rows_of(w.rows.category_directories,
                  [&](const auto& other) { return other.category_id == row.id; }) > 0 &&
              rows_of(w.rows.host_categories,
                      [&](const auto& other) { return other.category_id == row.id; }) == 0)},
    {"C-16", "directory that only begins like its topdir",
     [](W w) {
       return directories_like(w, [](const string& name, const string& top) {
         return !top.empty() && name.size() > top.size() && name.starts_with(top) &&
                name[top.size()] != '/';
       });
     }},
    {"C-16", "directory elsewhere than its topdir",
     [](W w) {
       return directories_like(
           w, [](const string& name, const string& top) { return !name.starts_with(top); });
     }},
    {"5.7", "empty topdir",
     [](W w) {
       return directories_like(w, [](const string&, const string& top) { return top.empty(); });
     }},
    {"5.7", "directory is the topdir",
     [](W w) {
       return directories_like(
           w, [](const string& name, const string& top) { return name == top; });
     }},
    {"C-17", "host_category of a host without site",
     ROWS(host_categories, host_of(w.rows, row.host_id) &&
                               !is_sited(w.rows, *host_of(w.rows, row.host_id)))},
    {"C-17", "host_category of a host that is gone",
     ROWS(host_categories, row.host_id && !host_of(w.rows, row.host_id))},
    {"C-17", "host of a site that is gone",
     ROWS(hosts, row.site_id && !is_sited(w.rows, row))},
    {"2", "netblock of a host that is gone",
     ROWS(host_netblocks, row.host_id && !host_of(w.rows, row.host_id))},
    {"2", "topdir that is gone",
     ROWS(categories, row.topdir_id && !has_id(w.rows.directories, row.topdir_id))},
    {"2", "category_directory of a directory that is gone",
     ROWS(category_directories, !has_id(w.rows.directories, row.directory_id))},
    {"2", "URL of a host_category that is gone",
     ROWS(host_category_urls, !has_id(w.rows.host_categories, row.host_category_id))},
    {"2", "host_category_dir of a host_category that is gone",
     ROWS(host_category_dirs, !has_id(w.rows.host_categories, row.host_category_id))},
    {"2", "host_category_dir of a directory that is gone",
     ROWS(host_category_dirs,
          row.directory_id && !has_id(w.rows.directories, row.directory_id))},
    {"2", "detail of a directory that is gone",
     ROWS(file_details, !has_id(w.rows.directories, row.directory_id))},
    {"5.8", "repository of a directory that is gone",
     ROWS(repositories, row.directory_id && !has_id(w.rows.directories, row.directory_id))},
    {"5.8", "repository of an architecture that is gone",
     ROWS(repositories, row.arch_id && !has_id(w.rows.arches, row.arch_id))},
    {"C-18", "host twice in a category",
     [](W w) {
       return repeated(w.rows.host_categories, [](const HostCategoryRow& row) {
         return std::pair(row.host_id, row.category_id);
       });
     }},
    {"C-19", "prefix and architecture twice",
     [](W w) {
       return repeated(w.rows.repositories, [](const RepositoryRow& row) {
         return std::tuple(row.prefix.has_value() && row.arch_id.has_value() ? 0 : row.id,
                           row.prefix, row.arch_id);
       });
     }},
    {"C-19", "keys that are equal by their +",
     [](W w) {
       const auto has = [&](string_view prefix, string_view arch) {
         return rows_of(w.rows.repositories, [&](const RepositoryRow& row) {
                  return row.prefix == prefix &&
                         rows_of(w.rows.arches, [&](const ArchRow& known) {
                           return known.id == row.arch_id && known.name == arch;
                         }) > 0;
                }) > 0;
       };
       return size_t{has("a", "b+c") && has("a+b", "c")};
     }},
    {"C-20", "prefix disabled for one architecture only",
     ROWS(repositories, row.disabled == true && row.prefix && row.directory_id &&
                            rows_of(w.rows.repositories, [&](const auto& other) {
                              return other.prefix == row.prefix && other.disabled == false;
                            }) > 0)},
    {"5.9", "disabled repository without directory",
     ROWS(repositories, row.disabled == true && !row.directory_id)},
    {"5.8", "empty prefix", ROWS(repositories, row.prefix == "")},
    {"5.8", "prefix with +", ROWS(repositories, row.prefix == "a+b")},
    {"5.10", "redirect to nothing", ROWS(repository_redirects, row.to_repo == "")},
    {"C-21", "continent redirect in lower case or with blanks",
     ROWS(country_continent_redirects, row.country == "kr" || row.country == " KR ")},
    {"C-22", "netblock_country that is no prefix",
     ROWS(netblock_countries, oracle_prefixes(row.netblock.value_or(""), nullptr).empty())},
    {"C-22", "netblock_country in lower case or with blanks",
     ROWS(netblock_countries, row.country == "de" || row.country == " US ")},
    {"C-22", "netblock_country without country", ROWS(netblock_countries, row.country == "")},
    {"C-23", "file with more than eleven details",
     [](W w) {
       std::map<std::pair<int64_t, string>, size_t> counts;
       for (const FileDetailRow& row : w.rows.file_details)
         ++counts[{row.directory_id, row.filename}];
       return static_cast<size_t>(std::count_if(
           counts.begin(), counts.end(), [](const auto& entry) { return entry.second > 11; }));
     }},
    {"C-24", "directory of no category",
     ROWS(directories, rows_of(w.rows.category_directories, [&](const auto& other) {
                         return other.directory_id == row.id;
                       }) == 0)},
    {"C-24", "directory that only stale rows name",
     ROWS(directories, rows_of(w.rows.host_category_dirs,
                               [&](const auto& other) {
                                 return other.directory_id == row.id;
                               }) == 0 &&
                           rows_of(w.stale_dirs, [&](const auto& other) {
                             return other.directory_id == row.id;
                           }) > 0)},
    {"5.14", "always_up2date", ROWS(host_categories, row.always_up2date == true)},
    {"5.14", "up2date = false", [](W w) { return w.stale_dirs.size(); }},
    {"5.14", "private URL", ROWS(host_category_urls, row.is_private == true)},
    {"5.14", "private site", ROWS(sites, row.is_private == true)},
    {"5.14", "inactive site", ROWS(sites, row.user_active == false || row.admin_active == false)},
    {"5.7", "host_category without URL",
     ROWS(host_categories,
          rows_of(w.rows.host_category_urls,
                  [&](const auto& other) { return other.host_category_id == row.id; }) == 0)},
};
#undef ROWS

}  // namespace

std::span<const OddKind> odd_kinds() { return kKinds; }

}  // namespace mirror

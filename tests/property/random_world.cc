#include "tests/property/random_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tests/property/dice.h"

namespace mirror {
namespace {

// Few networks, so that prefixes of different tables overlap.
IpAddress random_address(Dice& dice) {
  if (dice.chance(30)) {
    const uint64_t high = dice.chance(70) ? 0x20010db8'00000000 : 0x2a000000'00000000;
    return IpAddress::from_ipv6(high | (dice.bits() & 0x3'0003), dice.bits() & 3);
  }
  const std::vector<uint32_t> networks = {0x0a000000, 0x14010000, 0x14020000, 0xc0000200};
  return IpAddress::from_ipv4(dice.of(networks) | (static_cast<uint32_t>(dice.bits()) & 0x0303));
}

IpPrefix random_prefix(Dice& dice) {
  const IpAddress address = random_address(dice);
  const int bits = address.bit_count();
  return IpPrefix::of(address,
                      dice.chance(15) ? bits : static_cast<int>(dice.between(bits / 4, bits)));
}

std::string dotted(const IpAddress& address, const char* format) {
  const uint32_t bits = address.ipv4();
  return fmt::format(fmt::runtime(format), bits >> 24, bits >> 16 & 255, bits >> 8 & 255,
                     bits & 255);
}

// A prefix in one of the forms that people type.
std::string prefix_text(Dice& dice) {
  const IpPrefix prefix = random_prefix(dice);
  const IpAddress somewhere = dice.chance(50) ? prefix.last() : prefix.address;  // host bits
  const std::string plain = fmt::format("{}/{}", somewhere.to_string(), prefix.length);
  switch (dice.between(0, 7)) {
    case 0:
      return somewhere.to_string();
    case 1:
      return "  " + plain + "\t";
    case 2:
      if (!somewhere.is_ipv4()) return plain;
      return dotted(somewhere, "{:03}.{:03}.{:03}.{:03}") + fmt::format("/{:02}", prefix.length);
    case 3: {
      const IpAddress ones = IpPrefix::of(somewhere, 0).last();
      return somewhere.to_string() + "/" + IpPrefix::of(ones, prefix.length).address.to_string();
    }
    default:
      return plain;
  }
}

std::string odd_netblock(Dice& dice) {
  return dice.of({"0.0.0.0/0",
                  "::/0",
                  "0.0.0.0/0.0.0.0",
                  "10.0.0.0/4",
                  "2000::/8",
                  "10.0.0.0/33",
                  "10.0.0.0/",
                  "10.0.0.0/24 # x",
                  "2001:db8::/129",
                  "host/10.0.0.1",
                  "10.0.0/24",
                  "10.0.0.0 /8",
                  "host/24",
                  "/",
                  "",
                  "010.0.0.1",
                  "10.1",
                  "167772161",
                  "0x0a000001",
                  "fe80::1%eth0",
                  "10.0.0.1-10.0.0.9",
                  "10.0.0.0/255.0.255.0",
                  "10.0.0.0/0.0.0.255",
                  "10.0.0.0/8/8",
                  "::ffff:10.0.0.0/104",
                  "10.0.0.0/ffff::",
                  "2001:DB8::/32",
                  "good.mirror.example",
                  "two.mirror.example",
                  "dead.invalid",
                  "not a name",
                  "2001:db8::/255.255.255.0",
                  "10.0.0.0/255.255.255.255",
                  "10.0.0.1/32.0.0.0"});
}

class WorldMaker {
 public:
  WorldMaker(uint64_t seed, bool drifted) : dice_(seed) { world_.drifted = drifted; }

  RandomWorld make() {
    world_.minimum = static_cast<uint32_t>(dice_.between(0, 6));
    world_.ip_parameter = !dice_.chance(10);
    make_hosts();
    make_restrictions();
    make_networks();
    make_directories();
    make_categories();
    make_carriers();
    make_urls();
    make_repositories();
    make_files();
    make_tables();
    repeat_rows();
    if (world_.drifted) drift();
    return std::move(world_);
  }

 private:
  void make_hosts() {
    for (int64_t id = 1, last = dice_.between(1, 5); id <= last; ++id)
      rows().sites.push_back({id * 3, fmt::format("site {}", id), dice_.chance(10),
                              !dice_.chance(4), !dice_.chance(4)});
    for (int64_t id = 1, last = dice_.between(6, 20); id <= last; ++id) {
      HostRow host;
      host.id = id * 7 % 151;
      host.name = fmt::format("host{}.example", id);
      if (!dice_.chance(6)) host.site_id = dice_.of(rows().sites).id;
      host.admin_active = !dice_.chance(7);
      host.user_active = !dice_.chance(7);
      host.is_private = dice_.chance(15);
      host.asn_clients = !dice_.chance(30);
      host.internet2 = dice_.chance(10);
      host.internet2_clients = dice_.chance(10);
      host.max_connections = dice_.between(0, 3);
      host.country = random_country();
      host.bandwidth = random_bandwidth();
      if (dice_.chance(50)) host.asn = random_asn();
      rows().hosts.push_back(host);
    }
    by_id(rows().hosts);
  }

  std::string random_country() {
    return dice_.of({"SE", "SE", "SE", "DE", "DE", "DE", "GB", "US",  "US",     "CA",      "JP",
                     "KR", "BR", "se", "us", "Gb", "",   "ZZ", "XYZ", "global", "\xc3\x96"});
  }
  std::optional<int64_t> random_bandwidth() {
    static const std::vector<std::optional<int64_t>> bandwidths = {
        std::nullopt, -5, 0, 1, 100, 1000, 10'000, 100'000, 100'001, 2'147'483'647};
    return dice_.of(bandwidths);
  }
  int64_t random_asn() {
    static const std::vector<int64_t> asns = {65001, 65001, 65002, 65003, 0, -7, 2'147'483'647};
    return dice_.of(asns);
  }
  std::optional<int64_t> random_host() {
    if (dice_.chance(5)) return std::nullopt;
    return dice_.of(rows().hosts).id;
  }

  void make_restrictions() {
    int64_t id = 0;
    for (const char* code : {"SE", "DE", "us", " GB ", "JP"})
      rows().countries.push_back({++id, code});
    std::set<std::pair<int64_t, int64_t>> pairs;
    for (int64_t i = 0, last = dice_.between(0, 4); i < last; ++i) {
      const int64_t host = dice_.of(rows().hosts).id;
      const int64_t country = dice_.of(rows().countries).id;
      if (pairs.emplace(host, country).second)
        rows().host_countries.push_back({i + 1, host, country});
    }
    std::set<std::string> used;  // the column is unique
    for (int64_t i = 0, last = dice_.between(0, 4); i < last; ++i) {
      const std::string country =
          dice_.of({"SE", "se", " SE", "DE", "us", "US", "GB", "N/A", "KR"});
      if (used.insert(country).second)
        rows().host_countries_allowed.push_back({i + 1, random_host(), country});
    }
  }

  void make_networks() {
    world_.names = {
        {"good.mirror.example", {*IpAddress::parse("10.0.1.1")}},
        {"two.mirror.example", {*IpAddress::parse("20.1.0.2"), *IpAddress::parse("2001:db8::1")}},
        // What a resolver makes of texts that must never reach it.
        {"010.0.0.1", {*IpAddress::parse("8.0.0.1")}},
        {"10.1", {*IpAddress::parse("10.0.0.1")}},
        {"167772161", {*IpAddress::parse("10.0.0.1")}},
        {"0x0a000001", {*IpAddress::parse("10.0.0.1")}},
        {"fe80::1%eth0", {*IpAddress::parse("fe80::1")}}};
    for (int64_t i = 0, last = dice_.between(0, 14); i < last; ++i) {
      std::optional<std::string> text = dice_.chance(30) ? odd_netblock(dice_) : prefix_text(dice_);
      if (dice_.chance(3)) text.reset();
      rows().host_netblocks.push_back({i * 2 + 1, random_host(), text});
    }
    std::set<std::pair<std::optional<int64_t>, int64_t>> pairs;
    for (int64_t i = 0, last = dice_.between(0, 5); i < last; ++i) {
      const auto host = random_host();
      const int64_t asn = random_asn();
      if (pairs.emplace(host, asn).second) rows().host_peer_asns.push_back({i + 1, host, asn});
    }
  }

  void make_directories() {
    static const std::vector<std::string> names = {"pub/alpha",
                                                   "pub/alpha/1/os",
                                                   "pub/alpha/1/os/repodata",
                                                   "pub/alpha/1/source",
                                                   "pub/alpha/1/source/repodata",
                                                   "pub/alpha/2",
                                                   "pub/alpha-secondary/x",
                                                   "pub/beta",
                                                   "pub/beta/c++",
                                                   "pub/beta/c++/repodata",
                                                   "pub/beta/\xc3\xa9t\xc3\xa9",
                                                   "pub/beta/R&D",
                                                   "pub/beta/a b",
                                                   "pub/beta/<x>",
                                                   "pub",
                                                   "other",
                                                   "other/dir",
                                                   "repodata",
                                                   "pub/alpha/a+b",
                                                   "pub/alpha/1",
                                                   "x",
                                                   "pub/beta/c++/deep/er"};
    int64_t id = 0;
    for (const std::string& name : names)
      if (dice_.chance(85)) rows().directories.push_back({++id * 5 % 113, name});
    if (dice_.chance(40) || rows().directories.empty()) rows().directories.push_back({200, ""});
    by_id(rows().directories);
  }

  void make_categories() {
    rows().products = {{1, "Product"}, {2, "Other"}};
    for (int64_t id = 1, last = dice_.between(1, 5); id <= last; ++id) {
      CategoryRow category;
      category.id = id * 2;
      category.name = fmt::format("Category {}", id);
      if (!dice_.chance(20)) category.product_id = dice_.between(1, 2);
      if (!dice_.chance(5)) category.topdir_id = random_topdir();
      rows().categories.push_back(category);
    }
    for (const CategoryRow& category : rows().categories)
      for (const DirectoryRow& directory : rows().directories) {
        const std::string* top = name_of(category.topdir_id);
        const bool is_under = top && (top->empty() || directory.name.starts_with(*top));
        if (dice_.chance(is_under ? 85 : 4))
          rows().category_directories.push_back({category.id, directory.id});
      }
  }
  const std::string* name_of(std::optional<int64_t> id) {
    for (const DirectoryRow& directory : rows().directories)
      if (directory.id == id) return &directory.name;
    return nullptr;
  }
  // Mostly a directory with much below it.
  int64_t random_topdir() {
    const std::string wanted = dice_.of({"pub/alpha", "pub/beta", "pub", "", "pub/alpha"});
    for (const DirectoryRow& directory : rows().directories)
      if (directory.name == wanted && !dice_.chance(10)) return directory.id;
    return dice_.of(rows().directories).id;
  }

  void make_carriers() {
    int64_t id = 0;
    int64_t dir_id = 0;
    for (const HostRow& host : rows().hosts)
      for (const CategoryRow& category : rows().categories) {
        if (category.id == 4 && rows().hosts.size() % 2 == 0) continue;  // a category without hosts
        if (!dice_.chance(85)) continue;
        HostCategoryRow pair{++id * 3, host.id, category.id, dice_.chance(55)};
        if (dice_.chance(3)) pair.host_id.reset();
        if (dice_.chance(3)) pair.category_id.reset();
        rows().host_categories.push_back(pair);
        for (const DirectoryRow& directory : rows().directories) {
          if (!dice_.chance(50)) continue;
          HostCategoryDirRow dir{++dir_id, pair.id, directory.id};
          if (dice_.chance(2)) dir.directory_id.reset();
          (dice_.chance(75) ? rows().host_category_dirs : world_.stale_dirs).push_back(dir);
        }
      }
  }

  void make_urls() {
    int64_t id = 0;
    for (const HostCategoryRow& pair : rows().host_categories)
      for (int64_t i = 0, last = dice_.between(0, 5); i < last; ++i)
        rows().host_category_urls.push_back({++id, pair.id, random_url(id), dice_.chance(12)});
  }
  // Unique, as the column is.
  std::string random_url(int64_t id) {
    const std::string host = fmt::format("m{}.example", id);
    const std::string path = dice_.of({"", "/pub", "/pub/linux", "/"});
    if (dice_.chance(80))
      return dice_.of({"https", "https", "http", "http", "ftp", "rsync"}) + "://" + host + path;
    switch (dice_.between(0, 13)) {
      case 0:
        return "  http://" + host + path + " \t";
      case 1:
        return "https://" + host + path + "///";
      case 2:
        return "http://" + host + "/a b";
      case 3:
        return host + path;
      case 4:
        return "http:/" + host;
      case 5:
        return "http://" + host + "/a\tb";
      case 6:
        return "http://" + host + "/a\x7f";
      case 7:
        return "http://" + host + "/\xc3\xa9t\xc3\xa9";
      case 8:
        return "https://" + host + "/x?a=1&b=<2>";
      case 9:
        return "HTTP://" + host + path;
      case 10:
        return "gopher://" + host;
      case 11:
        return fmt::format("://{}", id);
      case 12:
        return "http://" + std::string(static_cast<size_t>(id), '/');
      default:
        return "http+x://" + host + path;
    }
  }

  void make_repositories() {
    int64_t id = 0;
    for (const char* name : {"x86_64", "source", "noarch", "b+c", "c"})
      if (dice_.chance(90) || id == 0) rows().arches.push_back({++id, name});
    std::set<std::pair<std::string, int64_t>> used;
    for (int64_t i = 1, last = dice_.between(3, 14); i <= last; ++i) {
      RepositoryRow row;
      row.id = i * 11 % 97;
      if (!dice_.chance(8)) row.prefix = random_prefix_name();
      if (!dice_.chance(8)) row.category_id = dice_.of(rows().categories).id;
      if (!dice_.chance(6)) row.version_id = dice_.between(1, 3);
      if (!dice_.chance(6)) row.arch_id = dice_.of(rows().arches).id;
      if (!dice_.chance(6)) row.directory_id = dice_.of(rows().directories).id;
      row.disabled = dice_.chance(12);
      if (row.prefix && row.arch_id && !used.emplace(*row.prefix, *row.arch_id).second) continue;
      rows().repositories.push_back(row);
    }
    by_id(rows().repositories);
    std::set<std::string> redirected;
    for (int64_t i = 1, last = dice_.between(0, 6); i <= last; ++i) {
      RepositoryRedirectRow row{i, random_prefix_name(), random_prefix_name()};
      if (dice_.chance(15)) row.to_repo.reset();
      if (redirected.insert(*row.from_repo).second) rows().repository_redirects.push_back(row);
    }
  }
  std::string random_prefix_name() {
    return dice_.of({"f-40", "f-41", "f-source-40", "resource", "a", "a+b", "old--1", "rawhide",
                     "\xc3\xa9", "", "x;y z", "<r&d>"});
  }

  void make_files() {
    int64_t id = 0;
    for (const DirectoryRow& directory : rows().directories)
      for (const char* name : {"repomd.xml", "boot.iso", "R&D <1>.iso", "\xc3\xa9.iso"}) {
        if (!dice_.chance(40)) continue;
        const int64_t versions = dice_.chance(15) ? dice_.between(10, 14) : dice_.between(1, 4);
        for (int64_t i = 0; i < versions; ++i)
          rows().file_details.push_back(random_detail(++id, directory.id, name));
      }
  }
  FileDetailRow random_detail(int64_t id, int64_t directory, const char* name) {
    FileDetailRow row{id, directory, name, {}, {}, {}, {}, {}, {}};
    if (!dice_.chance(15)) row.timestamp = 1'700'000'000 + dice_.between(0, 5);
    if (dice_.chance(10)) row.timestamp = dice_.between(-2, 1);
    if (!dice_.chance(15)) row.size = dice_.between(-1, 4) * 1'234'567'890'123;
    for (auto* hash : {&row.md5, &row.sha1, &row.sha256, &row.sha512})
      if (dice_.chance(60))
        *hash = dice_.of({"", "m1", "<a&b>", "00ff00ff00ff00ff00ff00ff00ff00ff"});
    return row;
  }

  void make_tables() {
    world_.country_continent_csv = "iso 3166 country,continent code\n\n";
    for (const char* line :
         {"SE,EU", "\"DE\",\"EU\"", " gb , eu ", "US,NA,ignored", "CA,NA\r", "JP,AS", "KR,AS",
          "BR,SA", "XX", "long,EU", "ZZ,EU", "SE,AS", "XY,NA", "DE"})
      if (dice_.chance(85)) world_.country_continent_csv += std::string(line) + "\n";
    std::set<std::string> used;
    for (int64_t i = 1, last = dice_.between(0, 3); i <= last; ++i) {
      const std::string country = dice_.of({"KR", "kr", " KR ", "SE", "BR", "QQ"});
      if (used.insert(country).second)
        rows().country_continent_redirects.push_back(
            {i, country, dice_.of({"NA", "eu", " AS ", "OC"})});
    }
    std::set<std::string> blocks;
    for (int64_t i = 1, last = dice_.between(0, 8); i <= last; ++i) {
      const std::string netblock = dice_.chance(20) ? odd_netblock(dice_) : prefix_text(dice_);
      const std::string country = dice_.of({"SE", "de", " US ", "", "JP", "global"});
      if (netblock.find("/0") == netblock.npos && blocks.insert(netblock).second)
        rows().netblock_countries.push_back({i, netblock, country});
    }
    for (int64_t i = 0, last = dice_.between(0, 12); i < last; ++i) {
      const std::string asn =
          dice_.of({"65001", "65002", "65003", "AS65001", "0", "-7", "4200000000"});
      world_.global_netblocks += prefix_text(dice_) + dice_.of({" ", "\t", "  "}) + asn +
                                 dice_.of({"\n", " more columns\n", "\r\n"});
      world_.global_netblocks += dice_.of({"", "", "", "# comment\n", "\n", "10.0.0.0/8\n",
                                           "0.0.0.0/0 65001\n", "10.0.0.1 65001\n", "x y\n"});
    }
    for (const char* pool :
         {"10.0.0.0/8", "20.1.0.0/16", "20.2.0.0/16", "192.0.2.0/24", "2001:db8::/32"}) {
      if (dice_.chance(70))
        world_.geo.emplace_back(*IpPrefix::parse(pool), dice_.of({"SE", "DE", "US", "GB", "KR"}));
      if (dice_.chance(20)) world_.global_netblocks += std::string(pool) + " 65001\n";
    }
    for (int64_t i = 0, last = dice_.between(0, 4); i < last; ++i)
      world_.geo.emplace_back(random_prefix(dice_),
                              dice_.of({"SE", "DE", "US", "GB", "KR", "ZZ", ""}));
  }

  // What the keys permit to be there twice.
  void repeat_rows() {
    if (dice_.chance(30) && !rows().host_netblocks.empty()) {
      HostNetblockRow row = dice_.of(rows().host_netblocks);
      row.id = rows().host_netblocks.back().id + 1;
      rows().host_netblocks.push_back(row);
    }
    if (dice_.chance(30) && !rows().host_category_urls.empty()) {
      HostCategoryUrlRow row = dice_.of(rows().host_category_urls);
      row.id = rows().host_category_urls.back().id + 1;
      row.url = *row.url + "/";
      rows().host_category_urls.push_back(row);
    }
    if (dice_.chance(15)) {
      add_repository("a", "b+c");
      add_repository("a+b", "c");
    }
  }
  void add_repository(const std::string& prefix, const std::string& arch_name) {
    for (const ArchRow& arch : rows().arches) {
      if (arch.name != arch_name) continue;
      for (const RepositoryRow& row : rows().repositories)
        if (row.prefix == prefix && row.arch_id == arch.id) return;
      const int64_t id = rows().repositories.empty() ? 1 : rows().repositories.back().id + 1;
      rows().repositories.push_back({id, prefix, dice_.of(rows().categories).id,
                                     dice_.between(1, 3), arch.id, dice_.of(rows().directories).id,
                                     false});
    }
  }

  // Rows that the constraints of the model forbid; each kind in some worlds.
  void drift() {
    drift_to_null();
    drift_to_gone();
    drift_to_twice();
  }

  // Makes one value of some rows NULL.
  template <typename Row, typename Value>
  void forget(std::vector<Row>& table, Value Row::*column) {
    constexpr unsigned kPercentOfWorlds = 40, kPercentOfRows = 30;
    if (!dice_.chance(kPercentOfWorlds)) return;
    for (Row& row : table)
      if (dice_.chance(kPercentOfRows)) (row.*column).reset();
  }

  void drift_to_null() {
    for (const auto column :
         {&HostRow::admin_active, &HostRow::user_active, &HostRow::is_private,
          &HostRow::asn_clients, &HostRow::internet2, &HostRow::internet2_clients})
      forget(rows().hosts, column);
    forget(rows().hosts, &HostRow::country);
    forget(rows().hosts, &HostRow::max_connections);
    for (const auto column : {&SiteRow::is_private, &SiteRow::admin_active, &SiteRow::user_active})
      forget(rows().sites, column);
    forget(rows().host_categories, &HostCategoryRow::always_up2date);
    forget(rows().host_category_urls, &HostCategoryUrlRow::url);
    forget(rows().host_category_urls, &HostCategoryUrlRow::is_private);
    forget(rows().arches, &ArchRow::name);
    forget(rows().repositories, &RepositoryRow::disabled);
    forget(rows().host_peer_asns, &HostPeerAsnRow::asn);
    forget(rows().host_countries_allowed, &HostCountryAllowedRow::country);
    forget(rows().countries, &CountryRow::code);
    forget(rows().country_continent_redirects, &CountryContinentRedirectRow::country);
    forget(rows().country_continent_redirects, &CountryContinentRedirectRow::continent);
    forget(rows().netblock_countries, &NetblockCountryRow::netblock);
    forget(rows().netblock_countries, &NetblockCountryRow::country);
  }

  // Makes one row in some worlds name a row that does not exist.
  template <typename Row, typename Id>
  void misdirect(std::vector<Row>& table, Id Row::*column) {
    constexpr int64_t kGone = 999'999;
    constexpr unsigned kPercentOfWorlds = 30;
    if (dice_.chance(kPercentOfWorlds) && !table.empty())
      table[static_cast<size_t>(dice_.between(0, static_cast<int64_t>(table.size()) - 1))].*column =
          kGone;
  }

  void drift_to_gone() {
    misdirect(rows().hosts, &HostRow::site_id);
    misdirect(rows().host_netblocks, &HostNetblockRow::host_id);
    misdirect(rows().host_categories, &HostCategoryRow::host_id);
    misdirect(rows().host_categories, &HostCategoryRow::category_id);
    misdirect(rows().host_category_urls, &HostCategoryUrlRow::host_category_id);
    misdirect(rows().host_category_dirs, &HostCategoryDirRow::host_category_id);
    misdirect(rows().host_category_dirs, &HostCategoryDirRow::directory_id);
    misdirect(rows().categories, &CategoryRow::topdir_id);
    misdirect(rows().category_directories, &CategoryDirectoryRow::directory_id);
    std::sort(rows().category_directories.begin(), rows().category_directories.end(),
              [](const auto& a, const auto& b) {
                return std::pair(a.category_id, a.directory_id) <
                       std::pair(b.category_id, b.directory_id);
              });
    misdirect(rows().file_details, &FileDetailRow::directory_id);
    misdirect(rows().repositories, &RepositoryRow::directory_id);
    misdirect(rows().repositories, &RepositoryRow::arch_id);
  }

  // Repeats in some worlds a row under a new id, so that both say different things (C-18, C-19).
  void drift_to_twice() {
    constexpr unsigned kPercentOfWorlds = 50;
    if (dice_.chance(kPercentOfWorlds) && !rows().host_categories.empty()) {
      const HostCategoryRow first = dice_.of(rows().host_categories);
      const int64_t id = rows().host_categories.back().id + 1;
      rows().host_categories.push_back(
          {id, first.host_id, first.category_id, !first.always_up2date.value_or(false)});
      const int64_t url_id =
          rows().host_category_urls.empty() ? 1 : rows().host_category_urls.back().id + 1;
      rows().host_category_urls.push_back({url_id, id, "https://again.example/pub", false});
      int64_t dir_id = 1'000'000;
      for (const DirectoryRow& directory : rows().directories)
        if (dice_.chance(50)) rows().host_category_dirs.push_back({++dir_id, id, directory.id});
    }
    if (dice_.chance(kPercentOfWorlds) && !rows().repositories.empty()) {
      RepositoryRow again = dice_.of(rows().repositories);
      again.id = rows().repositories.back().id + 1;
      again.directory_id = dice_.of(rows().directories).id;
      rows().repositories.push_back(again);
    }
  }

  template <typename Row>
  static void by_id(std::vector<Row>& rows) {
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.id < b.id; });
  }
  DatabaseRows& rows() { return world_.rows; }

  Dice dice_;
  RandomWorld world_;
};

}  // namespace

RandomWorld make_random_world(uint64_t seed, bool drifted) {
  return WorldMaker(seed, drifted).make();
}

std::string geo_country(const RandomWorld& world, const IpAddress& address) {
  int longest = -1;
  std::string country;
  for (const auto& [prefix, name] : world.geo) {
    if (prefix.length < longest || !prefix.contains(address)) continue;
    longest = prefix.length;
    country = name;
  }
  return country;
}

}  // namespace mirror

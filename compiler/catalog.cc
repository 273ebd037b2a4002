#include "compiler/catalog.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "base/core/netblock_text.h"
#include "base/core/text.h"
#include "compiler/carrying.h"
#include "compiler/file_details.h"
#include "compiler/text_rules.h"

namespace mirror {
namespace {

constexpr int64_t kBandwidthDefault = 100;

class CatalogReader {
 public:
  CatalogReader(RowSource& source, Diagnostics& diagnostics,
                const std::function<void(uint64_t)>& on_rows)
      : source_(source), diagnostics_(diagnostics), on_rows_(on_rows) {}

  Result<Catalog> run() {
    MIRROR_CHECK(read_hosts());
    MIRROR_CHECK(read_host_attributes());
    MIRROR_CHECK(read_directories());
    MIRROR_CHECK(read_host_categories());
    choose_directories();
    MIRROR_CHECK(read_up_to_date());
    add_carrier_sets();
    MIRROR_CHECK(read_file_details());
    MIRROR_CHECK(read_repositories());
    MIRROR_CHECK(read_redirects());
    MIRROR_CHECK(read_netblocks());
    add_categories();
    return std::move(catalog_);
  }

 private:
  struct Site {
    std::string name;
    uint32_t flags = 0;
  };
  struct Url {
    UrlScheme scheme;
    int64_t id;
    uint32_t base;  // World::urls
    auto operator<=>(const Url&) const = default;
  };
  // A host in a category: its host_category rows together (C-18).
  struct Member {
    uint32_t host = kNone;
    bool always = false;
    std::vector<Url> urls;
    uint32_t url_list = kNone;
  };
  struct Category {
    CategoryRow row;
    std::string product;
    std::optional<std::string> topdir;
    std::vector<Member> members;
    std::unordered_map<uint32_t, uint32_t> member_of;  // host -> place in members
    std::vector<uint64_t> always;                      // bits of the members
  };
  struct HostCategory {
    uint32_t category;
    uint32_t member;
  };
  struct Directory {
    int64_t id = 0;
    std::string name;
    uint32_t category = kNone;
    uint32_t entry = kNone;  // World::directories; also of a namesake
    size_t first_word = 0;   // of its bits in carrying_
  };

  // Calls `use` for every row of the table; it cannot fail.
  template <typename RowType, typename Use>
  Result<void> each(Use use) {
    return source_.each(EachRow<RowType>([&](const RowType& row) -> Result<void> {
      on_rows_(1);
      use(row);
      return {};
    }));
  }

  static uint32_t flag(const std::optional<bool>& value, HostFlag flag) {
    return value.value_or(false) ? uint32_t{flag} : 0;
  }

  std::string clean_or_empty(const std::string& text, std::string_view table, int64_t id) {
    if (is_clean_text(text)) return text;
    diagnostics_.add(table, "names are not UTF-8, too long or hold control bytes; read as empty",
                     id);
    return {};
  }

  // The place of a host in the world; kNone, with a diagnostic, if there is none of that id (C-05,
  // C-17).
  uint32_t host_of(const std::optional<int64_t>& host_id, std::string_view table, int64_t row_id) {
    if (!host_id) {
      diagnostics_.add(table, "rows name no host; left out", row_id);
      return kNone;
    }
    const auto at = hosts_.find(*host_id);
    if (at != hosts_.end()) return at->second;
    diagnostics_.add(table, "rows name a host that does not exist or has no site; left out",
                     row_id);
    return kNone;
  }

  Result<void> read_hosts() {
    MIRROR_CHECK(each<SiteRow>([&](const SiteRow& row) {
      sites_[row.id] = {clean_or_empty(row.name, "site", row.id),
                        flag(row.admin_active, kSiteAdminActive) |
                            flag(row.user_active, kSiteUserActive) |
                            flag(row.is_private, kSitePrivate)};
    }));
    return each<HostRow>([&](const HostRow& row) {
      const auto site = row.site_id ? sites_.find(*row.site_id) : sites_.end();
      if (site == sites_.end())
        return diagnostics_.add("host", "hosts have no site; left out", row.id,
                                quote_for_message(row.name));
      WorldHost host;
      host.id = row.id;
      host.name = clean_or_empty(row.name, "host", row.id);
      host.site = site->second.name;
      host.flags = site->second.flags | flag(row.admin_active, kHostAdminActive) |
                   flag(row.user_active, kHostUserActive) | flag(row.is_private, kHostPrivate) |
                   flag(row.asn_clients, kHostAsnClients);
      host.weight = clamp_weight(row.bandwidth.value_or(kBandwidthDefault));
      host.country = country_of(row);
      const auto place = static_cast<uint32_t>(catalog_.world.hosts.size());
      hosts_[row.id] = place;
      if (row.asn && row.asn_clients.value_or(false))
        catalog_.world.asns[*row.asn].push_back(place);
      catalog_.world.hosts.push_back(std::move(host));
    });
  }

  std::optional<std::string> country_of(const HostRow& row) {
    if (!row.country) return std::nullopt;
    if (is_clean_text(*row.country)) return normalize_country(*row.country);
    diagnostics_.add(
        "host", "countries are not UTF-8, too long or hold control bytes; read as none", row.id);
    return std::nullopt;
  }

  static bool is_active(const WorldHost& host) {
    constexpr uint32_t kAll =
        kHostAdminActive | kHostUserActive | kSiteAdminActive | kSiteUserActive;
    return (host.flags & kAll) == kAll;
  }
  static bool is_private(const WorldHost& host) {
    return (host.flags & (kHostPrivate | kSitePrivate)) != 0;
  }

  Result<void> read_host_attributes() {
    MIRROR_CHECK(each<HostPeerAsnRow>([&](const HostPeerAsnRow& row) {
      const uint32_t host = host_of(row.host_id, "host_peer_asn", row.id);
      if (host == kNone) return;
      if (!row.asn)
        return diagnostics_.add("host_peer_asn", "rows have no AS number; left out", row.id);
      catalog_.world.asns[*row.asn].push_back(host);
    }));
    std::unordered_map<int64_t, std::string> codes;
    MIRROR_CHECK(each<CountryRow>([&](const CountryRow& row) {
      if (row.code) codes[row.id] = *row.code;
    }));
    MIRROR_CHECK(each<HostCountryAllowedRow>([&](const HostCountryAllowedRow& row) {
      allow(row.host_id, row.country, "host_country_allowed", row.id);
    }));
    return each<HostCountryRow>([&](const HostCountryRow& row) {
      const auto code = row.country_id ? codes.find(*row.country_id) : codes.end();
      allow(row.host_id, code == codes.end() ? std::nullopt : std::optional(code->second),
            "host_country", row.id);
    });
  }

  void allow(const std::optional<int64_t>& host_id, const std::optional<std::string>& country,
             std::string_view table, int64_t row_id) {
    const uint32_t host = host_of(host_id, table, row_id);
    if (host == kNone) return;
    if (!country || !is_clean_text(*country))
      return diagnostics_.add(table, "rows have no country; left out", row_id);
    catalog_.world.hosts[host].allowed.push_back(normalize_country(*country));
  }

  Result<void> read_directories() {
    MIRROR_CHECK(each<DirectoryRow>([&](const DirectoryRow& row) {
      directory_of_[row.id] = static_cast<uint32_t>(directories_.size());
      directories_.push_back({row.id, row.name});
    }));
    std::unordered_map<int64_t, std::string> products;
    MIRROR_CHECK(each<ProductRow>([&](const ProductRow& row) {
      products[row.id] = clean_or_empty(row.name.value_or(""), "product", row.id);
    }));
    MIRROR_CHECK(each<CategoryRow>([&](const CategoryRow& row) {
      Category category;
      category.row = row;
      category.row.name = clean_or_empty(row.name, "category", row.id);
      if (row.product_id) category.product = products[*row.product_id];
      const auto topdir = row.topdir_id ? directory_of_.find(*row.topdir_id) : directory_of_.end();
      if (topdir == directory_of_.end()) {
        diagnostics_.add("category",
                         "categories have no top directory; their directories are left out", row.id,
                         quote_for_message(row.name));
      } else {
        category.topdir = directories_[topdir->second].name;
      }
      category_of_[row.id] = static_cast<uint32_t>(categories_.size());
      categories_.push_back(std::move(category));
    }));
    return each<CategoryDirectoryRow>([&](const CategoryDirectoryRow& row) {
      const auto category = category_of_.find(row.category_id);
      const auto directory = directory_of_.find(row.directory_id);
      if (category == category_of_.end() || directory == directory_of_.end()) {
        return diagnostics_.add("category_directory",
                                "rows name a category or a directory that does not exist",
                                row.category_id, std::to_string(row.directory_id));
      }
      // Categories are numbered by id, so the smallest is the one of the lowest id (C-14).
      auto& chosen = directories_[directory->second].category;
      chosen = std::min(chosen, category->second);
    });
  }

  Result<void> read_host_categories() {
    MIRROR_CHECK(each<HostCategoryRow>([&](const HostCategoryRow& row) {
      const uint32_t host = host_of(row.host_id, "host_category", row.id);
      if (host == kNone) {
        lost_host_categories_.insert(row.id);
        return;
      }
      const auto category =
          row.category_id ? category_of_.find(*row.category_id) : category_of_.end();
      if (category == category_of_.end()) {
        lost_host_categories_.insert(row.id);
        return diagnostics_.add("host_category", "rows name no category; left out", row.id);
      }
      auto& members = categories_[category->second].members;
      auto& member_of = categories_[category->second].member_of;
      const auto [at, inserted] =
          member_of.try_emplace(host, static_cast<uint32_t>(members.size()));
      if (inserted)
        members.emplace_back().host = host;
      else
        diagnostics_.add("host_category", "rows repeat a host in a category; taken together",
                         row.id);
      if (row.always_up2date.value_or(false)) members[at->second].always = true;
      host_categories_[row.id] = {category->second, at->second};
    }));
    MIRROR_CHECK(each<HostCategoryUrlRow>([&](const HostCategoryUrlRow& row) { add_url(row); }));
    for (auto& category : categories_) finish_members(category);
    return {};
  }

  void add_url(const HostCategoryUrlRow& row) {
    constexpr std::string_view kTable = "host_category_url";
    // Private ones are for other mirrors to copy from; NULL is not public either.
    if (row.is_private.value_or(true)) return;
    const auto host_category = host_categories_.find(row.host_category_id);
    if (host_category == host_categories_.end()) {
      return diagnostics_.add(
          kTable, "URLs belong to a host_category that does not exist or was left out; left out",
          row.id, quote_for_message(row.url.value_or("")));
    }
    const auto url = normalize_url(row.url.value_or(""));
    if (const auto* fault = std::get_if<UrlFault>(&url)) {
      return diagnostics_.add(kTable, fmt::format("URLs {}; left out", fault->reason), row.id,
                              quote_for_message(row.url.value_or("")));
    }
    const auto& text = std::get<std::string>(url);
    const auto [category, member] = host_category->second;
    categories_[category].members[member].urls.push_back(
        {scheme_of(text), row.id, catalog_.world.urls.intern(std::string_view(text))});
  }

  // https, http, ftp, rsync, others; each by id.
  void finish_members(Category& category) {
    category.always.assign(word_count(category), 0);
    for (size_t i = 0; i < category.members.size(); ++i) {
      auto& member = category.members[i];
      if (member.always) set_bit(category.always, i);
      if (member.urls.empty()) continue;
      std::ranges::sort(member.urls);
      member.url_list = static_cast<uint32_t>(catalog_.world.url_lists.size());
      auto& list = catalog_.world.url_lists.emplace_back();
      for (const auto& url : member.urls) list.push_back(url.base);
      member.urls = {};
    }
  }

  static constexpr size_t kWordBits = 64;
  static size_t word_count(const Category& category) {
    return (category.members.size() + kWordBits - 1) / kWordBits;
  }
  static void set_bit(std::span<uint64_t> words, size_t bit) {
    words[bit / kWordBits] |= uint64_t{1} << (bit % kWordBits);
  }

  // Which directories get an entry, and with which subpath. The bits of their hosts are laid out
  // here.
  void choose_directories() {
    std::unordered_map<std::string_view, uint32_t> entries;
    size_t words = 0;
    for (size_t i = 0; i < directories_.size(); ++i) {
      auto& directory = directories_[i];
      const auto known = entries.find(directory.name);
      if (known != entries.end()) {
        diagnostics_.add("directory", "names are there twice; the first row counts", directory.id,
                         quote_for_message(directory.name));
        directory.category = kNone;
        directory.entry = known->second;
        continue;
      }
      const auto subpath = subpath_of(directory);
      if (!subpath) {
        directory.category = kNone;
        continue;
      }
      directory.entry = static_cast<uint32_t>(catalog_.world.directories.size());
      entries[directory.name] = directory.entry;
      directory.first_word = words;
      words += word_count(categories_[directory.category]);
      auto& entry = catalog_.world.directories.emplace_back();
      entry.name = directory.name;
      entry.subpath = *subpath;
      entry.category = categories_[directory.category].row.id;
    }
    carrying_words_ = words;
  }

  // nullopt if the directory cannot be offered. It must lie below its category's top directory
  // (C-16).
  std::optional<std::string> subpath_of(const Directory& directory) {
    constexpr std::string_view kTable = "directory";
    const std::string_view name = directory.name;
    const auto leave_out = [&](std::string_view reason) {
      diagnostics_.add(kTable, reason, directory.id, quote_for_message(name));
      return std::nullopt;
    };
    if (directory.category == kNone)
      return leave_out("directories belong to no category; left out");
    const auto& topdir_name = categories_[directory.category].topdir;
    if (!topdir_name)
      return leave_out("directories belong to a category without top directory; left out");
    if (!is_clean_text(name))
      return leave_out("names are not UTF-8, too long or hold control bytes; left out");
    if (const auto subpath = subpath_below(*topdir_name, name)) return std::string(*subpath);
    return leave_out("directories do not lie below the top directory of their category; left out");
  }

  Result<void> read_up_to_date() {
    CarryingPlaces places;
    places.words = carrying_words_;
    for (const auto& directory : directories_)
      places.directories.push_back({directory.id, {directory.category, directory.first_word}});
    for (const auto& [id, host_category] : host_categories_)
      places.host_categories.push_back({id, {host_category.category, host_category.member}});
    places.lost_host_categories = lost_host_categories_;
    MIRROR_TRY(carrying_, read_carrying(source_, places, diagnostics_, on_rows_));
    return {};
  }

  void add_carrier_sets() {
    Interner<uint64_t> distinct;
    std::vector<uint32_t> sets;  // of each distinct run: World::carrier_sets
    std::vector<uint64_t> run;
    for (const auto& directory : directories_) {
      if (directory.category == kNone) continue;
      const auto& category = categories_[directory.category];
      run.assign(1, directory.category);
      for (size_t i = 0; i < word_count(category); ++i) {
        run.push_back(carrying_[directory.first_word + i] | category.always[i]);
      }
      const uint32_t index = distinct.intern(run);
      if (index == sets.size()) sets.push_back(carrier_set(category, std::span(run).subspan(1)));
      catalog_.world.directories[directory.entry].carrier_set = sets[index];
    }
    carrying_ = {};
  }

  uint32_t carrier_set(const Category& category, std::span<const uint64_t> words) {
    WorldCarrierSet set;
    std::map<uint32_t, std::vector<uint32_t>> groups;
    for (size_t i = 0; i < category.members.size(); ++i) {
      if ((words[i / kWordBits] >> (i % kWordBits) & 1) == 0) continue;
      const auto& member = category.members[i];
      const auto& host = catalog_.world.hosts[member.host];
      if (!is_active(host)) continue;
      // Private hosts are reached by netblock and ASN only, but they need their URLs.
      if (member.url_list != kNone) set.urls.push_back({member.host, member.url_list});
      if (is_private(host)) continue;
      set.global.push_back(member.host);
      if (host.country)
        groups[catalog_.world.countries.intern(std::string_view(*host.country))].push_back(
            member.host);
    }
    for (auto& [country, hosts] : groups) set.groups.push_back({country, std::move(hosts)});
    std::vector<uint32_t> run;
    set.encode(run);
    return catalog_.world.carrier_sets.intern(run);
  }

  Result<void> read_file_details() {
    FileDetails details;
    MIRROR_CHECK(each<FileDetailRow>([&](const FileDetailRow& row) {
      const auto at = directory_of_.find(row.directory_id);
      if (at == directory_of_.end()) {
        return diagnostics_.add("file_detail",
                                "rows name a directory that does not exist; left out", row.id);
      }
      // Nobody can ask for a directory without an entry.
      const uint32_t entry = directories_[at->second].entry;
      if (entry != kNone) details.add(entry, row, diagnostics_);
    }));
    details.render(catalog_.world.blocks, [this](uint32_t entry) -> std::vector<WorldFile>& {
      return catalog_.world.directories[entry].files;
    });
    return {};
  }

  Result<void> read_repositories() {
    std::unordered_map<int64_t, std::string> arches;
    MIRROR_CHECK(each<ArchRow>([&](const ArchRow& row) {
      if (row.name) arches[row.id] = *row.name;
    }));
    struct Target {
      int64_t id;
      std::string directory;
    };
    std::map<std::string, Target> targets;
    MIRROR_CHECK(each<RepositoryRow>([&](const RepositoryRow& row) {
      constexpr std::string_view kTable = "repository";
      if (!row.directory_id || !row.version_id || !row.arch_id || !row.prefix) {
        return diagnostics_.add(
            kTable, "rows have no directory, version, architecture or prefix; left out", row.id);
      }
      if (!is_clean_text(*row.prefix))
        return diagnostics_.add(kTable, "prefixes hold control bytes; left out", row.id);
      // Of one architecture, but for all of them (C-20).
      if (row.disabled.value_or(false)) catalog_.world.prefixes[*row.prefix].disabled = true;
      if (row.prefix->empty())
        return diagnostics_.add(kTable, "rows have an empty prefix and name no repository", row.id);
      const auto arch = arches.find(*row.arch_id);
      const auto directory = directory_of_.find(*row.directory_id);
      if (arch == arches.end() || directory == directory_of_.end()) {
        return diagnostics_.add(
            kTable, "rows name an architecture or a directory that does not exist; left out",
            row.id);
      }
      const auto& name = directories_[directory->second].name;
      const auto key = *row.prefix + "+" + arch->second;
      if (name.empty() || !is_clean_text(key)) {
        return diagnostics_.add(
            kTable, "rows have an empty directory or an unusable architecture; left out", row.id);
      }
      const auto [at, inserted] = targets.try_emplace(key, Target{row.id, name});
      if (inserted) return;
      diagnostics_.add(kTable, "rows repeat a prefix and architecture; the highest id counts",
                       row.id, quote_for_message(key));
      if (at->second.id < row.id) at->second = {row.id, name};
    }));
    for (auto& [key, target] : targets)
      catalog_.world.repositories.push_back({key, std::move(target.directory)});
    return {};
  }

  Result<void> read_redirects() {
    std::set<std::string> redirected;
    MIRROR_CHECK(each<RepositoryRedirectRow>([&](const RepositoryRedirectRow& row) {
      constexpr std::string_view kTable = "repository_redirect";
      if (!row.from_repo || !row.to_repo)
        return diagnostics_.add(kTable, "rows have no repository or no target; left out", row.id);
      if (!is_clean_text(*row.from_repo) || !is_clean_text(*row.to_repo)) {
        return diagnostics_.add(kTable, "texts hold control bytes; left out", row.id);
      }
      if (!redirected.insert(*row.from_repo).second) {
        return diagnostics_.add(kTable, "rows repeat a repository; the first one counts", row.id,
                                quote_for_message(*row.from_repo));
      }
      if (row.to_repo->empty())
        return diagnostics_.add(kTable, "rows have an empty target, which is no redirect", row.id);
      catalog_.world.prefixes[*row.from_repo].redirect = *row.to_repo;
    }));
    return each<CountryContinentRedirectRow>([&](const CountryContinentRedirectRow& row) {
      constexpr std::string_view kTable = "country_continent_redirect";
      if (!row.country || !row.continent || !is_clean_text(*row.country) ||
          !is_clean_text(*row.continent)) {
        return diagnostics_.add(kTable, "rows have no country or no continent; left out", row.id);
      }
      auto continent = normalize_country(*row.continent);
      if (continent.empty())
        return diagnostics_.add(kTable, "rows have no country or no continent; left out", row.id);
      const auto [at, inserted] = catalog_.world.continent_redirects.try_emplace(
          normalize_country(*row.country), std::move(continent));
      if (!inserted)
        diagnostics_.add(kTable, "rows repeat a country; the first one counts", row.id);
    });
  }

  Result<void> read_netblocks() {
    MIRROR_CHECK(each<HostNetblockRow>([&](const HostNetblockRow& row) { add_netblock(row); }));
    MIRROR_CHECK(each<NetblockNameRow>([&](const NetblockNameRow& row) {
      catalog_.remembered_names[row.name] = {split_addresses(row.addresses), row.resolved_at};
    }));
    return each<NetblockCountryRow>([&](const NetblockCountryRow& row) {
      constexpr std::string_view kTable = "netblock_country";
      const auto netblock = parse_netblock(row.netblock.value_or(""), false);
      if (const auto* fault = std::get_if<NetblockFault>(&netblock)) {
        return diagnostics_.add(kTable, fmt::format("netblock {}; left out", fault->reason), row.id,
                                quote_for_message(row.netblock.value_or("")));
      }
      auto country = normalize_country(row.country.value_or(""));
      if (country.empty() || !is_clean_text(country)) {
        return diagnostics_.add(kTable, "rows have no country; left out", row.id);
      }
      catalog_.world.netblock_countries.push_back(
          {std::get<IpPrefix>(netblock), std::move(country)});
    });
  }

  void add_netblock(const HostNetblockRow& row) {
    constexpr std::string_view kTable = "host_netblock";
    const uint32_t host = host_of(row.host_id, kTable, row.id);
    if (host == kNone || !is_active(catalog_.world.hosts[host])) return;
    auto netblock = parse_netblock(row.netblock.value_or(""), true);
    const auto shown = quote_for_message(row.netblock.value_or(""));
    if (const auto* fault = std::get_if<NetblockFault>(&netblock)) {
      return diagnostics_.add(kTable, fmt::format("netblock {}; left out", fault->reason), row.id,
                              shown);
    }
    if (auto* name = std::get_if<NetblockName>(&netblock)) {
      return catalog_.named_netblocks.push_back({row.id, std::move(name->name), host});
    }
    const auto& prefix = std::get<IpPrefix>(netblock);
    switch (width_of(prefix)) {
      case PrefixWidth::kAll:
        return diagnostics_.add(kTable, "netblocks hold all addresses; left out", row.id, shown);
      case PrefixWidth::kSuspicious:
        diagnostics_.add(kTable, "netblocks are very large", row.id, shown);
        break;
      case PrefixWidth::kFine:
        break;
    }
    catalog_.world.netblocks.push_back({prefix, host});
  }

  // For people: every host, whatever its state.
  void add_categories() {
    for (const auto& category : categories_) {
      auto& entry = catalog_.world.categories.emplace_back();
      entry.id = category.row.id;
      entry.name = category.row.name;
      entry.product = category.product;
      if (category.topdir && is_clean_text(*category.topdir)) entry.topdir = *category.topdir;
      for (const auto& member : category.members) {
        entry.hosts.push_back({member.host, member.url_list, member.always});
      }
    }
  }

  RowSource& source_;
  Diagnostics& diagnostics_;
  const std::function<void(uint64_t)>& on_rows_;
  Catalog catalog_;
  std::unordered_map<int64_t, Site> sites_;
  std::unordered_map<int64_t, uint32_t> hosts_;         // id -> World::hosts
  std::vector<Directory> directories_;                  // by id
  std::unordered_map<int64_t, uint32_t> directory_of_;  // id -> directories_
  std::vector<Category> categories_;                    // by id
  std::unordered_map<int64_t, uint32_t> category_of_;   // id -> categories_
  std::unordered_map<int64_t, HostCategory> host_categories_;
  std::set<int64_t> lost_host_categories_;  // ids of rows that were left out
  size_t carrying_words_ = 0;
  std::vector<uint64_t> carrying_;  // a bit a directory and member: the host is up to date there
};

}  // namespace

Result<Catalog> read_catalog(RowSource& source, Diagnostics& diagnostics,
                             const std::function<void(uint64_t)>& on_rows) {
  return CatalogReader(source, diagnostics, on_rows).run();
}

}  // namespace mirror

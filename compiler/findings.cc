#include "compiler/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "base/core/repodata.h"
#include "base/core/text.h"
#include "compiler/text_rules.h"
#include "schema/snapshot/rendering.h"

namespace mirror {
namespace {

constexpr size_t kClaimsShownMax = 4;

// In the order of kKinds.
enum class Kind : uint8_t {
  kNothingListed,
  kRepositoryDirectoryUnknown,
  kRepositoryWithoutMirrors,
  kRepositoryWithoutMetalink,
  kRepositoryWithoutChecksums,
  kHostListedForNothing,
  kHostNotUpToDateInCategory,
  kHostWithoutCategory,
  kHostWithoutUrl,
  kHostWithoutListableUrl,
  kPrivateHostWithoutNetwork,
  kUrlRepeated,
  kNetblockVeryLarge,
  kCountryUnknown,
  kAllowedCountryUnknown,
  kNetblockCountryUnknown,
  kContinentUnknown,
  kRedirectWithoutTarget,
  kCategoryWithoutHosts,
  kCategoryWithoutDirectories,
  kHostInNoList,
  kHostInactiveByAdmin,
  kHostInactiveByUser,
  kSiteInactiveByAdmin,
  kSiteInactiveByUser,
  kHostWithoutCountry,
  kHostOfLeastWeight,
  kAlwaysUpToDate,
  kRepositoryWithOneMirror,
  kRepositoryDisabled,
  kRedirectHidesRepository,
  kDirectoryWithoutMirrors,
  kCount,
};
struct Words {
  std::string_view code;
  Severity severity;
  std::string_view what, remedy;
};
constexpr size_t kKindCount = static_cast<size_t>(Kind::kCount);
constexpr std::array<Words, kKindCount> kKinds = {{
    {"nothing_listed", Severity::kError, "no directory has a mirror: every answer would be empty",
     "look at the other findings: no host is active, none has a category, or no crawl has filled "
     "host_category_dir"},
    {"repository_directory_unknown", Severity::kError,
     "a repository leads to a directory that is not offered: clients get a 404",
     "scan the category of the directory, or correct the repository's row; rows that were left "
     "out say why a directory is not offered"},
    {"repository_without_mirrors", Severity::kError,
     "no mirror that everybody may use has the directory of a repository: clients get no mirrors",
     "mirrorctl why HOST DIRECTORY tells it for one mirror; crawl the mirrors, or disable the "
     "repository"},
    {"repository_without_metalink", Severity::kWarning,
     "a repository has no repodata with a repomd.xml that is known: its metalink is a 404",
     "scan the category, so that directory and file_detail are filled"},
    {"repository_without_checksums", Severity::kError,
     "the newest repomd.xml of a repository has no checksum: clients cannot verify what they get",
     "scan the category, so that file_detail is filled"},
    {"host_listed_for_nothing", Severity::kWarning,
     "a host is active and has a category, but is up to date nowhere: nobody is sent to it",
     "crawl it, and look at what the crawler says; always_up2date if it cannot be crawled"},
    {"host_not_up_to_date_in_category", Severity::kWarning,
     "a host is up to date nowhere in one of its categories",
     "look at its URLs of this category and crawl it, or take the category from it"},
    {"host_without_category", Severity::kWarning,
     "a host is active, but mirrors no category: nobody is sent to it",
     "give it a category with a URL, or switch it off"},
    {"host_without_url", Severity::kWarning,
     "a host has no usable public URL in a category: it counts as a mirror there, but no answer "
     "shows it",
     "add a URL that is not private; URLs that were left out are among the rows"},
    {"host_without_listable_url", Severity::kWarning,
     "a host has public URLs in a category, but none that a list shows (https, http, ftp)",
     "add an https or http URL"},
    {"private_host_without_network", Severity::kWarning,
     "a private host, or one of a private site, has neither a netblock nor an AS number: nobody is "
     "ever sent to it",
     "add its netblocks, an AS number with asn_clients, or make it public"},
    {"url_repeated", Severity::kWarning,
     "a URL belongs to two hosts, or twice to one: its machine gets the share of both",
     "delete all but one; one machine is one host"},
    {"netblock_very_large", Severity::kWarning,
     "a netblock is larger than an IPv4 /12 or an IPv6 /24: all clients in it are sent to this "
     "host first",
     "correct it, or split it into the networks that are really the mirror's own"},
    {"country_unknown", Severity::kWarning,
     "the country of a host is on no continent: no client's country will be it, if it is a typing "
     "error",
     "use the code of ISO 3166-1 (GB, not UK), or add the country to the table of "
     "--country-continent"},
    {"allowed_country_unknown", Severity::kWarning,
     "a country that a host allows is on no continent: no client will be in it, if it is a typing "
     "error",
     "use the code of ISO 3166-1 (GB, not UK) in host_country or host_country_allowed"},
    {"netblock_country_unknown", Severity::kWarning,
     "a row of netblock_country places clients in a country that is on no continent",
     "use the code of ISO 3166-1 (GB, not UK)"},
    {"continent_unknown", Severity::kWarning,
     "country_continent_redirect moves a country to a continent that the table does not have",
     "use one of the continents of the table, or add the countries to --country-continent"},
    {"redirect_without_target", Severity::kWarning,
     "a repository redirect leads to a prefix without repositories: clients get a 404",
     "correct to_repo; a redirect is followed once, so it must not lead to another one"},
    {"category_without_hosts", Severity::kWarning, "no host mirrors a category",
     "add it to the hosts that have it, or delete the category"},
    {"category_without_directories", Severity::kWarning, "a category offers no directory",
     "scan it; if it was scanned, look at its top directory and at the directories that were left "
     "out"},
    {"host_in_no_list", Severity::kNote,
     "a host of the cache file is in no list: it is switched off, or is up to date nowhere",
     "look at it in the database; a cache file does not say which"},
    {"host_inactive_by_admin", Severity::kNote, "the administrators have switched a host off",
     "admin_active of the host"},
    {"host_inactive_by_user", Severity::kNote,
     "a host is switched off by its own people, or by the crawler after repeated failures",
     "mirrorctl why HOST shows the reason that the crawler left; user_active of the host"},
    {"site_inactive_by_admin", Severity::kNote,
     "the administrators have switched a host's site off", "admin_active of the site"},
    {"site_inactive_by_user", Severity::kNote, "its own people have switched a host's site off",
     "user_active of the site"},
    {"host_without_country", Severity::kNote,
     "a host has no country: it is only in the list of all mirrors", "fill in its country"},
    {"host_of_least_weight", Severity::kNote,
     "the bandwidth of a host is 1 Mbit/s or less: hardly anybody is sent to it",
     "fill in its bandwidth_int, in Mbit/s"},
    {"always_up_to_date", Severity::kNote,
     "a host is always up to date in a category: nobody looks whether it is",
     "always_up2date is meant for mirrors that fetch what they lack"},
    {"repository_with_one_mirror", Severity::kNote,
     "a repository depends on one mirror that everybody may use", "find a second one"},
    {"repository_disabled", Severity::kNote,
     "a prefix is disabled, for all its architectures: clients get an empty answer",
     "disabled of every repository of the prefix"},
    {"redirect_hides_repository", Severity::kNote,
     "a prefix has repositories, but is redirected: nobody gets them by this name",
     "delete the redirect, if the repositories are meant to be used"},
    {"directory_without_mirrors", Severity::kNote,
     "no mirror that everybody may use has a directory", "usual while a release is pushed"},
}};

bool has_all(uint32_t flags, uint32_t wanted) { return (flags & wanted) == wanted; }
bool is_active(const WorldHost& host) {
  return has_all(host.flags,
                 kHostAdminActive | kHostUserActive | kSiteAdminActive | kSiteUserActive);
}
bool is_private(const WorldHost& host) { return (host.flags & (kHostPrivate | kSitePrivate)) != 0; }

std::string describe(const WorldHost& host) {
  if (host.name.empty()) return fmt::format("host {}", host.id);
  return fmt::format("{} (site {}, id {})", quote_for_message(host.name),
                     quote_for_message(host.site), host.id);
}

// Networks that no client from outside is in: 10.0.0.0/8 and fc00::/7.
bool is_inside(const IpPrefix& prefix) {
  const bool is_ipv4 = prefix.address.is_ipv4();
  const auto around = IpPrefix::parse(is_ipv4 ? "10.0.0.0/8" : "fc00::/7");
  return around && prefix.length >= around->length && around->contains(prefix.address);
}

// Scheme and server are the same in any case of letters, paths are not.
std::string comparable_url(std::string_view base) {
  const size_t scheme_end = base.find("://");
  const size_t server = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  const size_t path = std::min(base.find('/', server), base.size());
  return upper_ascii(base.substr(0, path)) + std::string(base.substr(path));
}

class Finder {
 public:
  Finder(const World& world, const CountryContinents& continents, size_t examples_max)
      : world_(world), continents_(continents), examples_max_(examples_max) {
    for (size_t i = 0; i < kKindCount; ++i) {
      const auto& words = kKinds[i];
      findings_[i] = {std::string(words.code),
                      words.severity,
                      std::string(words.what),
                      std::string(words.remedy),
                      0,
                      {}};
    }
  }

  std::vector<Finding> run() {
    look_at_directories();
    look_at_categories();
    look_at_hosts();
    if (is_cache()) look_at_cached_urls();
    look_at_claims();
    look_at_repositories();
    look_at_prefixes();
    look_at_networks();
    look_at_countries();
    std::vector<Finding> found;
    for (auto& finding : findings_) {
      if (finding.count > 0) found.push_back(std::move(finding));
    }
    std::ranges::stable_sort(found, std::ranges::greater(), &Finding::severity);
    return found;
  }

 private:
  // Of the public carriers of a set those that have a URL which a list shows.
  struct SetFacts {
    bool seen = false;
    uint32_t usable = 0;
    uint32_t first_usable = kNone;  // World::hosts
    bool has_others = false;        // private hosts
  };
  struct Repository {
    uint32_t directory = kNone;
    uint32_t metadata = kNone;
  };
  using CategoryHost = std::pair<int64_t, uint32_t>;  // id of the category, host

  template <typename Render>
  void add(Kind kind, Render render) {
    auto& finding = findings_[static_cast<size_t>(kind)];
    ++finding.count;
    if (finding.examples.size() < examples_max_) finding.examples.push_back(render());
  }
  void add_host(Kind kind, uint32_t host) {
    add(kind, [&] { return describe(world_.hosts[host]); });
  }
  void add_in_category(Kind kind, uint32_t host, const WorldCategory& category) {
    add(kind, [&] {
      return fmt::format("{} in {}", describe(world_.hosts[host]),
                         quote_for_message(category.name));
    });
  }

  // A cache file of today's server knows neither categories nor who is switched off.
  [[nodiscard]] bool is_cache() const { return world_.categories.empty(); }

  const SetFacts& facts_of(uint32_t carrier_set) {
    auto& facts = sets_[carrier_set];
    if (facts.seen) return facts;
    facts.seen = true;
    WorldCarrierSet set;
    set.decode(world_.carrier_sets[carrier_set]);
    std::set<uint32_t> with_urls;
    for (const auto& entry : set.urls) {
      if (is_listable(entry.url_list)) with_urls.insert(entry.host);
      carried_[entry.host] = true;
    }
    for (const uint32_t host : set.global) {
      carried_[host] = true;
      if (!with_urls.contains(host)) continue;
      if (facts.usable == 0) facts.first_usable = host;
      ++facts.usable;
    }
    facts.has_others = with_urls.size() > facts.usable;
    return facts;
  }

  void look_at_directories() {
    sets_.resize(world_.carrier_sets.size());
    carried_.assign(world_.hosts.size(), false);
    for (const auto& repository : world_.repositories) {
      wanted_.try_emplace(repository.directory, kNone);
      wanted_.try_emplace(metadata_directory(repository.directory), kNone);
    }
    uint64_t usable = 0;
    std::set<std::pair<int64_t, uint32_t>> seen;  // category and carrier set
    for (size_t i = 0; i < world_.directories.size(); ++i) {
      const auto& directory = world_.directories[i];
      if (const auto wanted = wanted_.find(directory.name); wanted != wanted_.end())
        wanted->second = static_cast<uint32_t>(i);
      const auto& facts = facts_of(directory.carrier_set);
      usable += facts.usable;
      if (facts.usable == 0) {
        add(Kind::kDirectoryWithoutMirrors, [&] {
          return fmt::format("{}{}", quote_for_message(directory.name),
                             facts.has_others ? " (private mirrors have it)" : "");
        });
      }
      if (seen.emplace(directory.category, directory.carrier_set).second)
        add_carriers(directory.category, directory.carrier_set);
    }
    if (usable == 0) {
      add(Kind::kNothingListed, [&] {
        return fmt::format("{} directories, {} hosts", world_.directories.size(),
                           world_.hosts.size());
      });
    }
  }

  void add_carriers(int64_t category, uint32_t carrier_set) {
    categories_with_directories_.insert(category);
    if (category == WorldDirectory::kNoCategory) return;
    WorldCarrierSet set;
    set.decode(world_.carrier_sets[carrier_set]);
    for (const uint32_t host : set.global) carried_in_.emplace(category, host);
    for (const auto& entry : set.urls) carried_in_.emplace(category, entry.host);
  }

  void look_at_categories() {
    has_category_.assign(world_.hosts.size(), false);
    for (const auto& category : world_.categories) {
      const auto example = [&] {
        return fmt::format("{} (id {})", quote_for_message(category.name), category.id);
      };
      if (category.hosts.empty()) add(Kind::kCategoryWithoutHosts, example);
      const bool has_directories = categories_with_directories_.contains(category.id);
      if (!has_directories) add(Kind::kCategoryWithoutDirectories, example);
      for (const auto& member : category.hosts) look_at_member(category, member, has_directories);
    }
  }

  void look_at_member(const WorldCategory& category, const WorldCategoryHost& member,
                      bool has_directories) {
    has_category_[member.host] = true;
    const auto& host = world_.hosts[member.host];
    if (!is_active(host)) return;
    if (member.always_up2date) add_in_category(Kind::kAlwaysUpToDate, member.host, category);
    look_at_urls(member.url_list, [&](Kind kind) { add_in_category(kind, member.host, category); });
    // Of a private host without URL a world does not say what it has; of one that has nothing
    // anywhere look_at_hosts() speaks.
    const bool is_told_of = !is_private(host) || member.url_list != kNone;
    if (!has_directories || !is_told_of || !carried_[member.host]) return;
    if (!carried_in_.contains({category.id, member.host}))
      add_in_category(Kind::kHostNotUpToDateInCategory, member.host, category);
  }

  template <typename Add>
  void look_at_urls(uint32_t url_list, Add add_one) {
    const bool has_urls = url_list != kNone && !world_.url_lists[url_list].empty();
    if (!has_urls) return add_one(Kind::kHostWithoutUrl);
    if (!is_listable(url_list)) add_one(Kind::kHostWithoutListableUrl);
  }

  [[nodiscard]] bool is_listable(uint32_t url_list) const {
    return std::ranges::any_of(world_.url_lists[url_list], [&](uint32_t url) {
      return mirror::is_listable(scheme_of(world_.urls.text(url)));
    });
  }

  void look_at_cached_urls() {
    std::map<uint32_t, std::set<uint32_t>> lists;  // by host
    std::vector<bool> is_listed(world_.hosts.size());
    WorldCarrierSet set;
    for (size_t i = 0; i < world_.carrier_sets.size(); ++i) {
      set.decode(world_.carrier_sets[static_cast<uint32_t>(i)]);
      for (const auto& entry : set.urls) lists[entry.host].insert(entry.url_list);
      for (const uint32_t host : set.global) is_listed[host] = true;
    }
    for (uint32_t host = 0; host < world_.hosts.size(); ++host) {
      const auto found = lists.find(host);
      if (found == lists.end()) {
        if (is_listed[host]) add_host(Kind::kHostWithoutUrl, host);
        continue;
      }
      for (const uint32_t list : found->second) {
        look_at_urls(list, [&](Kind kind) { add_host(kind, host); });
        claims_of_.emplace_back(host, list, std::string_view());
      }
    }
  }

  void look_at_hosts() {
    std::vector<bool> has_network(world_.hosts.size());
    for (const auto& netblock : world_.netblocks) has_network[netblock.host] = true;
    for (const auto& [asn, hosts] : world_.asns) {
      for (const uint32_t host : hosts) has_network[host] = true;
    }
    for (uint32_t i = 0; i < world_.hosts.size(); ++i) {
      const auto& host = world_.hosts[i];
      look_at_switches(i);
      if (!is_active(host)) continue;
      if (is_cache()) {
        // Whoever is switched off is in the cache's map of bandwidths all the same.
        if (!carried_[i]) {
          add_host(Kind::kHostInNoList, i);
          continue;
        }
      } else if (!has_category_[i]) {
        add_host(Kind::kHostWithoutCategory, i);
      } else if (!carried_[i] && !is_private(host)) {
        add_host(Kind::kHostListedForNothing, i);
      }
      if (is_private(host) && !has_network[i]) add_host(Kind::kPrivateHostWithoutNetwork, i);
      if (!host.country || host.country->empty()) add_host(Kind::kHostWithoutCountry, i);
      if (host.weight <= 1) add_host(Kind::kHostOfLeastWeight, i);
    }
  }

  void look_at_switches(uint32_t host) {
    const auto look = [&](HostFlag flag, Kind kind) {
      if ((world_.hosts[host].flags & flag) == 0) add_host(kind, host);
    };
    look(kHostAdminActive, Kind::kHostInactiveByAdmin);
    look(kHostUserActive, Kind::kHostInactiveByUser);
    look(kSiteAdminActive, Kind::kSiteInactiveByAdmin);
    look(kSiteUserActive, Kind::kSiteInactiveByUser);
  }

  // Inactive hosts too: a machine that was entered anew often leaves its old entry behind.
  void look_at_claims() {
    for (const auto& category : world_.categories) {
      for (const auto& member : category.hosts) {
        if (member.url_list != kNone)
          claims_of_.emplace_back(member.host, member.url_list, category.name);
      }
    }
    struct Claims {
      size_t count = 0;
      std::vector<std::string> shown;
    };
    std::map<std::string, Claims> claims;
    for (const auto& [host, list, category] : claims_of_) {
      for (const uint32_t url : world_.url_lists[list]) {
        auto& claim = claims[comparable_url(world_.urls.text(url))];
        if (++claim.count > kClaimsShownMax) continue;
        claim.shown.push_back(fmt::format(
            "{} of {}{}{}", quote_for_message(world_.urls.text(url)), describe(world_.hosts[host]),
            category.empty() ? "" : " in ", category.empty() ? "" : quote_for_message(category)));
      }
    }
    for (const auto& [url, claim] : claims) {
      if (claim.count < 2) continue;
      add(Kind::kUrlRepeated, [&] {
        return fmt::format("{}{}", fmt::join(claim.shown, ", "),
                           claim.count > claim.shown.size() ? ", ..." : "");
      });
    }
  }

  // The part of a key before its architecture.
  static std::string_view prefix_of(std::string_view key) { return key.substr(0, key.rfind('+')); }

  void look_at_repositories() {
    for (const auto& repository : world_.repositories) {
      const auto prefix = prefix_of(repository.key);
      prefixes_.insert(prefix);
      const auto entry = world_.prefixes.find(prefix);
      // What clients are told instead is another finding.
      const bool is_off = entry != world_.prefixes.end() &&
                          (entry->second.disabled || !entry->second.redirect.empty());
      if (!is_off) look_at_repository(repository);
    }
  }

  [[nodiscard]] const WorldFile* find_repomd(uint32_t directory) const {
    const auto& files = world_.directories[directory].files;
    const auto at = std::ranges::find(files, kRepomd, &WorldFile::name);
    return at == files.end() ? nullptr : &*at;
  }

  void look_at_repository(const WorldRepository& repository) {
    const auto example = [&] {
      return fmt::format("{} in {}", quote_for_message(repository.key),
                         quote_for_message(repository.directory));
    };
    const uint32_t directory = wanted_.find(repository.directory)->second;
    if (directory == kNone) return add(Kind::kRepositoryDirectoryUnknown, example);
    const uint32_t metadata = wanted_.find(metadata_directory(repository.directory))->second;
    const WorldFile* const repomd = metadata == kNone ? nullptr : find_repomd(metadata);
    const bool has_metalink = repomd != nullptr;
    if (!has_metalink) {
      add(Kind::kRepositoryWithoutMetalink, example);
    } else if (!has_checksums(std::string_view(world_.blocks)
                                  .substr(repomd->block_begin, repomd->block_size))) {
      add(Kind::kRepositoryWithoutChecksums, example);
    }
    const auto& facts = facts_of(world_.directories[directory].carrier_set);
    const auto& metadata_facts =
        has_metalink ? facts_of(world_.directories[metadata].carrier_set) : facts;
    const auto& fewest = metadata_facts.usable < facts.usable ? metadata_facts : facts;
    if (fewest.usable > 1) return;
    const auto part =
        &fewest == &facts ? repository.directory : metadata_directory(repository.directory);
    add(fewest.usable == 0 ? Kind::kRepositoryWithoutMirrors : Kind::kRepositoryWithOneMirror, [&] {
      const std::string who = fewest.usable == 1
                                  ? ": " + describe(world_.hosts[fewest.first_usable])
                              : fewest.has_others ? " (private mirrors have it)"
                                                  : "";
      return fmt::format("{} in {}{}", quote_for_message(repository.key), quote_for_message(part),
                         who);
    });
  }

  void look_at_prefixes() {
    for (const auto& [name, prefix] : world_.prefixes) {
      if (prefix.disabled) add(Kind::kRepositoryDisabled, [&] { return quote_for_message(name); });
      if (prefix.redirect.empty()) continue;
      const auto example = [&] {
        return fmt::format("{} -> {}", quote_for_message(name), quote_for_message(prefix.redirect));
      };
      if (!prefixes_.contains(prefix.redirect)) add(Kind::kRedirectWithoutTarget, example);
      if (prefixes_.contains(name)) add(Kind::kRedirectHidesRepository, example);
    }
  }

  void look_at_networks() {
    for (const auto& [prefix, host] : world_.netblocks) {
      const int least = prefix.address.is_ipv4() ? kNetblockLengthMin4 : kNetblockLengthMin6;
      if (prefix.length >= least || is_inside(prefix)) continue;
      add(Kind::kNetblockVeryLarge, [&prefix = prefix, &host = world_.hosts[host]] {
        return fmt::format("{} of {}", prefix.to_string(), describe(host));
      });
    }
  }

  [[nodiscard]] bool is_known(std::string_view country) const {
    return continents_.find(country) != continents_.end() ||
           world_.continent_redirects.find(country) != world_.continent_redirects.end();
  }

  void look_at_countries() {
    for (const auto& host : world_.hosts) {
      if (host.country && !host.country->empty() && !is_known(*host.country)) {
        add(Kind::kCountryUnknown, [&] {
          return fmt::format("{} of {}", quote_for_message(*host.country), describe(host));
        });
      }
      for (const auto& country : host.allowed) {
        if (is_known(country)) continue;
        add(Kind::kAllowedCountryUnknown,
            [&] { return fmt::format("{} of {}", quote_for_message(country), describe(host)); });
      }
    }
    for (const auto& [prefix, country] : world_.netblock_countries) {
      if (is_known(country)) continue;
      add(Kind::kNetblockCountryUnknown, [&prefix = prefix, &country = country] {
        return fmt::format("{} in {}", prefix.to_string(), quote_for_message(country));
      });
    }
    std::set<std::string_view> continents;
    for (const auto& [country, continent] : continents_) continents.insert(continent);
    for (const auto& [country, continent] : world_.continent_redirects) {
      if (continents.contains(continent)) continue;
      add(Kind::kContinentUnknown, [&country = country, &continent = continent] {
        return fmt::format("{} -> {}", quote_for_message(country), quote_for_message(continent));
      });
    }
  }

  struct ClaimOf {
    uint32_t host, url_list;
    std::string_view category;
    ClaimOf(uint32_t of, uint32_t list, std::string_view name)
        : host(of), url_list(list), category(name) {}
  };

  const World& world_;
  const CountryContinents& continents_;
  const size_t examples_max_;
  std::array<Finding, kKindCount> findings_;
  std::vector<SetFacts> sets_;  // by World::carrier_sets
  std::vector<bool> carried_;   // by host: it has some directory
  std::vector<bool> has_category_;
  std::set<CategoryHost> carried_in_;
  std::set<int64_t> categories_with_directories_;
  std::map<std::string, uint32_t, std::less<>>
      wanted_;                                        // directories of repositories -> their place
  std::set<std::string_view, std::less<>> prefixes_;  // those that have repositories
  std::vector<ClaimOf> claims_of_;
};

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      break;
  }
  return "note";
}

std::vector<Finding> find_suspicious(const World& world,
                                     const CountryContinents& country_continents,
                                     size_t examples_max) {
  return Finder(world, country_continents, examples_max).run();
}

}  // namespace mirror

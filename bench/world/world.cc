#include "bench/world/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "base/core/assert.h"

namespace mirror::bench {
namespace {

// Shares in percent of the whole, roughly as Fedora's public mirror list has them.
constexpr std::array kCountries = {
    WorldCountry{"US", 190}, WorldCountry{"DE", 100}, WorldCountry{"FR", 50},
    WorldCountry{"GB", 45},  WorldCountry{"CN", 45},  WorldCountry{"BR", 40},
    WorldCountry{"SE", 30},  WorldCountry{"NL", 35},  WorldCountry{"CA", 35},
    WorldCountry{"RU", 30},  WorldCountry{"JP", 30},  WorldCountry{"CZ", 25},
    WorldCountry{"AU", 25},  WorldCountry{"IT", 20},  WorldCountry{"PL", 20},
    WorldCountry{"TW", 20},  WorldCountry{"IN", 20},  WorldCountry{"AT", 15},
    WorldCountry{"CH", 20},  WorldCountry{"ES", 15},  WorldCountry{"DK", 15},
    WorldCountry{"FI", 12},  WorldCountry{"NO", 12},  WorldCountry{"BG", 12},
    WorldCountry{"UA", 12},  WorldCountry{"HU", 10},  WorldCountry{"GR", 10},
    WorldCountry{"ID", 12},  WorldCountry{"ZA", 10},  WorldCountry{"TR", 10},
    WorldCountry{"KR", 12},  WorldCountry{"SG", 12},  WorldCountry{"HK", 10},
    WorldCountry{"PT", 8},   WorldCountry{"RO", 10},  WorldCountry{"BE", 8},
    WorldCountry{"IE", 6},   WorldCountry{"NZ", 6},   WorldCountry{"MX", 6},
    WorldCountry{"CL", 6},   WorldCountry{"AR", 6},   WorldCountry{"CR", 4},
    WorldCountry{"KE", 4},   WorldCountry{"IS", 3},   WorldCountry{"VN", 5},
    WorldCountry{"TH", 5},   WorldCountry{"IR", 4},   WorldCountry{"IL", 4},
};
constexpr std::array<std::string_view, 5> kArches = {"aarch64", "ppc64le", "s390x", "source",
                                                     "x86_64"};
constexpr std::array<std::string_view, 8> kKinds = {
    "releases", "releases-debug", "updates", "updates-debug",
    "testing",  "testing-debug",  "modular", "updates-modular"};
// What lies below each repository; the second is the repository data.
constexpr std::array<std::string_view, 15> kBelow = {
    "",           "repodata",   "Packages",   "Packages/a", "Packages/c",
    "Packages/d", "Packages/g", "Packages/k", "Packages/l", "Packages/m",
    "Packages/p", "Packages/r", "Packages/s", "images",     "drpms"};
constexpr uint32_t kRepodata = 1;
constexpr uint32_t kDetailGenerations = 3;
constexpr int64_t kNewestRepomd = 1'790'000'000;
constexpr std::array<int64_t, 6> kBandwidths = {100, 1000, 1000, 1000, 10000, 10000};
constexpr uint32_t kFirstOctet = 11;  // each country has a few /8 of IPv4, from here on
// Nearly all questions are about the main categories and the newest releases: each draws its
// category as the least of so many even draws, and its repository likewise. Of 20 categories the
// first, which most mirrors carry, gets 51 % of the questions then and the first four get 96 %; of
// 400 repositories the newest release gets 77 %. The number was chosen by the answers: with it the
// average metalink of the world of scale 100 % has 39 KB and the average list 8 KB; two draws, as
// this had at first, made 25 KB and 5 KB.
constexpr int kPopularityDraws = 14;

uint32_t pick_country(Random& random) {
  static constexpr uint32_t kTotal =
      std::accumulate(kCountries.begin(), kCountries.end(), 0u,
                      [](uint32_t sum, const auto& c) { return sum + c.share; });
  uint64_t at = random.below(kTotal);
  for (uint32_t i = 0; i < kCountries.size(); ++i) {
    if (at < kCountries[i].share) return i;
    at -= kCountries[i].share;
  }
  return 0;
}

uint32_t pick_popular(Random& random, uint64_t count) {
  uint64_t least = random.below(count);
  for (int i = 1; i < kPopularityDraws; ++i) least = std::min(least, random.below(count));
  return static_cast<uint32_t>(least);
}

std::string hex(Random& random, size_t digits) {
  std::string text;
  while (text.size() < digits) text += fmt::format("{:016x}", random.next());
  text.resize(digits);
  return text;
}

// The address plan: country c has the IPv4 /8s (11 + 4c) .. (14 + 4c) and the IPv6 prefix
// 2400+c::/16.
std::string random_ipv4(uint32_t country, Random& random) {
  const uint64_t rest = random.next();
  return fmt::format("{}.{}.{}.{}", kFirstOctet + 4 * country + (rest & 3), (rest >> 8) & 255,
                     (rest >> 16) & 255, 1 + (rest >> 24) % 254);
}

Value text(std::string_view value) { return value; }
Value number(int64_t value) { return value; }

}  // namespace

static_assert(kFirstOctet + 4 * kCountries.size() < 224,
              "the address plan must stay in unicast space");

World::World(const WorldOptions& options) : options_(options) {
  Random random(options.seed);
  make_hosts(random);
  make_categories(random);
}

void World::make_hosts(Random& random) {
  for (uint32_t i = 0; i < options_.host_count; ++i) {
    const uint32_t country = pick_country(random);
    Host host;
    host.country = country;
    host.name = fmt::format("mirror{}.{}.example.{}", i, i % 3 == 0 ? "edu" : "net",
                            kCountries[country].code);
    std::transform(host.name.begin(), host.name.end(), host.name.begin(),
                   [](char c) { return static_cast<char>(std::tolower(c)); });
    host.bandwidth = kBandwidths[random.below(kBandwidths.size())];
    host.asn = random.below(10) < 4 ? static_cast<int64_t>(1000 + i) : 0;
    host.is_private = random.below(20) == 0;
    hosts_.push_back(std::move(host));
  }
}

void World::make_categories(Random& random) {
  int64_t host_category_id = 1;
  for (uint32_t c = 0; c < options_.category_count; ++c) {
    Category category;
    category.name = fmt::format("Distribution {}", c);
    category.topdir = fmt::format("pub/dist{}/linux", c);
    // The first categories are carried by most mirrors, the last ones by few; with the sets below
    // this gives 30 to 400 carrying hosts a directory, 125 on average.
    const uint64_t members = options_.host_count *
                             (c == 0   ? 66
                              : c < 4  ? 40
                              : c < 12 ? 26
                                       : 10) /
                             100;
    std::vector<uint32_t> all(hosts_.size());
    std::iota(all.begin(), all.end(), 0u);
    for (size_t i = all.size() - 1; i > 0; --i) std::swap(all[i], all[random.below(i + 1)]);
    category.hosts.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(members));
    std::sort(category.hosts.begin(), category.hosts.end());
    for (uint32_t s = 0; s < options_.sets_per_category; ++s) {
      const uint64_t percent = 55 + random.below(40);
      std::vector<uint32_t> set;
      for (uint32_t place = 0; place < category.hosts.size(); ++place) {
        if (random.below(100) < percent) set.push_back(place);
      }
      category.sets.push_back(std::move(set));
    }
    // Few sets serve most repositories: old releases are carried by the same hosts.
    for (uint32_t r = 0; r < options_.repositories_per_category; ++r) {
      const uint64_t a = random.below(options_.sets_per_category);
      category.set_of_repository.push_back(static_cast<uint32_t>(
          r < options_.sets_per_category ? r
                                         : std::min(a, random.below(options_.sets_per_category))));
    }
    category.first_host_category_id = host_category_id;
    host_category_id += static_cast<int64_t>(category.hosts.size());
    // Directory ids: the top directory of category c is c + 1, the others follow all top
    // directories.
    category.first_directory_id =
        static_cast<int64_t>(options_.category_count) + 1 +
        int64_t{c} * options_.repositories_per_category * static_cast<int64_t>(kBelow.size());
    category.first_repository_id = 1 + int64_t{c} * options_.repositories_per_category;
    categories_.push_back(std::move(category));
  }
}

World::RepositoryName World::repository_name(const Category& category, uint32_t index) const {
  const auto number_of = static_cast<uint32_t>(&category - categories_.data());
  const auto arch = kArches[index % kArches.size()];
  const auto kind = kKinds[index / kArches.size() % kKinds.size()];
  const auto version = 44 - index / (kArches.size() * kKinds.size());
  // A prefix that holds "source" would force the architecture; the source trees have prefixes of
  // their own.
  return {
      fmt::format("dist{}-{}{}-{}", number_of, kind, arch == "source" ? "-source" : "", version),
      std::string(arch),
      fmt::format("{}/{}/{}/Everything/{}/os", category.topdir, kind, version,
                  arch == "source" ? "SRPMS" : arch)};
}

Result<void> World::site_rows(const RowSink& sink) const {
  for (uint32_t i = 0; i < hosts_.size(); ++i) {
    const std::string name = fmt::format("Site {}", i);
    const Value row[] = {number(i + 1), text(name), false, true, true, text("2026-01-01 00:00:00"),
                         text("world"), false,      false, false};
    MIRROR_CHECK(sink(row));
  }
  return {};
}

Result<void> World::host_rows(const RowSink& sink) const {
  for (uint32_t i = 0; i < hosts_.size(); ++i) {
    const Host& host = hosts_[i];
    const Value row[] = {number(i + 1),
                         text(host.name),
                         number(i + 1),
                         true,
                         true,
                         text(kCountries[host.country].code),
                         number(host.bandwidth),
                         host.is_private,
                         false,
                         false,
                         host.asn == 0 ? Value(std::monostate{}) : number(host.asn),
                         true,
                         number(1),
                         number(0)};
    MIRROR_CHECK(sink(row));
  }
  return {};
}

Result<void> World::netblock_rows(const RowSink& sink) const {
  Random random(options_.seed + 1);
  for (uint32_t i = 0; i < options_.netblock_count; ++i) {
    const uint64_t host = random.below(hosts_.size());
    const std::string block =
        random.below(5) == 0 ? fmt::format("{:x}:{:x}:{:x}::/48", 0x2400 + hosts_[host].country,
                                           random.below(65536), random.below(65536))
                             : fmt::format("{}/{}", random_ipv4(hosts_[host].country, random),
                                           16 + random.below(13));
    const Value row[] = {number(i + 1), text(block), number(static_cast<int64_t>(host) + 1)};
    MIRROR_CHECK(sink(row));
  }
  return {};
}

Result<void> World::product_rows(const RowSink& sink) const {
  const Value row[] = {number(1), text("Distribution"), true};
  return sink(row);
}

Result<void> World::version_rows(const RowSink& sink) const {
  const Value row[] = {number(1), text("44"), false, true, true, number(0), number(1)};
  return sink(row);
}

Result<void> World::arch_rows(const RowSink& sink) const {
  for (uint32_t i = 0; i < kArches.size(); ++i) {
    const Value row[] = {number(i + 1), text(kArches[i]), true, true};
    MIRROR_CHECK(sink(row));
  }
  return {};
}

Result<void> World::directory_rows(const RowSink& sink) const {
  for (uint32_t c = 0; c < categories_.size(); ++c) {
    const Value row[] = {number(c + 1), text(categories_[c].topdir), true};
    MIRROR_CHECK(sink(row));
  }
  for (const Category& category : categories_) {
    int64_t id = category.first_directory_id;
    for (uint32_t r = 0; r < options_.repositories_per_category; ++r) {
      const std::string path = repository_name(category, r).path;
      for (const auto below : kBelow) {
        const std::string name = below.empty() ? path : fmt::format("{}/{}", path, below);
        const Value row[] = {number(id++), text(name), true};
        MIRROR_CHECK(sink(row));
      }
    }
  }
  return {};
}

Result<void> World::category_rows(const RowSink& sink) const {
  for (uint32_t c = 0; c < categories_.size(); ++c) {
    const Value row[] = {number(c + 1), text(categories_[c].name), true, number(1), number(c + 1)};
    MIRROR_CHECK(sink(row));
  }
  return {};
}

Result<void> World::category_directory_rows(const RowSink& sink) const {
  for (uint32_t c = 0; c < categories_.size(); ++c) {
    const Value top[] = {number(c + 1), number(c + 1)};
    MIRROR_CHECK(sink(top));
    const int64_t count = static_cast<int64_t>(options_.repositories_per_category * kBelow.size());
    for (int64_t i = 0; i < count; ++i) {
      const Value row[] = {number(c + 1), number(categories_[c].first_directory_id + i)};
      MIRROR_CHECK(sink(row));
    }
  }
  return {};
}

Result<void> World::host_category_rows(const RowSink& sink) const {
  for (uint32_t c = 0; c < categories_.size(); ++c) {
    const Category& category = categories_[c];
    for (size_t i = 0; i < category.hosts.size(); ++i) {
      const Value row[] = {number(category.first_host_category_id + static_cast<int64_t>(i)),
                           number(category.hosts[i] + 1), number(c + 1), false};
      MIRROR_CHECK(sink(row));
    }
  }
  return {};
}

Result<void> World::host_category_url_rows(const RowSink& sink) const {
  Random random(options_.seed + 2);
  int64_t id = 1;
  for (const Category& category : categories_) {
    for (size_t i = 0; i < category.hosts.size(); ++i) {
      const Host& host = hosts_[category.hosts[i]];
      for (const std::string_view scheme : {"https", "http", "rsync"}) {
        // All have https; most have http, half of them rsync.
        if ((scheme == "http" && random.below(10) >= 7) ||
            (scheme == "rsync" && random.below(2) == 0))
          continue;
        const std::string url = fmt::format("{}://{}/{}", scheme, host.name, category.topdir);
        const Value row[] = {number(id++),
                             number(category.first_host_category_id + static_cast<int64_t>(i)),
                             text(url), false};
        MIRROR_CHECK(sink(row));
      }
    }
  }
  return {};
}

Result<void> World::repository_rows(const RowSink& sink) const {
  for (uint32_t c = 0; c < categories_.size(); ++c) {
    const Category& category = categories_[c];
    for (uint32_t r = 0; r < options_.repositories_per_category; ++r) {
      const auto names = repository_name(category, r);
      const auto arch = static_cast<int64_t>(r % kArches.size()) + 1;
      const Value row[] = {
          number(category.first_repository_id + r),
          text(names.path),
          text(names.prefix),
          number(c + 1),
          number(1),
          number(arch),
          number(category.first_directory_id + int64_t{r} * static_cast<int64_t>(kBelow.size())),
          false};
      MIRROR_CHECK(sink(row));
    }
  }
  return {};
}

Result<void> World::file_detail_rows(const RowSink& sink) const {
  Random random(options_.seed + 3);
  int64_t id = 1;
  for (const Category& category : categories_) {
    for (uint32_t r = 0; r < options_.repositories_per_category; ++r) {
      const int64_t directory = category.first_directory_id +
                                int64_t{r} * static_cast<int64_t>(kBelow.size()) + kRepodata;
      for (uint32_t g = 0; g < kDetailGenerations; ++g) {
        const std::string md5 = hex(random, 32);
        const std::string sha1 = hex(random, 40);
        const std::string sha256 = hex(random, 64);
        const std::string sha512 = hex(random, 128);
        const Value row[] = {number(id++),
                             text("repomd.xml"),
                             number(kNewestRepomd - int64_t{g} * 86400),
                             number(static_cast<int64_t>(3000 + random.below(6000))),
                             text(sha1),
                             text(md5),
                             text(sha256),
                             text(sha512),
                             number(directory)};
        MIRROR_CHECK(sink(row));
      }
    }
  }
  return {};
}

Result<void> World::host_category_dir_rows(const RowSink& sink) const {
  int64_t id = 1;
  for (const Category& category : categories_) {
    const size_t topdir_size = category.topdir.size();
    int64_t directory = category.first_directory_id;
    for (uint32_t r = 0; r < options_.repositories_per_category; ++r) {
      const std::string path = repository_name(category, r).path.substr(topdir_size);
      const auto& set = category.sets[category.set_of_repository[r]];
      for (const auto below : kBelow) {
        const std::string name = below.empty() ? path : fmt::format("{}/{}", path, below);
        size_t next = 0;
        for (uint32_t place = 0; place < category.hosts.size(); ++place) {
          const bool fresh = next < set.size() && set[next] == place;
          if (fresh) ++next;
          // Of the hosts that fell behind, two in five still have a row that says so: 2.0 million
          // rows in the world of scale 100 %.
          if (!fresh && (!options_.stale_rows || place % 5 >= 2)) continue;
          const Value row[] = {number(id++), number(category.first_host_category_id + place),
                               text(name), fresh, number(directory)};
          MIRROR_CHECK(sink(row));
        }
        ++directory;
      }
    }
  }
  return {};
}

std::span<const World::Table> World::tables() {
  static constexpr std::array kTables = {
      Table{"site",
            "id,name,private,admin_active,user_active,created_at,created_by,all_sites_can_pull_"
            "from_me,email_on_drop,email_on_add",
            &World::site_rows},
      Table{"host",
            "id,name,site_id,admin_active,user_active,country,bandwidth_int,private,internet2,"
            "internet2_clients,asn,asn_clients,max_connections,crawl_failures",
            &World::host_rows},
      Table{"host_netblock", "id,netblock,host_id", &World::netblock_rows},
      Table{"product", "id,name,publiclist", &World::product_rows},
      Table{"version", "id,name,is_test,display,ordered_mirrorlist,sortorder,product_id",
            &World::version_rows},
      Table{"arch", "id,name,publiclist,primary_arch", &World::arch_rows},
      Table{"directory", "id,name,readable", &World::directory_rows},
      Table{"category", "id,name,publiclist,product_id,topdir_id", &World::category_rows},
      Table{"category_directory", "category_id,directory_id", &World::category_directory_rows},
      Table{"host_category", "id,host_id,category_id,always_up2date", &World::host_category_rows},
      Table{"host_category_url", "id,host_category_id,url,private", &World::host_category_url_rows},
      Table{"repository", "id,name,prefix,category_id,version_id,arch_id,directory_id,disabled",
            &World::repository_rows},
      Table{"file_detail", "id,filename,timestamp,size,sha1,md5,sha256,sha512,directory_id",
            &World::file_detail_rows},
      Table{"host_category_dir", "id,host_category_id,path,up2date,directory_id",
            &World::host_category_dir_rows},
  };
  return kTables;
}

std::string World::netblocks() const {
  Random random(options_.seed + 4);
  std::string lines;
  for (uint32_t i = 0; i < options_.prefix_count; ++i) {
    const uint32_t country = pick_country(random);
    // One prefix in a hundred belongs to the network of a mirror.
    const Host& host = hosts_[random.below(hosts_.size())];
    const int64_t asn = host.asn != 0 && random.below(100) == 0
                            ? host.asn
                            : static_cast<int64_t>(10'000 + random.below(70'000));
    if (random.below(4) == 0) {
      lines += fmt::format("{:x}:{:x}:{:x}::/{} {}\n", 0x2400 + country, random.below(65536),
                           random.below(65536), 32 + random.below(17), asn);
    } else {
      lines += fmt::format("{}/{} {}\n", random_ipv4(country, random), 12 + random.below(13), asn);
    }
  }
  return lines;
}

std::string World::geoip() const {
  std::string lines;
  for (uint32_t c = 0; c < kCountries.size(); ++c) {
    for (uint32_t block = 0; block < 4; ++block) {
      lines += fmt::format("{}.0.0.0/8={}\n", kFirstOctet + 4 * c + block, kCountries[c].code);
    }
    lines += fmt::format("{:x}::/16={}\n", 0x2400 + c, kCountries[c].code);
  }
  return lines;
}

std::string World::random_client(Random& random) const {
  const uint32_t country = pick_country(random);
  if (random.below(5) != 0) return random_ipv4(country, random);
  return fmt::format("{:x}:{:x}:{:x}::{:x}", 0x2400 + country, random.below(65536),
                     random.below(65536), 1 + random.below(65535));
}

std::string World::requests(uint32_t count) const {
  Random random(options_.seed + 5);
  std::string lines;
  for (uint32_t i = 0; i < count; ++i) {
    const Category& category = categories_[pick_popular(random, categories_.size())];
    const uint32_t index = pick_popular(random, options_.repositories_per_category);
    const auto names = repository_name(category, index);
    const uint64_t kind = random.below(100);
    std::string target;
    int status = 200;
    if (kind < 60) {
      target = fmt::format("/metalink?repo={}&arch={}", names.prefix, names.arch);
    } else if (kind < 85) {
      target = fmt::format("/mirrorlist?repo={}&arch={}", names.prefix, names.arch);
    } else if (kind < 92) {
      target = fmt::format("/mirrorlist?path={}/Packages/a&redirect=1", names.path);
      status = 302;
    } else if (kind < 95) {
      target = fmt::format("/mirrorlist?path={}/images", names.path);
    } else if (kind < 97) {
      target = fmt::format("/mirrorlist?repo={}&arch={}&country=DE,FR&protocol=https", names.prefix,
                           names.arch);
    } else if (kind < 99) {
      target = fmt::format("/mirrorlist?repo=unknown-{}&arch=x86_64", index);
      status = 404;
    } else {
      target = "/metalink";
    }
    lines += fmt::format("{}\t{}\t{}\n", target, random_client(random), status);
  }
  return lines;
}

}  // namespace mirror::bench

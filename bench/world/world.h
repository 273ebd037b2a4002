// A synthetic distribution of Fedora's size, made from a seed: the world that benchmarks measure
// on. 700 hosts, 120 000 directories in 20 categories, 8 000 repositories, about 15 million rows of
// host_category_dir drawn from 1 600 distinct sets of hosts, 1 500 netblocks, 600 000 routed
// prefixes. Names, countries and bandwidths follow the skew of real deployments. The same options
// give the same rows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "base/core/random.h"
#include "schema/database/database.h"

namespace mirror::bench {

struct WorldOptions {
  uint64_t seed = 1;
  uint32_t host_count = 700;
  uint32_t category_count = 20;
  uint32_t repositories_per_category = 400;
  uint32_t sets_per_category = 80;
  uint32_t netblock_count = 1500;
  uint32_t prefix_count = 600'000;
  bool stale_rows = true;  // two million rows more that say up2date = false
};

// A country, how many of the mirrors and clients are there, and the first octet of its addresses.
struct WorldCountry {
  std::string_view code;
  uint32_t share;
};

class World {
 public:
  explicit World(const WorldOptions& options);

  // Gets one row; texts are valid during the call.
  using RowSink = std::function<Result<void>(std::span<const Value>)>;
  struct Table {
    std::string_view name;
    std::string_view columns;  // comma-separated
    Result<void> (World::*rows)(const RowSink&) const;
  };
  // All tables, parents before children.
  [[nodiscard]] static std::span<const Table> tables();

  // `PREFIX ASN` lines, as routing table dumps give them.
  [[nodiscard]] std::string netblocks() const;
  // `NETWORK=COUNTRY` lines, as ops/quickstart.d/make-geoip takes them.
  [[nodiscard]] std::string geoip() const;
  // Lines as questions.h tells: 60 % metalinks by repository, 25 % lists by repository, 10 % lists
  // and redirects by path, 5 % others; a fifth of the clients have IPv6 addresses. Nearly all are
  // about the main categories and the newest releases.
  [[nodiscard]] std::string requests(uint32_t count) const;

 private:
  struct Host {
    std::string name;
    uint32_t country;  // into countries()
    int64_t bandwidth;
    int64_t asn;  // 0: none
    bool is_private;
  };
  struct Category {
    std::string name;
    std::string topdir;
    std::vector<uint32_t> hosts;              // those that carry the category
    std::vector<std::vector<uint32_t>> sets;  // places in `hosts`, ascending
    std::vector<uint32_t> set_of_repository;  // which set carries the directories of each
    int64_t first_host_category_id = 0;
    int64_t first_directory_id = 0;
    int64_t first_repository_id = 0;
  };
  struct RepositoryName {
    std::string prefix, arch, path;
  };

  void make_hosts(Random& random);
  void make_categories(Random& random);
  [[nodiscard]] RepositoryName repository_name(const Category& category, uint32_t index) const;
  [[nodiscard]] std::string random_client(Random& random) const;

  Result<void> site_rows(const RowSink& sink) const;
  Result<void> host_rows(const RowSink& sink) const;
  Result<void> netblock_rows(const RowSink& sink) const;
  Result<void> product_rows(const RowSink& sink) const;
  Result<void> version_rows(const RowSink& sink) const;
  Result<void> arch_rows(const RowSink& sink) const;
  Result<void> directory_rows(const RowSink& sink) const;
  Result<void> category_rows(const RowSink& sink) const;
  Result<void> category_directory_rows(const RowSink& sink) const;
  Result<void> host_category_rows(const RowSink& sink) const;
  Result<void> host_category_url_rows(const RowSink& sink) const;
  Result<void> repository_rows(const RowSink& sink) const;
  Result<void> file_detail_rows(const RowSink& sink) const;
  Result<void> host_category_dir_rows(const RowSink& sink) const;

  WorldOptions options_;
  std::vector<Host> hosts_;
  std::vector<Category> categories_;
};

}  // namespace mirror::bench

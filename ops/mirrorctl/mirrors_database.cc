#include "ops/mirrorctl/mirrors_database.h"

#include <fmt/format.h>

#include "base/core/text.h"
#include "ops/mirrorctl/mirrors_rules.h"
#include "sql/mirrors.h"
#include "sql/mirrors_postgresql.h"

namespace mirror {
namespace {

class MirrorsReader {
 public:
  explicit MirrorsReader(Transaction& transaction) : transaction_(transaction) {}

  Result<MirrorsState> read() {
    MIRROR_CHECK(read_names());
    MIRROR_CHECK(read_sites());
    MIRROR_CHECK(read_hosts());
    MIRROR_CHECK(read_host_lists());
    MIRROR_CHECK(read_host_categories());
    assemble();
    return std::move(state_);
  }

 private:
  // Runs a statement for a function that cannot fail.
  template <typename Each>
  Result<void> each(std::string_view sql, Each&& work) {
    return transaction_.query(sql, {}, [&](const Row& row) -> Result<void> {
      work(row);
      return {};
    });
  }

  Result<void> read_names() {
    MirrorsDocument& document = state_.document;
    MIRROR_CHECK(each(sql::mirrors_select_products,
                      [&](const Row& row) { document.products.emplace_back(row.text(0)); }));
    MIRROR_CHECK(each(sql::mirrors_select_architectures,
                      [&](const Row& row) { document.architectures.emplace_back(row.text(0)); }));
    MIRROR_CHECK(each(sql::mirrors_select_countries, [&](const Row& row) {
      state_.countries.insert(normal_country(row.text(0)));
    }));
    return each(sql::mirrors_select_categories, [&](const Row& row) {
      document.categories.push_back({.id = row.int64(0),
                                     .name = std::string(row.text(1)),
                                     .product = row.optional_text(2),
                                     .top_directory = row.optional_text(3)});
    });
  }
  Result<void> read_sites() {
    return each(sql::mirrors_select_sites, [&](const Row& row) {
      MirrorSite site;
      site.id = row.int64(0);
      site.name = row.text(1);
      site.is_private = row.optional_boolean(2);
      site.admin_active = row.optional_boolean(3);
      site.user_active = row.optional_boolean(4);
      state_.document.sites.push_back(std::move(site));
    });
  }
  Result<void> read_hosts() {
    return each(sql::mirrors_select_hosts, [&](const Row& row) {
      MirrorHost& host = hosts_[row.int64(0)];
      host.id = row.int64(0);
      site_of_[host.id] = row.optional_int64(1);
      host.name = row.text(2);
      host.country = row.optional_text(3);
      host.bandwidth = row.optional_int64(4);
      host.asn = row.optional_int64(5);
      host.asn_clients = row.optional_boolean(6);
      host.is_private = row.optional_boolean(7);
      host.internet2 = row.optional_boolean(8);
      host.internet2_clients = row.optional_boolean(9);
      host.admin_active = row.optional_boolean(10);
      host.user_active = row.optional_boolean(11);
      host.netblocks.emplace();
      host.peer_asns.emplace();
      host.countries_allowed.emplace();
    });
  }
  // Rows of a host that is not there (or NULL) belong to nobody.
  MirrorHost* host(const Row& row, int column) {
    const auto found = hosts_.find(row.int64(column));
    return found == hosts_.end() ? nullptr : &found->second;
  }
  Result<void> read_host_lists() {
    MIRROR_CHECK(each(sql::mirrors_select_netblocks, [&](const Row& row) {
      if (MirrorHost* of = host(row, 0)) of->netblocks->emplace_back(row.text(1));
    }));
    MIRROR_CHECK(each(sql::mirrors_select_peer_asns, [&](const Row& row) {
      if (MirrorHost* of = host(row, 0)) of->peer_asns->push_back(row.int64(1));
    }));
    return each(sql::mirrors_select_countries_allowed, [&](const Row& row) {
      if (MirrorHost* of = host(row, 0)) of->countries_allowed->emplace_back(row.text(1));
    });
  }
  Result<void> read_host_categories() {
    std::map<int64_t, std::pair<MirrorHost*, size_t>> place;
    MIRROR_CHECK(each(sql::mirrors_select_host_categories, [&](const Row& row) {
      MirrorHost* of = host(row, 1);
      if (of == nullptr) return;
      MirrorHostCategory category;
      category.id = row.int64(0);
      category.name = row.text(2);
      category.always_up_to_date = row.optional_boolean(3);
      category.urls.emplace();
      place[category.id] = {of, of->categories.size()};
      of->categories.push_back(std::move(category));
    }));
    return each(sql::mirrors_select_urls, [&](const Row& row) {
      const auto found = place.find(row.int64(0));
      if (found == place.end()) return;
      const auto [of, index] = found->second;
      of->categories[index].urls->push_back(
          {.url = std::string(row.text(1)), .is_private = row.boolean(2)});
    });
  }
  void assemble() {
    std::map<int64_t, MirrorSite*> sites;
    for (MirrorSite& site : state_.document.sites) sites[site.id] = &site;
    for (auto& [id, host] : hosts_) {
      const std::optional<int64_t> site = site_of_[id];
      const auto found = site ? sites.find(*site) : sites.end();
      if (found == sites.end()) {
        state_.orphans.push_back(fmt::format("host {} (id {})", quote_for_message(host.name), id));
      } else {
        found->second->hosts.push_back(std::move(host));
      }
    }
  }

  Transaction& transaction_;
  MirrorsState state_;
  std::map<int64_t, MirrorHost> hosts_;
  std::map<int64_t, std::optional<int64_t>> site_of_;
};

}  // namespace

Result<MirrorsState> read_mirrors(Transaction& transaction) {
  return MirrorsReader(transaction).read();
}

Result<void> lock_mirrors(Transaction& transaction, Engine engine) {
  if (engine == Engine::kSqlite) return {};  // has one writer at a time
  return transaction.execute_script(sql::mirrors_lock_postgresql);
}

}  // namespace mirror

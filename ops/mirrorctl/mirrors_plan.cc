#include "ops/mirrorctl/mirrors_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/core/text.h"
#include "ops/mirrorctl/mirrors_rules.h"
#include "sql/mirrors.h"

namespace mirror {
namespace {

std::string shown(const std::string& text) { return quote_for_message(text, 300); }
std::string shown(bool value) { return value ? "true" : "false"; }
std::string shown(int64_t value) { return fmt::format("{}", value); }
template <typename T>
std::string shown(const std::optional<T>& value) {
  return value ? shown(*value) : "none";
}

template <typename T>
OwnedValue owned(const std::optional<T>& value) {
  return value ? OwnedValue(*value) : OwnedValue(std::monostate{});
}

// The differences of one row, for its line of the diff, and the values that it shall have.
class RowDifference {
 public:
  // What the file does not say stays.
  template <typename T>
  std::optional<T> merge(std::string_view name, const std::optional<T>& wanted,
                         const std::optional<T>& present) {
    if (!wanted || wanted == present) return present;
    return change(name, wanted, present);
  }
  template <typename T>
  std::optional<T> change(std::string_view name, const std::optional<T>& wanted,
                          const std::optional<T>& present) {
    parts_.push_back(fmt::format("{} {} -> {}", name, shown(present), shown(wanted)));
    return wanted;
  }
  [[nodiscard]] bool any() const { return !parts_.empty(); }
  [[nodiscard]] std::string text() const { return fmt::format("{}", fmt::join(parts_, ", ")); }

 private:
  std::vector<std::string> parts_;
};

// The columns of a host, in the order of the statements that write it.
struct HostValues {
  std::optional<std::string> country;
  std::optional<int64_t> bandwidth, asn;
  std::optional<bool> asn_clients, is_private, internet2, internet2_clients, admin_active,
      user_active;

  [[nodiscard]] std::vector<OwnedValue> behind(std::vector<OwnedValue> key) const {
    for (const auto& value :
         {owned(country), owned(bandwidth), owned(asn), owned(asn_clients), owned(is_private),
          owned(internet2), owned(internet2_clients), owned(admin_active), owned(user_active)}) {
      key.push_back(value);
    }
    return key;
  }
};

// A host that the file names, and what the database has of it.
struct HostPlace {
  const MirrorSite& site;
  const MirrorHost& wanted;
  const MirrorHost* present;
  [[nodiscard]] std::string text() const {
    return fmt::format("host {} / {}", shown(site.name), shown(wanted.name));
  }
  [[nodiscard]] std::vector<OwnedValue> key(std::vector<OwnedValue> more) const {
    more.insert(more.begin(), {OwnedValue(site.name), OwnedValue(wanted.name)});
    return more;
  }
};

template <typename T>
const T* named(const std::vector<T>& items, const std::string& name) {
  const auto found = std::ranges::find(items, name, &T::name);
  return found == items.end() ? nullptr : &*found;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

class MirrorsPlanner {
 public:
  MirrorsPlanner(const MirrorsDocument& wanted, const MirrorsState& state,
                 const MirrorsPlanOptions& options)
      : wanted_(wanted), present_(state.document), countries_(state.countries), options_(options) {}

  Result<MirrorsPlan> run() {
    plan_names();
    for (const MirrorCategory& category : wanted_.categories) plan_category(category);
    for (const MirrorSite& site : wanted_.sites) plan_site(site);
    if (options_.prune) prune_sites();
    check_urls();
    if (error_) return tl::unexpected(*error_);
    // What goes makes room first: a URL may move from one host to another.
    MirrorsPlan plan = std::move(removals_);
    std::ranges::move(new_countries_, std::back_inserter(plan));
    std::ranges::move(additions_, std::back_inserter(plan));
    return plan;
  }

 private:
  void problem(int line, std::string_view key, std::string_view what) {
    if (!error_)
      error_ = Error{ErrorKind::kInvalid, 0,
                     fmt::format("{}:{}: {}: {}", options_.file, line, key, what)};
  }
  void add(char sign, std::string text, std::vector<MirrorsStatement> statements) {
    additions_.push_back({sign, std::move(text), std::move(statements)});
  }
  void remove(std::string text, std::vector<MirrorsStatement> statements) {
    removals_.push_back({'-', std::move(text), std::move(statements)});
  }
  void need_country(const std::string& code) {
    if (!countries_.insert(code).second) return;
    new_countries_.push_back(
        {'+', "country " + shown(code), {{sql::mirrors_insert_country, {code}}}});
  }

  void plan_names();
  void plan_category(const MirrorCategory& wanted);
  void plan_site(const MirrorSite& wanted);
  void plan_host(const HostPlace& host);
  void plan_new_host(const HostPlace& host);
  void plan_host_row(const HostPlace& host);
  void plan_netblocks(const HostPlace& host);
  void plan_peer_asns(const HostPlace& host);
  void plan_countries(const HostPlace& host);
  void plan_host_category(const HostPlace& host, const MirrorHostCategory& wanted);
  void plan_urls(const HostPlace& host, const MirrorHostCategory& wanted,
                 const MirrorHostCategory* present);
  void check_urls();
  void prune_sites();
  void prune_hosts(const MirrorSite& wanted, const MirrorSite& present);
  void remove_host(const MirrorSite& site, const MirrorHost& host);
  void remove_host_category(const std::string& host, const MirrorHostCategory& category);

  const MirrorsDocument& wanted_;
  const MirrorsDocument& present_;
  std::set<std::string> countries_;
  const MirrorsPlanOptions& options_;
  MirrorsPlan removals_, new_countries_, additions_;
  std::set<std::string> removed_urls_;
  std::vector<MirrorUrl> added_urls_;
  std::optional<Error> error_;
};

void MirrorsPlanner::plan_names() {
  for (const std::string& name : wanted_.products) {
    if (!contains(present_.products, name)) {
      add('+', "product " + shown(name), {{sql::mirrors_insert_product, {name}}});
    }
  }
  for (const std::string& name : wanted_.architectures) {
    if (!contains(present_.architectures, name)) {
      add('+', "architecture " + shown(name), {{sql::mirrors_insert_architecture, {name}}});
    }
  }
}

void MirrorsPlanner::plan_category(const MirrorCategory& wanted) {
  if (wanted.product && !contains(wanted_.products, *wanted.product) &&
      !contains(present_.products, *wanted.product)) {
    problem(wanted.line, "category.product",
            fmt::format("there is no product {}: add it to products", shown(*wanted.product)));
  }
  const MirrorCategory* present = named(present_.categories, wanted.name);
  if (present == nullptr) {
    if (!wanted.product)
      problem(wanted.line, "category.product", "is missing, and a new category needs it");
    if (!wanted.top_directory) {
      problem(wanted.line, "category.top_directory", "is missing, and a new category needs it");
    }
    if (!wanted.product || !wanted.top_directory) return;
    add('+',
        fmt::format("category {} (product {}, top directory {})", shown(wanted.name),
                    shown(*wanted.product), shown(*wanted.top_directory)),
        {{sql::mirrors_insert_directory, {*wanted.top_directory}},
         {sql::mirrors_insert_category, {wanted.name, *wanted.product, *wanted.top_directory}},
         {sql::mirrors_insert_category_directory, {wanted.name, *wanted.top_directory}}});
    return;
  }
  RowDifference difference;
  const auto product = difference.merge("product", wanted.product, present->product);
  const auto top_directory =
      difference.merge("top directory", wanted.top_directory, present->top_directory);
  if (!difference.any()) return;
  std::vector<MirrorsStatement> statements;
  if (top_directory) statements.push_back({sql::mirrors_insert_directory, {*top_directory}});
  statements.push_back(
      {sql::mirrors_update_category, {present->id, owned(product), owned(top_directory)}});
  if (top_directory) {
    statements.push_back({sql::mirrors_insert_category_directory, {wanted.name, *top_directory}});
  }
  add('~', fmt::format("category {}: {}", shown(wanted.name), difference.text()),
      std::move(statements));
}

void MirrorsPlanner::plan_site(const MirrorSite& wanted) {
  const MirrorSite* present = named(present_.sites, wanted.name);
  if (present == nullptr) {
    const bool is_private = wanted.is_private.value_or(false);
    add('+', fmt::format("site {}{}", shown(wanted.name), is_private ? " (private)" : ""),
        {{sql::mirrors_insert_site,
          {wanted.name, is_private, wanted.admin_active.value_or(true),
           wanted.user_active.value_or(true)}}});
  } else {
    RowDifference difference;
    const auto is_private = difference.merge("private", wanted.is_private, present->is_private);
    const auto admin_active =
        difference.merge("admin_active", wanted.admin_active, present->admin_active);
    const auto user_active =
        difference.merge("user_active", wanted.user_active, present->user_active);
    if (difference.any()) {
      add('~', fmt::format("site {}: {}", shown(wanted.name), difference.text()),
          {{sql::mirrors_update_site,
            {present->id, owned(is_private), owned(admin_active), owned(user_active)}}});
    }
  }
  for (const MirrorHost& host : wanted.hosts) {
    plan_host({wanted, host, present == nullptr ? nullptr : named(present->hosts, host.name)});
  }
  if (options_.prune && present != nullptr) prune_hosts(wanted, *present);
}

void MirrorsPlanner::plan_host(const HostPlace& host) {
  if (host.wanted.country) need_country(*host.wanted.country);
  if (host.present == nullptr) {
    plan_new_host(host);
  } else {
    plan_host_row(host);
  }
  if (host.wanted.netblocks) plan_netblocks(host);
  if (host.wanted.peer_asns) plan_peer_asns(host);
  if (host.wanted.countries_allowed) plan_countries(host);
  for (const MirrorHostCategory& category : host.wanted.categories)
    plan_host_category(host, category);
}

void MirrorsPlanner::plan_new_host(const HostPlace& host) {
  const MirrorHost& wanted = host.wanted;
  if (!wanted.country)
    return problem(wanted.line, "site.host.country", "is missing, and a new host needs it");
  HostValues values;
  values.country = wanted.country;
  values.bandwidth = wanted.bandwidth.value_or(100);
  if (wanted.asn.value_or(0) != 0) values.asn = wanted.asn;
  values.asn_clients = wanted.asn_clients.value_or(true);
  values.is_private = wanted.is_private.value_or(false);
  values.internet2 = wanted.internet2.value_or(false);
  values.internet2_clients = wanted.internet2_clients.value_or(false);
  values.admin_active = wanted.admin_active.value_or(true);
  values.user_active = wanted.user_active.value_or(true);
  add('+',
      fmt::format("{} (country {}, {} Mbit/s)", host.text(), shown(values.country),
                  *values.bandwidth),
      {{sql::mirrors_insert_host, values.behind(host.key({}))}});
}

void MirrorsPlanner::plan_host_row(const HostPlace& host) {
  const MirrorHost& wanted = host.wanted;
  const MirrorHost& present = *host.present;
  RowDifference difference;
  HostValues values;
  const bool same_country =
      wanted.country && present.country && *wanted.country == normal_country(*present.country);
  values.country =
      same_country ? present.country : difference.merge("country", wanted.country, present.country);
  values.bandwidth = difference.merge("bandwidth", wanted.bandwidth, present.bandwidth);
  values.asn = present.asn;
  if (wanted.asn == 0) {
    if (present.asn) values.asn = difference.change("asn", std::optional<int64_t>(), present.asn);
  } else {
    values.asn = difference.merge("asn", wanted.asn, present.asn);
  }
  values.asn_clients = difference.merge("asn_clients", wanted.asn_clients, present.asn_clients);
  values.is_private = difference.merge("private", wanted.is_private, present.is_private);
  values.internet2 = difference.merge("internet2", wanted.internet2, present.internet2);
  values.internet2_clients =
      difference.merge("internet2_clients", wanted.internet2_clients, present.internet2_clients);
  values.admin_active = difference.merge("admin_active", wanted.admin_active, present.admin_active);
  values.user_active = difference.merge("user_active", wanted.user_active, present.user_active);
  if (!difference.any()) return;
  add('~', fmt::format("{}: {}", host.text(), difference.text()),
      {{sql::mirrors_update_host, values.behind({present.id})}});
}

void MirrorsPlanner::plan_netblocks(const HostPlace& host) {
  const std::vector<std::string> none;
  const auto& present = host.present == nullptr ? none : *host.present->netblocks;
  for (const std::string& netblock : present) {
    if (contains(*host.wanted.netblocks, normal_netblock(netblock))) continue;
    remove(fmt::format("{}: netblock {}", host.text(), shown(netblock)),
           {{sql::mirrors_delete_netblock, {host.present->id, netblock}}});
  }
  std::set<std::string> known;
  for (const std::string& netblock : present) known.insert(normal_netblock(netblock));
  for (const std::string& netblock : *host.wanted.netblocks) {
    if (known.contains(netblock)) continue;
    add('+', fmt::format("{}: netblock {}", host.text(), shown(netblock)),
        {{sql::mirrors_insert_netblock, host.key({netblock})}});
  }
}

void MirrorsPlanner::plan_peer_asns(const HostPlace& host) {
  const std::vector<int64_t> none;
  const auto& present = host.present == nullptr ? none : *host.present->peer_asns;
  const auto& wanted = *host.wanted.peer_asns;
  for (const int64_t asn : present) {
    if (std::ranges::find(wanted, asn) != wanted.end()) continue;
    remove(fmt::format("{}: peer ASN {}", host.text(), asn),
           {{sql::mirrors_delete_peer_asn, {host.present->id, asn}}});
  }
  for (const int64_t asn : wanted) {
    if (std::ranges::find(present, asn) != present.end()) continue;
    add('+', fmt::format("{}: peer ASN {}", host.text(), asn),
        {{sql::mirrors_insert_peer_asn, host.key({asn})}});
  }
}

void MirrorsPlanner::plan_countries(const HostPlace& host) {
  std::set<std::string> present;
  if (host.present != nullptr) {
    for (const std::string& code : *host.present->countries_allowed)
      present.insert(normal_country(code));
  }
  for (const std::string& code : present) {
    if (contains(*host.wanted.countries_allowed, code)) continue;
    remove(fmt::format("{}: country allowed {}", host.text(), shown(code)),
           {{sql::mirrors_delete_country, {host.present->id, code}},
            {sql::mirrors_delete_country_allowed, {host.present->id, code}}});
  }
  for (const std::string& code : *host.wanted.countries_allowed) {
    need_country(code);
    if (present.contains(code)) continue;
    add('+', fmt::format("{}: country allowed {}", host.text(), shown(code)),
        {{sql::mirrors_insert_country_allowed, host.key({code})}});
  }
}

void MirrorsPlanner::plan_host_category(const HostPlace& host, const MirrorHostCategory& wanted) {
  if (named(wanted_.categories, wanted.name) == nullptr &&
      named(present_.categories, wanted.name) == nullptr) {
    return problem(wanted.line, "site.host.category.name",
                   fmt::format("there is no category {}: add a [[category]]", shown(wanted.name)));
  }
  const MirrorHostCategory* present =
      host.present == nullptr ? nullptr : named(host.present->categories, wanted.name);
  const std::string text = fmt::format("{}: category {}", host.text(), shown(wanted.name));
  if (present == nullptr) {
    const bool always = wanted.always_up_to_date.value_or(false);
    add('+', text + (always ? " (always up to date)" : ""),
        {{sql::mirrors_insert_host_category, host.key({wanted.name, always})}});
  } else {
    RowDifference difference;
    const auto always =
        difference.merge("always_up_to_date", wanted.always_up_to_date, present->always_up_to_date);
    if (difference.any()) {
      add('~', fmt::format("{}: {}", text, difference.text()),
          {{sql::mirrors_update_host_category, {present->id, owned(always)}}});
    }
  }
  if (wanted.urls) plan_urls(host, wanted, present);
}

void MirrorsPlanner::plan_urls(const HostPlace& host, const MirrorHostCategory& wanted,
                               const MirrorHostCategory* present) {
  const std::string text = fmt::format("{}: category {}: url", host.text(), shown(wanted.name));
  const auto privacy = [](bool is_private) { return is_private ? " (private)" : ""; };
  std::map<std::string, bool> wanted_urls;
  for (const MirrorUrl& url : *wanted.urls) wanted_urls[url.url] = url.is_private;
  std::set<std::string> known;
  if (present != nullptr) {
    for (const MirrorUrl& url : *present->urls) {
      const std::string normal = normal_url(url.url);
      known.insert(normal);
      const auto found = wanted_urls.find(normal);
      if (found == wanted_urls.end()) {
        removed_urls_.insert(normal);
        remove(fmt::format("{} {}{}", text, shown(url.url), privacy(url.is_private)),
               {{sql::mirrors_delete_url, {present->id, url.url}}});
      } else if (found->second != url.is_private) {
        add('~',
            fmt::format("{} {}: private {} -> {}", text, shown(url.url), url.is_private,
                        found->second),
            {{sql::mirrors_update_url, {present->id, url.url, found->second}}});
      }
    }
  }
  for (const MirrorUrl& url : *wanted.urls) {
    if (known.contains(url.url)) continue;
    added_urls_.push_back(url);
    add('+', fmt::format("{} {}{}", text, shown(url.url), privacy(url.is_private)),
        {{sql::mirrors_insert_url, host.key({wanted.name, url.url, url.is_private})}});
  }
}

// A URL belongs to one host only.
void MirrorsPlanner::check_urls() {
  if (added_urls_.empty()) return;
  std::map<std::string, std::string> owners;
  for (const MirrorSite& site : present_.sites) {
    for (const MirrorHost& host : site.hosts) {
      for (const MirrorHostCategory& category : host.categories) {
        for (const MirrorUrl& url : *category.urls) {
          owners[normal_url(url.url)] = fmt::format("{} / {}", shown(site.name), shown(host.name));
        }
      }
    }
  }
  for (const MirrorUrl& url : added_urls_) {
    const auto owner = owners.find(url.url);
    if (owner == owners.end() || removed_urls_.contains(url.url)) continue;
    problem(
        url.line, url.is_private ? "site.host.category.private_urls" : "site.host.category.urls",
        fmt::format("{} belongs to {} already: take it away there", shown(url.url), owner->second));
  }
}

void MirrorsPlanner::prune_sites() {
  for (const MirrorSite& site : present_.sites) {
    if (named(wanted_.sites, site.name) != nullptr) continue;
    for (const MirrorHost& host : site.hosts) remove_host(site, host);
    remove("site " + shown(site.name),
           {{sql::mirrors_delete_site_admins, {site.id}}, {sql::mirrors_delete_site, {site.id}}});
  }
}

void MirrorsPlanner::prune_hosts(const MirrorSite& wanted, const MirrorSite& present) {
  for (const MirrorHost& host : present.hosts) {
    const MirrorHost* kept = named(wanted.hosts, host.name);
    if (kept == nullptr) {
      remove_host(present, host);
      continue;
    }
    const std::string text = fmt::format("host {} / {}", shown(present.name), shown(host.name));
    for (const MirrorHostCategory& category : host.categories) {
      if (named(kept->categories, category.name) == nullptr) remove_host_category(text, category);
    }
  }
}

void MirrorsPlanner::remove_host(const MirrorSite& site, const MirrorHost& host) {
  const std::string text = fmt::format("host {} / {}", shown(site.name), shown(host.name));
  for (const MirrorHostCategory& category : host.categories) remove_host_category(text, category);
  std::vector<MirrorsStatement> statements;
  for (const std::string_view sql :
       {sql::mirrors_delete_host_acl_ips, sql::mirrors_delete_host_countries_allowed,
        sql::mirrors_delete_host_netblocks, sql::mirrors_delete_host_peer_asns,
        sql::mirrors_delete_host_locations, sql::mirrors_delete_host_countries,
        sql::mirrors_delete_host}) {
    statements.push_back({sql, {host.id}});
  }
  remove(text, std::move(statements));
}

void MirrorsPlanner::remove_host_category(const std::string& host,
                                          const MirrorHostCategory& category) {
  for (const MirrorUrl& url : *category.urls) removed_urls_.insert(normal_url(url.url));
  remove(
      fmt::format("{}: category {} (URLs: {})", host, shown(category.name), category.urls->size()),
      {{sql::mirrors_delete_host_category_urls, {category.id}},
       {sql::mirrors_delete_host_category_dirs, {category.id}},
       {sql::mirrors_delete_host_category, {category.id}}});
}

Value borrowed(const OwnedValue& value) {
  struct Visitor {
    Value operator()(std::monostate) const { return std::monostate{}; }
    Value operator()(bool flag) const { return flag; }
    Value operator()(int64_t number) const { return number; }
    Value operator()(const std::string& text) const { return std::string_view(text); }
  };
  return std::visit(Visitor{}, value);
}

}  // namespace

Result<MirrorsPlan> plan_mirrors(const MirrorsDocument& wanted, const MirrorsState& present,
                                 const MirrorsPlanOptions& options) {
  return MirrorsPlanner(wanted, present, options).run();
}

Result<void> apply_mirrors(Transaction& transaction, const MirrorsPlan& plan) {
  for (const MirrorsChange& change : plan) {
    for (const MirrorsStatement& statement : change.statements) {
      std::vector<Value> parameters;
      for (const OwnedValue& value : statement.parameters) parameters.push_back(borrowed(value));
      const auto changed = transaction.execute(statement.sql, parameters);
      if (!changed)
        return with_context(changed.error(), fmt::format("{} {}", change.sign, change.text));
    }
  }
  return {};
}

}  // namespace mirror

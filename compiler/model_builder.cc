// World -> SnapshotModel: sorts, numbers, interns and flattens. No rule of the database or of the
// cache is here.
#include <algorithm>
#include <numeric>
#include <ranges>
#include <utility>

#include "base/core/text.h"
#include "compiler/flatten.h"
#include "compiler/snapshot_model.h"
#include "compiler/text_rules.h"
#include "schema/snapshot/hash_index.h"
#include "schema/snapshot/rendering.h"

namespace mirror {
namespace {

uint32_t index_of(size_t value) { return static_cast<uint32_t>(value); }

fb::Span span_from(size_t begin, size_t end) { return {index_of(begin), index_of(end - begin)}; }

template <typename Value>
void sort_unique(std::vector<Value>& values) {
  std::ranges::sort(values);
  const auto rest = std::ranges::unique(values);
  values.erase(rest.begin(), rest.end());
}

void append_range(std::vector<fb::IpRange4>& ranges, const IpAddress& first, uint32_t value) {
  ranges.emplace_back(first.ipv4(), value);
}
void append_range(std::vector<fb::IpRange6>& ranges, const IpAddress& first, uint32_t value) {
  ranges.emplace_back(first.high, first.low, value, 0);
}

// The ranges of the values of the nodes; neighbours of equal value become one.
template <typename Range, typename ValueOf>
std::vector<Range> ranges_of(const Flattened& flattened, ValueOf value_of) {
  std::vector<Range> ranges;
  for (const auto& range : flattened.ranges) {
    const uint32_t value = range.node == kNone ? kNone : value_of(range.node);
    if (ranges.empty() || ranges.back().value() != value) append_range(ranges, range.first, value);
  }
  return ranges;
}

class ModelBuilder {
 public:
  ModelBuilder(World world, const ModelInputs& inputs)
      : world_(std::move(world)), inputs_(inputs) {}

  Result<SnapshotModel> run() {
    model_.created_at = inputs_.created_at;
    place_hosts();
    add_countries();
    add_hosts();
    add_directories();
    add_repositories();
    add_prefixes();
    add_netblocks();
    add_asns();
    add_netblock_countries();
    add_categories();
    MIRROR_CHECK(add_text());
    return std::move(model_);
  }

 private:
  fb::Text text(std::string_view value) {
    const uint32_t index = texts_.intern(value);
    return {index_of(texts_.offset(index)), index_of(value.size())};
  }
  // The escaped form of a text that is in the arena; mostly it is the same.
  fb::Text xml_text(std::string_view value, const fb::Text& plain) {
    const auto escaped = escape_xml(value);
    return escaped.size() == value.size() ? plain : text(escaped);
  }

  void place_hosts() {
    order_.resize(world_.hosts.size());
    std::iota(order_.begin(), order_.end(), 0);
    std::ranges::sort(order_, {}, [this](uint32_t host) { return world_.hosts[host].id; });
    place_of_.resize(order_.size());
    for (size_t place = 0; place < order_.size(); ++place)
      place_of_[order_[place]] = index_of(place);
  }

  // A country of the table may have its continent changed; one that is not in the table has none.
  std::optional<std::string> continent_of(const std::string& country) const {
    const auto found = inputs_.country_continents.find(country);
    if (found == inputs_.country_continents.end()) return std::nullopt;
    const auto redirect = world_.continent_redirects.find(country);
    return redirect == world_.continent_redirects.end() ? found->second : redirect->second;
  }

  void add_countries() {
    for (const auto& host : world_.hosts) {
      if (host.country) countries_.push_back(*host.country);
      countries_.insert(countries_.end(), host.allowed.begin(), host.allowed.end());
    }
    for (uint32_t i = 0; i < world_.countries.size(); ++i)
      countries_.emplace_back(world_.countries.text(i));
    for (const auto& row : world_.netblock_countries) countries_.push_back(row.country);
    for (const auto& [country, continent] : inputs_.country_continents)
      countries_.push_back(country);
    sort_unique(countries_);

    std::map<std::string, std::vector<uint32_t>> members;
    for (uint32_t i = 0; i < countries_.size(); ++i) {
      if (const auto continent = continent_of(countries_[i])) members[*continent].push_back(i);
    }
    std::vector<uint32_t> continents(countries_.size(), kNone);
    for (const auto& [name, countries] : members) {
      const size_t begin = model_.continent_members.size();
      for (const uint32_t country : countries)
        continents[country] = index_of(model_.continents.size());
      model_.continent_members.insert(model_.continent_members.end(), countries.begin(),
                                      countries.end());
      model_.continents.push_back(
          fb::Continent{text(name), span_from(begin, model_.continent_members.size())});
    }
    for (uint32_t i = 0; i < countries_.size(); ++i)
      model_.countries.emplace_back(text(countries_[i]), continents[i]);
  }

  uint32_t country_index(std::string_view name) const {
    const auto at = std::ranges::lower_bound(countries_, name, std::less<>());
    MIRROR_ASSERT(at != countries_.end() && *at == name);
    return index_of(static_cast<size_t>(at - countries_.begin()));
  }
  uint32_t country_index(const std::optional<std::string>& name) const {
    return name ? country_index(std::string_view(*name)) : kNone;
  }

  void add_hosts() {
    for (const uint32_t i : order_) {
      const auto& host = world_.hosts[i];
      std::vector<uint32_t> allowed;
      for (const auto& country : host.allowed)
        allowed.push_back(country_index(std::string_view(country)));
      sort_unique(allowed);
      const size_t begin = model_.allowed_countries.size();
      model_.allowed_countries.insert(model_.allowed_countries.end(), allowed.begin(),
                                      allowed.end());
      model_.hosts.emplace_back(host.weight, country_index(host.country),
                                span_from(begin, model_.allowed_countries.size()),
                                allowed.empty() ? 0 : 1);
      model_.host_infos.push_back(
          fb::HostInfo{host.id, text(host.name), text(host.site), host.flags, 0});
    }
  }

  // A Url belongs to a base and a country, so the set depends on whose it is.
  uint32_t url_set(uint32_t url_list, uint32_t world_host) {
    if (url_list == kNone) return kNone;
    const auto& country = world_.hosts[world_host].country;
    std::vector<uint32_t> run{country_index(country)};
    run.insert(run.end(), world_.url_lists[url_list].begin(), world_.url_lists[url_list].end());
    const uint32_t index = url_sets_.intern(run);
    if (index == model_.url_sets.size())
      add_url_set(std::span(run).subspan(1), country.value_or(""));
    return index;
  }

  void add_url_set(std::span<const uint32_t> bases, std::string_view country) {
    const size_t begin = model_.urls.size();
    uint32_t listable = kNone;
    uint32_t web = kNone;
    for (uint32_t place = 0; place < bases.size(); ++place) {
      const auto base = world_.urls.text(bases[place]);
      const auto scheme = scheme_of(base);
      const auto plain = text(base);
      model_.urls.push_back(fb::Url{plain, xml_text(base, plain),
                                    text(metalink_url_head(base, country)),
                                    static_cast<uint32_t>(scheme)});
      if (listable == kNone && is_listable(scheme)) listable = place;
      if (web == kNone && scheme <= UrlScheme::kHttp) web = place;
    }
    model_.url_sets.emplace_back(span_from(begin, model_.urls.size()), listable, web);
  }

  // The canonical form of a set: a numbering of its hosts, the global ones first.
  struct CanonicalSet {
    std::vector<fb::Carrier> carriers;
    uint32_t global_count = 0;
    std::map<uint32_t, std::vector<uint32_t>> groups;
  };

  CanonicalSet canonical(const WorldCarrierSet& set) {
    // Ordered by host; `global` decides about the part.
    struct Part {
      bool global = false;
      uint32_t url_set = kNone;
      bool has_urls = false;
    };
    std::map<uint32_t, Part> parts;
    for (const uint32_t host : set.global) parts[place_of_[host]].global = true;
    for (const auto& entry : set.urls) {
      auto& part = parts[place_of_[entry.host]];
      if (!part.has_urls) part.url_set = url_set(entry.url_list, entry.host);
      part.has_urls = true;
    }
    for (const auto& group : set.groups) {
      for (const uint32_t host : group.hosts) parts.try_emplace(place_of_[host]);
    }
    CanonicalSet result;
    std::map<uint32_t, uint32_t> places;
    for (const bool global : {true, false}) {
      for (const auto& [host, part] : parts) {
        if (part.global != global) continue;
        places[host] = index_of(result.carriers.size());
        result.carriers.emplace_back(host, part.url_set);
      }
      if (global) result.global_count = index_of(result.carriers.size());
    }
    for (const auto& group : set.groups) {
      auto& members = result.groups[country_index(world_.countries.text(group.country))];
      for (const uint32_t host : group.hosts) members.push_back(places[place_of_[host]]);
    }
    for (auto& [country, members] : result.groups) sort_unique(members);
    return result;
  }

  uint32_t carrier_set(uint32_t world_set) {
    carrier_set_of_.resize(world_.carrier_sets.size(), kNone);
    if (carrier_set_of_[world_set] != kNone) return carrier_set_of_[world_set];
    WorldCarrierSet decoded;
    decoded.decode(world_.carrier_sets[world_set]);
    const auto set = canonical(decoded);
    std::vector<uint32_t> run{index_of(set.carriers.size()), set.global_count};
    for (const auto& carrier : set.carriers)
      run.insert(run.end(), {carrier.host(), carrier.url_set()});
    for (const auto& [country, members] : set.groups) {
      run.insert(run.end(), {country, index_of(members.size())});
      run.insert(run.end(), members.begin(), members.end());
    }
    const uint32_t index = carrier_sets_.intern(run);
    if (index == model_.carrier_sets.size()) add_carrier_set(set);
    return carrier_set_of_[world_set] = index;
  }

  void add_carrier_set(const CanonicalSet& set) {
    const size_t carriers = model_.carriers.size();
    const size_t groups = model_.country_groups.size();
    model_.carriers.insert(model_.carriers.end(), set.carriers.begin(), set.carriers.end());
    for (const auto& [country, members] : set.groups) {
      const size_t begin = model_.group_members.size();
      model_.group_members.insert(model_.group_members.end(), members.begin(), members.end());
      model_.country_groups.emplace_back(country, span_from(begin, model_.group_members.size()));
    }
    model_.carrier_sets.emplace_back(span_from(carriers, model_.carriers.size()), set.global_count,
                                     span_from(groups, model_.country_groups.size()));
  }

  void add_directories() {
    std::ranges::sort(world_.directories, {}, &WorldDirectory::name);
    std::ranges::sort(world_.categories, {}, &WorldCategory::id);
    for (auto& directory : world_.directories) {
      const size_t begin = model_.files.size();
      std::ranges::sort(directory.files, {}, &WorldFile::name);
      for (const auto& file : directory.files) {
        const auto rendered =
            std::string_view(world_.blocks).substr(file.block_begin, file.block_size);
        model_.files.push_back(fb::File{text(file.name), block(rendered)});
      }
      const auto name = text(directory.name);
      // Mostly the subpath is the end of the name.
      const auto subpath =
          directory.name.ends_with(directory.subpath)
              ? fb::Text(name.offset() + name.size() - index_of(directory.subpath.size()),
                         index_of(directory.subpath.size()))
              : text(directory.subpath);
      model_.directories.push_back(fb::Directory{
          name, subpath, xml_text(directory.subpath, subpath), carrier_set(directory.carrier_set),
          category_index(directory.category), span_from(begin, model_.files.size())});
    }
    model_.directory_index = make_hash_index(world_.directories.size(), [this](size_t i) {
      return std::string_view(world_.directories[i].name);
    });
  }

  uint32_t category_index(int64_t id) const {
    const auto at = std::ranges::lower_bound(world_.categories, id, {}, &WorldCategory::id);
    if (at == world_.categories.end() || at->id != id) return kNone;
    return index_of(static_cast<size_t>(at - world_.categories.begin()));
  }

  uint32_t directory_index(std::string_view name) const {
    const auto at =
        std::ranges::lower_bound(world_.directories, name, std::less<>(), &WorldDirectory::name);
    if (at == world_.directories.end() || at->name != name) return kNone;
    return index_of(static_cast<size_t>(at - world_.directories.begin()));
  }

  void add_repositories() {
    auto& repositories = world_.repositories;
    std::ranges::sort(repositories, {}, &WorldRepository::key);
    for (const auto& repository : repositories) {
      const auto& directory = repository.directory;
      model_.repositories.emplace_back(text(repository.key), directory_index(directory),
                                       directory_index(metadata_directory(directory)));
    }
    const auto key_of = [&repositories](size_t i) { return std::string_view(repositories[i].key); };
    model_.repository_index = make_hash_index(repositories.size(), key_of);
    const auto list =
        render_repository_list(repositories | std::views::transform(&WorldRepository::key));
    model_.repository_list = block(list);
    model_.repository_list_comment = block(comment_safe(list));
  }

  // Texts with line feeds lie behind all others; add_text() knows from where on.
  fb::Text block(std::string_view value) {
    const size_t begin = blocks_.size();
    blocks_ += value;
    return {index_of(begin), index_of(value.size())};
  }

  void add_prefixes() {
    std::vector<std::string_view> names;
    for (const auto& [name, prefix] : world_.prefixes) {
      names.push_back(name);
      model_.prefixes.push_back(
          fb::Prefix{text(name), text(prefix.redirect), prefix.disabled ? 1u : 0u});
    }
    model_.prefix_index = make_hash_index(names.size(), [&names](size_t i) { return names[i]; });
  }

  void add_netblocks() {
    for (auto& netblock : world_.netblocks) netblock.host = place_of_[netblock.host];
    std::ranges::sort(world_.netblocks, {},
                      [](const WorldNetblock& n) { return std::pair(n.prefix, n.host); });
    model_.netblocks4 = netblock_ranges<fb::IpRange4>(IpAddress::Family::kIpv4);
    model_.netblocks6 = netblock_ranges<fb::IpRange6>(IpAddress::Family::kIpv6);
  }

  template <typename Range>
  std::vector<Range> netblock_ranges(IpAddress::Family family) {
    std::vector<IpPrefix> prefixes;
    std::vector<std::vector<uint32_t>> hosts;  // of each prefix
    for (const auto& netblock : world_.netblocks) {
      if (netblock.prefix.address.family != family) continue;
      if (prefixes.empty() || prefixes.back() != netblock.prefix) {
        prefixes.push_back(netblock.prefix);
        hosts.emplace_back();
      }
      if (hosts.back().empty() || hosts.back().back() != netblock.host)
        hosts.back().push_back(netblock.host);
    }
    const auto flattened = flatten(prefixes, family);
    return ranges_of<Range>(flattened, [&](uint32_t node) {
      std::vector<uint32_t> run;
      for (; node != kNone; node = flattened.parents[node]) {
        for (const uint32_t host : hosts[node])
          run.insert(run.end(), {host, uint32_t{prefixes[node].length}});
      }
      return netblock_list(run);
    });
  }

  uint32_t netblock_list(std::span<const uint32_t> run) {
    const uint32_t index = netblock_lists_.intern(run);
    if (index == model_.netblock_lists.size()) {
      const size_t begin = model_.netblock_matches.size();
      for (size_t i = 0; i < run.size(); i += 2)
        model_.netblock_matches.emplace_back(run[i], run[i + 1]);
      model_.netblock_lists.push_back(span_from(begin, model_.netblock_matches.size()));
    }
    return index;
  }

  void add_asns() {
    std::map<int64_t, uint32_t> groups;
    for (auto& [asn, hosts] : world_.asns) {
      for (uint32_t& host : hosts) host = place_of_[host];
      sort_unique(hosts);
      const size_t begin = model_.asn_hosts.size();
      model_.asn_hosts.insert(model_.asn_hosts.end(), hosts.begin(), hosts.end());
      groups[asn] = index_of(model_.asn_groups.size());
      model_.asn_groups.emplace_back(asn, span_from(begin, model_.asn_hosts.size()));
    }
    model_.asns4 = asn_ranges<fb::IpRange4>(IpAddress::Family::kIpv4, groups);
    model_.asns6 = asn_ranges<fb::IpRange6>(IpAddress::Family::kIpv6, groups);
  }

  template <typename Range>
  std::vector<Range> asn_ranges(IpAddress::Family family,
                                const std::map<int64_t, uint32_t>& groups) const {
    std::vector<IpPrefix> prefixes;
    std::vector<uint32_t> values;
    for (const auto& entry : inputs_.prefix_asns) {
      if (entry.prefix.address.family != family) continue;
      const auto group = entry.known ? groups.find(entry.asn) : groups.end();
      prefixes.push_back(entry.prefix);
      values.push_back(group == groups.end() ? kNone : group->second);
    }
    return ranges_of<Range>(flatten(prefixes, family),
                            [&values](uint32_t node) { return values[node]; });
  }

  void add_netblock_countries() {
    auto& rows = world_.netblock_countries;
    // Stable, so that of equal prefixes the first row stays the first.
    std::ranges::stable_sort(rows, {}, &WorldNetblockCountry::prefix);
    const auto rest = std::ranges::unique(rows, {}, &WorldNetblockCountry::prefix);
    rows.erase(rest.begin(), rest.end());
    model_.netblock_countries4 = netblock_country_ranges<fb::IpRange4>(IpAddress::Family::kIpv4);
    model_.netblock_countries6 = netblock_country_ranges<fb::IpRange6>(IpAddress::Family::kIpv6);
  }

  template <typename Range>
  std::vector<Range> netblock_country_ranges(IpAddress::Family family) const {
    std::vector<IpPrefix> prefixes;
    std::vector<uint32_t> values;
    for (const auto& row : world_.netblock_countries) {
      if (row.prefix.address.family != family) continue;
      prefixes.push_back(row.prefix);
      values.push_back(country_index(std::string_view(row.country)));
    }
    return ranges_of<Range>(flatten(prefixes, family),
                            [&values](uint32_t node) { return values[node]; });
  }

  void add_categories() {
    for (auto& category : world_.categories) {
      for (auto& entry : category.hosts) entry.url_list = url_set(entry.url_list, entry.host);
      std::ranges::sort(category.hosts, {},
                        [this](const auto& entry) { return place_of_[entry.host]; });
      const size_t begin = model_.category_hosts.size();
      for (const auto& entry : category.hosts) {
        model_.category_hosts.emplace_back(place_of_[entry.host], entry.url_list,
                                           entry.always_up2date ? 1 : 0);
      }
      model_.categories.push_back(fb::Category{category.id, text(category.name),
                                               text(category.product), text(category.topdir),
                                               span_from(begin, model_.category_hosts.size())});
    }
  }

  Result<void> add_text() {
    const auto lines = texts_.buffer();
    const uint64_t size = uint64_t{lines.size()} + blocks_.size();
    if (size > kSnapshotSizeMax) {
      return fail(ErrorKind::kLimit, "{} bytes of text are more than a snapshot can hold ({})",
                  size, kSnapshotSizeMax);
    }
    const auto shift = [base = index_of(lines.size())](const fb::Text& text) {
      return fb::Text(text.offset() + base, text.size());
    };
    for (auto& file : model_.files) file = fb::File(file.name(), shift(file.block()));
    model_.repository_list = shift(model_.repository_list);
    model_.repository_list_comment = shift(model_.repository_list_comment);
    model_.text.reserve(size);
    model_.text.append(lines.data(), lines.size()).append(blocks_);
    return {};
  }

  World world_;
  const ModelInputs& inputs_;
  SnapshotModel model_;
  std::vector<uint32_t> order_;           // final place -> world host
  std::vector<uint32_t> place_of_;        // world host -> final place
  std::vector<std::string> countries_;    // final order
  std::vector<uint32_t> carrier_set_of_;  // world set -> final set
  Interner<char> texts_;
  std::string blocks_;
  Interner<uint32_t> url_sets_, carrier_sets_, netblock_lists_;
};

}  // namespace

Result<SnapshotModel> build_model(World world, const ModelInputs& inputs) {
  return ModelBuilder(std::move(world), inputs).run();
}

}  // namespace mirror

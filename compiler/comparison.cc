#include "compiler/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/core/text.h"

namespace mirror {
namespace {

std::span<const fb::Carrier> carriers_of(const SnapshotView& view, uint32_t set) {
  if (set == kNone) return {};
  return SnapshotView::part(view.carriers, view.carrier_sets[set].carriers());
}

IpAddress first_of(const fb::IpRange4& range) { return IpAddress::from_ipv4(range.first()); }
IpAddress first_of(const fb::IpRange6& range) {
  return IpAddress::from_ipv6(range.first_high(), range.first_low());
}

// The prefix of the same length behind this one; none at the end of the address space.
std::optional<IpPrefix> next_prefix(const IpPrefix& prefix) {
  IpAddress address = prefix.last();
  if (address.is_ipv4() && address.ipv4() == UINT32_MAX) return std::nullopt;
  if (++address.low == 0 && ++address.high == 0) return std::nullopt;
  return IpPrefix::of(address, prefix.length);
}

// Tells each prefix in the range in which it begins. A range may hold several of one host and one
// length: neighbours that are equal have become one range.
template <typename Range>
void add_netblocks(const SnapshotView& view, std::span<const Range> ranges,
                   std::vector<HostNetblock>& out) {
  // Far more than any database has, and some 40 MB; what a hostile file holds beyond is not
  // counted.
  uint64_t steps_left = 1'000'000;
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].value() == kNone) continue;
    const IpAddress first = first_of(ranges[i]);
    const bool is_last = i + 1 == ranges.size();
    for (const fb::NetblockMatch& match :
         SnapshotView::part(view.netblock_matches, view.netblock_lists[ranges[i].value()])) {
      if (match.prefix_length() > static_cast<uint32_t>(first.bit_count())) continue;
      std::optional<IpPrefix> prefix = IpPrefix::of(first, static_cast<int>(match.prefix_length()));
      if (prefix->first() != first) prefix = next_prefix(*prefix);
      while (prefix && (is_last || prefix->first() < first_of(ranges[i + 1]))) {
        out.push_back({*prefix, view.host_infos[match.host()].id()});
        prefix = next_prefix(*prefix);
        if (steps_left-- == 0) return;
      }
      if (steps_left-- == 0) return;
    }
  }
}

template <typename Value>
void sort_unique(std::vector<Value>& values) {
  std::ranges::sort(values);
  const auto rest = std::ranges::unique(values);
  values.erase(rest.begin(), rest.end());
}

// The sets of URLs of each host. A set belongs to one host as a rule, so that it is added once.
class UrlSetsOfHosts {
 public:
  explicit UrlSetsOfHosts(const SnapshotView& view)
      : sets_(view.hosts.size()), owner_(view.url_sets.size(), kNone) {}

  void add(uint32_t host, uint32_t url_set) {
    if (url_set == kNone || owner_[url_set] == host) return;
    if (owner_[url_set] == kNone) owner_[url_set] = host;
    auto& sets = sets_[host];
    if (sets.empty() || sets.back() != url_set) sets.push_back(url_set);
  }
  [[nodiscard]] std::vector<std::vector<uint32_t>>& sets() { return sets_; }

 private:
  std::vector<std::vector<uint32_t>> sets_;
  std::vector<uint32_t> owner_;
};

}  // namespace

std::string host_label(const SnapshotView& view, uint32_t host) {
  const fb::HostInfo& info = view.host_infos[host];
  if (info.name().size() == 0) return fmt::format("host {}", info.id());
  return fmt::format("{} (id {})", quote_for_message(view.text(info.name())), info.id());
}

std::vector<std::vector<std::string_view>> urls_of_hosts(const SnapshotView& view, UrlsOf which) {
  UrlSetsOfHosts found(view);
  for (const fb::Carrier& carrier : view.carriers) found.add(carrier.host(), carrier.url_set());
  if (which == UrlsOf::kAll) {
    for (const fb::CategoryHost& entry : view.category_hosts)
      found.add(entry.host(), entry.url_set());
  }
  std::vector<std::vector<std::string_view>> urls(view.hosts.size());
  for (size_t host = 0; host < urls.size(); ++host) {
    auto& sets = found.sets()[host];
    sort_unique(sets);
    for (const uint32_t set : sets) {
      for (const fb::Url& url : SnapshotView::part(view.urls, view.url_sets[set].urls()))
        urls[host].push_back(view.text(url.base()));
    }
    sort_unique(urls[host]);
  }
  return urls;
}

std::vector<HostNetblock> netblocks_of(const SnapshotView& view) {
  std::vector<HostNetblock> netblocks;
  add_netblocks(view, view.netblocks4, netblocks);
  add_netblocks(view, view.netblocks6, netblocks);
  sort_unique(netblocks);
  return netblocks;
}

std::vector<KnownAsn> asns_of(const SnapshotView& view) {
  std::vector<uint64_t> ranges(view.asn_groups.size());
  const auto count = [&ranges](const auto& all) {
    for (const auto& range : all) {
      if (range.value() != kNone) ++ranges[range.value()];
    }
  };
  count(view.asns4);
  count(view.asns6);
  std::vector<KnownAsn> asns;
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i] > 0) asns.push_back({view.asn_groups[i].asn(), ranges[i]});
  }
  return asns;
}

bool is_listable(const SnapshotView& view, const fb::Carrier& carrier) {
  return carrier.url_set() != kNone && view.url_sets[carrier.url_set()].first_listable() != kNone;
}

bool is_for_everybody(const SnapshotView& view, const fb::CarrierSet& set, uint32_t carrier) {
  const fb::Carrier& mirror = SnapshotView::part(view.carriers, set.carriers())[carrier];
  return carrier < set.global_count() && is_listable(view, mirror) &&
         view.hosts[mirror.host()].restricted() == 0;
}

CarrierComparison::CarrierComparison(const SnapshotView& before, const SnapshotView& after)
    : before_(before),
      after_(after),
      after_of_(before.hosts.size(), kNone),
      marks_(after.hosts.size()) {
  align_views(
      before, after, &SnapshotView::host_infos,
      [](const SnapshotView&, const fb::HostInfo& info) { return info.id(); },
      [this](uint32_t i, uint32_t j) {
        if (i != kNone) after_of_[i] = j;
      });
}

CarrierComparison::Counts CarrierComparison::compare(uint32_t set_before, uint32_t set_after) {
  const auto [at, is_new] = known_.try_emplace({set_before, set_after});
  if (is_new) at->second = count(set_before, set_after);
  return at->second;
}

CarrierComparison::Counts CarrierComparison::count(uint32_t set_before, uint32_t set_after) {
  Counts counted;
  ++stamp_;
  const auto after = carriers_of(after_, set_after);
  for (uint32_t i = 0; i < after.size(); ++i) {
    if (!is_listable(after_, after[i])) continue;
    Mark& mark = marks_[after[i].host()];
    ++counted.after;
    mark.met_in = stamp_;
    if (!is_for_everybody(after_, after_.carrier_sets[set_after], i)) continue;
    ++counted.everybody_after;
    mark.for_everybody_in = stamp_;
  }
  const auto before = carriers_of(before_, set_before);
  for (uint32_t i = 0; i < before.size(); ++i) {
    if (!is_listable(before_, before[i])) continue;
    ++counted.before;
    const bool for_everybody = is_for_everybody(before_, before_.carrier_sets[set_before], i);
    counted.everybody_before += for_everybody ? 1 : 0;
    const uint32_t host = after_of_[before[i].host()];
    if (host == kNone || marks_[host].met_in != stamp_) {
      ++counted.gone;
    } else if (for_everybody && marks_[host].for_everybody_in != stamp_) {
      ++counted.hidden;
    }
  }
  return counted;
}

}  // namespace mirror

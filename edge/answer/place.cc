#include "edge/answer/place.h"

#include <optional>

#include "base/core/text.h"
#include "edge/answer/limits.h"

namespace mirror {

uint32_t find_country_any_case(const SnapshotView& view, std::string_view name) {
  char upper[64];
  if (name.size() > sizeof upper) return kNone;
  for (size_t i = 0; i < name.size(); ++i) upper[i] = upper_ascii(name[i]);
  return view.find_country({upper, name.size()});
}

tl::expected<IpAddress, Refusal> choose_client(const Question& question, const IpAddress& asker,
                                               bool ip_parameter) {
  if (!ip_parameter || question.ip.empty()) return asker.unmapped();
  const auto asked = IpAddress::parse(question.ip);
  if (asked) return asked->unmapped();
  return tl::unexpected(Refusal{Refusal::Reason::kBadClientAddress, question.ip, {}});
}

void Locator::adopt(const SnapshotView& view, const GeoDatabase* geo) {
  view_ = &view;
  geo_ = geo;
  countries_.fill({});
}

// No record of a file has the number that stands for none.
static_assert(kGeoFileSizeMax < kNone);

const Locator::Country& Locator::geo_country(const IpAddress& client) {
  const auto record = geo_ == nullptr ? std::nullopt : geo_->find(client);
  const uint64_t key = uint64_t{record.value_or(kNone)} + 1;
  // Multiplicative hashing (Knuth, The Art of Computer Programming, section 6.4).
  Country& held = countries_[static_cast<uint32_t>(key * 0x9e3779b1) >> (32 - kCountryBits)];
  if (held.record == key) return held;
  held = {key, kNone, record ? geo_->country_of(*record) : std::string_view()};
  // Also for "N/A": a mirror may allow clients in no country by that name.
  held.index = find_country_any_case(*view_, held.name.empty() ? Place().country : held.name);
  return held;
}

Place Locator::locate(const IpAddress& client, bool use_networks) {
  const SnapshotView& view = *view_;
  Place place;
  place.client = client;
  if (use_networks) {
    const uint32_t list = SnapshotView::find_range(view.netblocks4, view.netblocks6, client);
    if (list != kNone) {
      place.netblocks = SnapshotView::part(view.netblock_matches, view.netblock_lists[list]);
    }
    const uint32_t group = SnapshotView::find_range(view.asns4, view.asns6, client);
    if (group != kNone) place.as_group = &view.asn_groups[group];
  }
  place.country_index =
      SnapshotView::find_range(view.netblock_countries4, view.netblock_countries6, client);
  if (place.country_index != kNone) {
    place.country = view.text(view.countries[place.country_index].name());
    place.country_source = CountrySource::kNetblockTable;
    return place;
  }
  const Country& country = geo_country(client);
  if (!country.name.empty()) {
    place.country = country.name;
    place.country_source = CountrySource::kGeoIp;
  }
  place.country_index = country.index;
  return place;
}

}  // namespace mirror

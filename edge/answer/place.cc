#include "edge/answer/place.h"

#include "base/core/text.h"

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

Place locate(const SnapshotView& view, const GeoDatabase* geo, const IpAddress& client,
             bool use_networks) {
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
  const std::string_view found = geo == nullptr ? std::string_view() : geo->country(client);
  if (!found.empty()) {
    place.country = found;
    place.country_source = CountrySource::kGeoIp;
  }
  // Also for "N/A": a mirror may allow clients in no country by that name.
  place.country_index = find_country_any_case(view, place.country);
  return place;
}

}  // namespace mirror

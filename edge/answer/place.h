// Where a client is: its country, and which mirrors claim its network. One search each in sorted
// ranges.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/core/ip.h"
#include "edge/answer/geo_database.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct Place {
  IpAddress client;                  // unmapped
  std::string_view country = "N/A";  // as its source has it
  uint32_t country_index = kNone;    // SnapshotView::countries; kNone if no mirror data name it
  std::span<const fb::NetblockMatch> netblocks;  // longest prefix first
  const fb::AsnGroup* as_group = nullptr;
};

// `client` must be unmapped; `geo` may be null. Without `use_networks` netblocks and as_group stay
// empty. The country is that of the operators' netblock table, else GeoIP's.
[[nodiscard]] Place locate(const SnapshotView& view, const GeoDatabase* geo,
                           const IpAddress& client, bool use_networks);

// find_country of the name in upper case; kNone also for names longer than any country's.
[[nodiscard]] uint32_t find_country_any_case(const SnapshotView& view, std::string_view name);

}  // namespace mirror

// Where a client is: its country, and which mirrors claim its network. One search each in sorted
// ranges, and one in the tree of the GeoIP database.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tl/expected.hpp>

#include "base/core/ip.h"
#include "edge/answer/geo_database.h"
#include "edge/answer/question.h"
#include "edge/answer/refusal.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// Who says in which country a client is.
enum class CountrySource : uint8_t { kNobody, kNetblockTable, kGeoIp };

struct Place {
  IpAddress client;                  // unmapped
  std::string_view country = "N/A";  // as its source has it
  uint32_t country_index = kNone;    // SnapshotView::countries; kNone if no mirror data name it
  CountrySource country_source = CountrySource::kNobody;
  std::span<const fb::NetblockMatch> netblocks;  // longest prefix first
  const fb::AsnGroup* as_group = nullptr;
};

// Whose place counts: the address in ip=, if there is one and it is honoured, else who asks;
// unmapped.
[[nodiscard]] tl::expected<IpAddress, Refusal> choose_client(const Question& question,
                                                             const IpAddress& asker,
                                                             bool ip_parameter);

// Finds places by a snapshot and a GeoIP database. Remembers the countries of records that it has
// decoded: an ordinary database has some 250 of them, and to decode one takes as long as to find
// it. Does not allocate. For one thread.
class Locator {
 public:
  // Both must outlive the use of the object, and of the places that it has found; `geo` may be
  // null. What was remembered is forgotten.
  void adopt(const SnapshotView& view, const GeoDatabase* geo);

  // REQUIRES: adopt() was called; `client` is unmapped. Without `use_networks` netblocks and
  // as_group stay empty. The country is that of the operators' netblock table, else GeoIP's.
  [[nodiscard]] Place locate(const IpAddress& client, bool use_networks);

 private:
  struct Country {
    // As GeoDatabase::find() has it (kNone: no record holds), and one more; 0: nothing is held
    // here.
    uint64_t record = 0;
    uint32_t index = kNone;  // as Place has it
    std::string_view name;
  };
  // Four times as many as are usual, so that few share a place.
  static constexpr int kCountryBits = 10;

  // The one that GeoIP says; its name is "" if there is none.
  [[nodiscard]] const Country& geo_country(const IpAddress& client);

  const SnapshotView* view_ = nullptr;
  const GeoDatabase* geo_ = nullptr;
  std::array<Country, size_t{1} << kCountryBits> countries_{};
};

// Whether a mirror serves the client: it may restrict the countries of its clients.
[[nodiscard]] inline bool allows_client(const SnapshotView& view, const fb::Host& host,
                                        const Place& place) {
  if (host.restricted() == 0) return true;
  const auto allowed = SnapshotView::part(view.allowed_countries, host.allowed());
  return place.country_index != kNone &&
         std::binary_search(allowed.begin(), allowed.end(), place.country_index);
}

// find_country of the name in upper case; kNone also for names longer than any country's.
[[nodiscard]] uint32_t find_country_any_case(const SnapshotView& view, std::string_view name);

}  // namespace mirror

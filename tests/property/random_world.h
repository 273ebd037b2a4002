// Small random worlds, full of everything that real databases hold and nobody expects, and
// questions that hit them. The same seed gives the same world and the same questions. Rows keep the
// keys and the NOT NULLs of MirrorManager2's schema, so that either engine takes them; a drifted
// world also holds what only a database without these constraints takes. odd_rows.h lists what
// there is.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "schema/database/rows.h"
#include "tests/property/naive_client.h"
#include "tests/property/oracle.h"

namespace mirror {

struct RandomWorld {
  DatabaseRows rows;
  bool drifted = false;
  std::vector<HostCategoryDirRow> stale_dirs;  // rows with up2date = false, which must not count
  std::string country_continent_csv;
  std::string global_netblocks;
  std::vector<std::pair<IpPrefix, std::string>> geo;  // records of a GeoIP database
  OracleNames names;                                  // what the resolver answers
  uint32_t minimum = 5;
  bool ip_parameter = true;
};

[[nodiscard]] RandomWorld make_random_world(uint64_t seed, bool drifted = false);

// Whether a test that takes drifted worlds should make one of this seed.
[[nodiscard]] constexpr bool is_drifted_seed(uint64_t seed) { return seed % 4 == 0; }

struct RandomQuestion {
  std::string target;
  NaiveClient asker;
  bool bad_text = false;  // holds bytes that must never be echoed
};

[[nodiscard]] std::vector<RandomQuestion> make_random_questions(const RandomWorld& world,
                                                                uint64_t seed, size_t count);

// The country of the longest record that holds the address, "" if none does.
[[nodiscard]] std::string geo_country(const RandomWorld& world, const IpAddress& address);

}  // namespace mirror

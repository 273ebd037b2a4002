// Writes MaxMind DB files (https://maxmind.github.io/MaxMind-DB/, version 2.0), so that a test can
// make a GeoIP database of its own.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/core/ip.h"

namespace mirror {

// The bytes of an IPv6 database with the IPv4 tree at ::/96. A record holds country.iso_code; an
// empty country gives a record without one. More specific prefixes win; of equal ones the last.
[[nodiscard]] std::string make_geo_file(std::vector<std::pair<IpPrefix, std::string>> records);

}  // namespace mirror

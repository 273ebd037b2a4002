#include "tests/property/geo_file.h"

#include <algorithm>

#include "tests/unit/answer/mmdb_writer.h"

namespace mirror {

std::string make_geo_file(std::vector<std::pair<IpPrefix, std::string>> records) {
  // An IPv4 prefix lies 96 bits deeper in the tree than its length says.
  const auto depth = [](const IpPrefix& prefix) {
    return prefix.length + (prefix.address.is_ipv4() ? 96 : 0);
  };
  std::stable_sort(records.begin(), records.end(),
                   [&](const auto& a, const auto& b) { return depth(a.first) < depth(b.first); });
  MmdbWriter writer(6);
  for (const auto& [prefix, country] : records) {
    if (country.empty()) {
      writer.add_registered_only(prefix.to_string(), "XX");
    } else {
      writer.add(prefix.to_string(), country);
    }
  }
  return writer.bytes();
}

}  // namespace mirror

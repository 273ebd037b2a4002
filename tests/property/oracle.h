// An independent reading of the specification: answers a question straight from database rows and
// the companion files, by the most naive code that is obviously right. It shares nothing with
// compiler/ and edge/ but the row structs and base/core/, is slow on purpose, and says every
// permitted answer at once: hosts come in groups, and inside a group in any order. Numbers like 5.7
// are sections of compiler-inputs or edge-protocol, Q-nn and C-nn their quirks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/ip.h"
#include "schema/database/rows.h"

namespace mirror {

using OracleNames = std::map<std::string, std::vector<IpAddress>>;

// All that an answer depends on, apart from the question. Borrows the rows.
struct OracleWorld {
  const DatabaseRows* rows = nullptr;
  std::string country_continent_csv, global_netblocks;
  // The country that the GeoIP database has for an unmapped address, "" if none. May be empty.
  std::function<std::string(const IpAddress&)> geo_country;
  OracleNames names;  // DNS names in host_netblock; others do not resolve
  uint64_t created_at = 0;
  uint32_t minimum = 5;
  bool ip_parameter = true;
};

struct OracleQuestion {
  std::string target;
  IpAddress client;  // who asks, if there is no ip=
  int64_t now_unix = 0;
};

struct OracleHost {
  int64_t id = 0;
  std::string country;
  bool is_private = false;
  std::vector<std::string> urls;  // complete, unescaped, in the order in which they must appear
};

enum class OracleGroupKind { kNetblock, kAsn, kCountry, kGeoIp, kContinent, kGlobal };
struct OracleGroup {
  OracleGroupKind kind = OracleGroupKind::kGlobal;
  std::vector<OracleHost> hosts;  // in any order
};

// A whole answer is `text` exactly, or one of `locations`, or `head`, the groups, and `tail`.
struct OracleAnswer {
  int status = 200;
  bool metalink_type = false;  // application/metalink+xml, otherwise text/plain
  std::optional<std::string> text;
  std::vector<std::string> locations;  // what a redirect may point to, unescaped
  std::string head, tail;              // what stands before the first and after the last URL
  std::vector<OracleGroup> groups;     // in the order in which they must appear; no empty ones
  std::vector<std::string> log;        // address, country, repo, arch; or empty: no line
};

[[nodiscard]] OracleAnswer oracle_answer(const OracleWorld& world, const OracleQuestion& question);

// Parts that properties test on their own. 5.6; names resolve only if `names` is given:
[[nodiscard]] std::vector<IpPrefix> oracle_prefixes(std::string_view text,
                                                    const OracleNames* names);
// Hosts by the length of the longest of their netblocks that holds the address:
[[nodiscard]] std::map<int64_t, int> oracle_hosts(const OracleWorld& world,
                                                  const IpAddress& client);
[[nodiscard]] std::string oracle_country(const OracleWorld& world, const IpAddress& client);
[[nodiscard]] std::optional<int64_t> oracle_asn(const OracleWorld& world, const IpAddress& client);

}  // namespace mirror

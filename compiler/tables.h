// The two text files beside the database: which AS announces a prefix, and on which continent a
// country lies. Both are read line by line with bounded memory a line; bad lines are left out and
// counted, the first ones named as FILE:LINE.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "base/core/ip.h"
#include "compiler/diagnostics.h"

namespace mirror {

// `PREFIX/LEN ASN [ignored...]` lines, as mirrorlist-server's global_netblocks.txt.
struct PrefixAsn {
  IpPrefix prefix;
  int64_t asn = 0;
  bool known = true;  // false: the column is no number, so the prefix only shadows larger ones
};
// Ascending, each prefix once (the last line wins).
using PrefixAsnTable = std::vector<PrefixAsn>;
[[nodiscard]] PrefixAsnTable parse_prefix_asns(std::string_view text, std::string_view file,
                                               Diagnostics& diagnostics);
[[nodiscard]] Result<PrefixAsnTable> read_prefix_asns(const std::string& path,
                                                      Diagnostics& diagnostics);

// `CC,CONTINENT[,ignored...]` lines; the last line of a country wins. Country -> continent,
// upper-case.
using CountryContinents = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] CountryContinents parse_country_continents(std::string_view text,
                                                         std::string_view file,
                                                         Diagnostics& diagnostics);
[[nodiscard]] Result<CountryContinents> read_country_continents(const std::string& path,
                                                                Diagnostics& diagnostics);
// The table that this build ships: the codes of ISO 3166-1 alpha-2 and XK, on the continents that
// country_continent.csv tells about.
[[nodiscard]] CountryContinents default_country_continents();

}  // namespace mirror

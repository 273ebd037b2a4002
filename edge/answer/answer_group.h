// How answers are counted: by what was asked for, and by the group that gave the first mirror.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mirror {

enum class AnswerGroup : uint8_t {
  kNoMirror,
  kNetblock,
  kAsn,
  kCountry,
  kGeoIp,
  kContinent,
  kGlobal
};

inline constexpr size_t kAnswerGroups = 7;
// Stable words for programs, in the order of AnswerGroup.
inline constexpr std::array<std::string_view, kAnswerGroups> kAnswerGroupNames = {
    "none", "netblock", "asn", "country", "geoip", "continent", "global"};
[[nodiscard]] constexpr std::string_view code_of(AnswerGroup group) {
  return kAnswerGroupNames[static_cast<size_t>(group)];
}

enum class AnsweredResource : uint8_t {
  kUnknown,  // the target names neither of the two
  kMirrorlist,
  kMetalink
};

}  // namespace mirror

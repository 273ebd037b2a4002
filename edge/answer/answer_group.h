// How answers are counted: by what was asked for, and by the group that gave the first mirror.
#pragma once

#include <cstddef>
#include <cstdint>

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

enum class AnsweredResource : uint8_t {
  kUnknown,  // the target names neither of the two
  kMirrorlist,
  kMetalink
};

}  // namespace mirror

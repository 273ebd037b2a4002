// Which group gave the first mirror of an answer; for metrics.
#pragma once

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

}  // namespace mirror

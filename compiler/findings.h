// What is suspicious in a world that was read without a fault: mirrors that nobody is sent to,
// repositories that nobody carries, networks that capture too much. A pure function of the world,
// so that a database and a cache file are judged alike; rows that could not be used are
// Diagnostics.
//
// Memory is bounded: of each kind of finding the count and the first few examples are kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/tables.h"
#include "compiler/world.h"

namespace mirror {

enum class Severity : uint8_t {
  kNote,     // may well be meant
  kWarning,  // somebody's mirror, or row, does not do what its people think
  kError,    // clients get an answer without mirrors, or none
};
[[nodiscard]] std::string_view name_of(Severity severity);  // "note", "warning", "error"

// The widest netblocks that are no finding. An IPv4 /12 are a million addresses, the size of a
// large provider. Registries give a provider an IPv6 /32 to /29, and more than a /24 only to the
// few that serve a nation.
inline constexpr int kNetblockLengthMin4 = 12;
inline constexpr int kNetblockLengthMin6 = 24;

struct Finding {
  std::string code;  // a stable word for programs; words are only ever added
  Severity severity = Severity::kNote;
  std::string what;    // for people, without a full stop
  std::string remedy;  // likewise
  uint64_t count = 0;
  std::vector<std::string> examples;  // whom it concerns, with names and ids; quoted
};

// The worst first; within a severity always in the same order.
[[nodiscard]] std::vector<Finding> find_suspicious(const World& world,
                                                   const CountryContinents& country_continents,
                                                   size_t examples_max);

}  // namespace mirror

// The register of odd rows: each kind that the specification of the compiler's inputs names, by its
// number there, and how often a random world holds it. A kind that no world holds proves nothing.
#pragma once

#include <cstddef>
#include <span>

#include "tests/property/random_world.h"

namespace mirror {

struct OddKind {
  const char* quirk;  // C-NN, or the section of the specification
  const char* what;
  size_t (*count)(const RandomWorld& world);
};

[[nodiscard]] std::span<const OddKind> odd_kinds();

}  // namespace mirror

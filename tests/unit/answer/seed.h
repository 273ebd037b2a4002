// The seed of a random test: printed, and taken from the environment variable MIRROR_SEED if it is
// set.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "base/core/random.h"

namespace mirror {

inline uint64_t test_seed() {
  const char* text = std::getenv("MIRROR_SEED");
  const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : Random::system_seed();
  std::cout << "MIRROR_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace mirror

// Random order of mirrors as sorting of 64-bit keys: the high 32 bits decide, the low 32 bits are
// the payload.
//
// A weighted draw without replacement is the order of -ln(U)/weight, ascending, with one uniform U
// an element (Efraimidis and Spirakis, Information Processing Letters 97 (2006), in the form of
// exponential clocks). The clock is rounded to a float, whose bits, read as an unsigned number,
// have the same order as its value.
//
// Error: U has 32 bits and is never 0 or 1; the logarithm's relative error is below 9e-8
// (weighted_order.cc), the float's below 6e-8. A mirror's probability to come first is off by a
// relative 2e-7 at most, which a chi-square test could see after some 10^13 answers.
#pragma once

#include <cstdint>
#include <span>

#include "base/core/random.h"

namespace mirror {

// -ln((bits + 1/2) / 2^32), > 0.
[[nodiscard]] double exponential_of(uint32_t bits);

// Each element holds its weight (> 0) in the high 32 bits; afterwards a key that orders by weighted
// draw.
void draw_weighted(std::span<uint64_t> elements, Random& random);
// The same keys, as a processor without AVX2 makes them; for tests.
void draw_weighted_plainly(std::span<uint64_t> elements, Random& random);
// The element that would come first after draw_weighted(), drawn without the others: each with its
// share of the whole weight. REQUIRES: there is one.
[[nodiscard]] uint64_t draw_first(std::span<const uint64_t> elements, Random& random);
// Each element's high 32 bits are overwritten by a random number.
void draw_uniform(std::span<uint64_t> elements, Random& random);

// Ascending. `scratch` has at least as many elements. Does not allocate.
void sort_keys(std::span<uint64_t> keys, std::span<uint64_t> scratch);

}  // namespace mirror

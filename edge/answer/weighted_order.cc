#include "edge/answer/weighted_order.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/core/assert.h"

namespace mirror {
namespace {

constexpr uint64_t kPayload = 0xffffffff;

// Up to here sorting by insertion is faster than counting.
constexpr size_t kInsertionMax = 20;
// Beyond this the buckets of one counting pass would become too long for insertion.
constexpr size_t kCountingMax = 2048;
constexpr size_t kBuckets = 256;

// ln(x) for a positive normal x. With x = 2^k m, m in [sqrt(1/2), sqrt(2)), and s = (m - 1)/(m +
// 1): ln x = k ln 2 + 2 s (1 + s^2/3 + s^4/5 + s^6/7 + ...). |s| <= 0.1716, so that leaving out
// s^8/9 and what follows costs a relative 8.4e-8 of the second term; the first one has the same
// sign or is larger.
inline double fast_log(double x) {
  constexpr uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd;
  constexpr double kLn2 = 0.69314718055994530942;
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const int64_t exponent = static_cast<int64_t>(bits - kSqrtHalf) >> 52;
  const double m = std::bit_cast<double>(bits - (static_cast<uint64_t>(exponent) << 52));
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  const double series = 1.0 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7)));
  return static_cast<double>(exponent) * kLn2 + 2.0 * s * series;
}

inline double clock_of(uint32_t bits) {
  return -fast_log((static_cast<double>(bits) + 0.5) * 0x1p-32);
}

inline uint64_t weighted_key(uint64_t element, uint32_t random_bits) {
  const auto weight = static_cast<double>(static_cast<int64_t>(element >> 32));
  const auto clock = static_cast<float>(clock_of(random_bits) / weight);
  return (uint64_t{std::bit_cast<uint32_t>(clock)} << 32) | (element & kPayload);
}

// Puts key into the sorted run that ends before `to`.
inline void insert(uint64_t* begin, uint64_t* to, uint64_t key) {
  for (; to != begin && to[-1] > key; --to) *to = to[-1];
  *to = key;
}

void sort_by_insertion(std::span<uint64_t> keys) {
  for (size_t i = 1; i < keys.size(); ++i) insert(keys.data(), &keys[i], keys[i]);
}

// One counting pass over 256 equal parts of the keys' range brings every key close to its place,
// and a pass by insertion brings it there. The bits of a float are nearly its logarithm, over which
// clocks spread well.
void sort_by_counting(std::span<uint64_t> keys, std::span<uint64_t> scratch) {
  uint64_t lowest = keys[0];
  uint64_t highest = keys[0];
  for (const uint64_t key : keys) {
    lowest = std::min(lowest, key);
    highest = std::max(highest, key);
  }
  const int shift = std::max(0, static_cast<int>(std::bit_width(highest - lowest)) - 8);
  std::array<uint16_t, kBuckets> begin{};
  for (const uint64_t key : keys) ++begin[(key - lowest) >> shift];
  uint16_t sum = 0;
  for (uint16_t& count : begin) {
    const uint16_t here = count;
    count = sum;
    sum = static_cast<uint16_t>(sum + here);
  }
  for (const uint64_t key : keys) scratch[begin[(key - lowest) >> shift]++] = key;
  for (size_t i = 0; i < keys.size(); ++i) insert(keys.data(), &keys[i], scratch[i]);
}

}  // namespace

double exponential_of(uint32_t bits) { return clock_of(bits); }

void draw_weighted(std::span<uint64_t> elements, Random& random) {
  size_t i = 0;
  for (; i + 1 < elements.size(); i += 2) {
    const uint64_t bits = random.next();
    elements[i] = weighted_key(elements[i], static_cast<uint32_t>(bits));
    elements[i + 1] = weighted_key(elements[i + 1], static_cast<uint32_t>(bits >> 32));
  }
  if (i < elements.size()) {
    elements[i] = weighted_key(elements[i], static_cast<uint32_t>(random.next() >> 32));
  }
}

uint64_t draw_first(std::span<const uint64_t> elements, Random& random) {
  uint64_t total = 0;
  for (const uint64_t element : elements) total += element >> 32;
  uint64_t left = random.below(total);
  size_t at = 0;
  for (; left >= elements[at] >> 32; ++at) left -= elements[at] >> 32;
  return elements[at];
}

void draw_uniform(std::span<uint64_t> elements, Random& random) {
  for (uint64_t& element : elements) element = (random.next() & ~kPayload) | (element & kPayload);
}

void sort_keys(std::span<uint64_t> keys, std::span<uint64_t> scratch) {
  MIRROR_DEBUG_ASSERT(scratch.size() >= keys.size());
  if (keys.size() <= kInsertionMax) {
    sort_by_insertion(keys);
  } else if (keys.size() <= kCountingMax) {
    sort_by_counting(keys, scratch);
  } else {
    std::sort(keys.begin(), keys.end());
  }
}

}  // namespace mirror

#include "edge/answer/weighted_order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "base/core/assert.h"
#include "edge/answer/avx2.h"

namespace mirror {
namespace {

constexpr uint64_t kPayload = 0xffffffff;

// Up to here sorting by insertion is faster than counting.
constexpr size_t kInsertionMax = 20;
// Beyond this the buckets of one counting pass would become too long for insertion.
constexpr size_t kCountingMax = 2048;
constexpr int kBucketBits = 9;
constexpr size_t kBuckets = size_t{1} << kBucketBits;
static_assert(std::endian::native == std::endian::little);  // sum_up(), make_keys()

// How a vector is passed to a function depends on its target, and matters only where the function
// is not inlined: a vector must not go through std::bit_cast, which may not be.
#pragma GCC diagnostic ignored "-Wpsabi"

// The draw's arithmetic, for one element or for four at once, operation by operation the same.
// Functions of them are inlined always, so that they become what the target of their caller has.
struct One {
  using Bits = uint64_t;
  using Real = double;
};
struct Four {
  using Bits [[gnu::vector_size(32)]] = uint64_t;
  using Real [[gnu::vector_size(32)]] = double;
};
constexpr size_t kLanes = 4;

// Exact for whole numbers below 2^52, the last bit of which counts 1 in that power's own form.
template <typename Lanes>
[[gnu::always_inline]] inline typename Lanes::Real real_of(const typename Lanes::Bits& whole) {
  return __builtin_bit_cast(typename Lanes::Real, whole | std::bit_cast<uint64_t>(0x1p52)) - 0x1p52;
}

// ln(x) for 2^-64 <= x < 2^900. With x = 2^k m, m in [sqrt(1/2), sqrt(2)), and s = (m - 1)/(m + 1):
// ln x = k ln 2 + 2 s (1 + s^2/3 + s^4/5 + s^6/7 + ...). |s| <= 0.1716, so that leaving out s^8/9
// and what follows costs a relative 8.4e-8 of the second term; the first one has the same sign or
// is larger.
template <typename Lanes>
[[gnu::always_inline]] inline typename Lanes::Real fast_log(const typename Lanes::Real& x) {
  constexpr uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd;
  constexpr uint64_t kBias = 64;  // keeps k + kBias positive
  constexpr double kLn2 = 0.69314718055994530942;
  const auto bits = __builtin_bit_cast(typename Lanes::Bits, x) + (kBias << 52);
  const auto k = (bits - kSqrtHalf) >> 52;
  const auto m = __builtin_bit_cast(typename Lanes::Real, bits - (k << 52));
  const auto s = (m - 1.0) / (m + 1.0);
  const auto z = s * s;
  const auto series = 1.0 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7)));
  return (real_of<Lanes>(k) - static_cast<double>(kBias)) * kLn2 + 2.0 * s * series;
}

template <typename Lanes>
[[gnu::always_inline]] inline typename Lanes::Real clock_of(const typename Lanes::Bits& random) {
  return -fast_log<Lanes>((real_of<Lanes>(random) + 0.5) * 0x1p-32);
}

// Elements become keys: the float of a random number's clock over the weight, and the payload. One
// number of 64 bits makes two of 32.
[[gnu::always_inline]] inline void make_keys(uint64_t* elements, uint64_t first, uint64_t second) {
  using Two [[gnu::vector_size(16)]] = uint64_t;
  using FourFloats [[gnu::vector_size(16)]] = float;
  using FourWords [[gnu::vector_size(16)]] = uint32_t;
  Four::Bits element;
  std::memcpy(&element, elements, sizeof element);
  const auto random = __builtin_bit_cast(FourWords, Two{first, second});
  const Four::Real clock =
      clock_of<Four>(__builtin_convertvector(random, Four::Bits)) / real_of<Four>(element >> 32);
  const auto rounded = __builtin_bit_cast(FourWords, __builtin_convertvector(clock, FourFloats));
  const Four::Bits key =
      (__builtin_convertvector(rounded, Four::Bits) << 32) | (element & kPayload);
  std::memcpy(elements, &key, sizeof key);
}

[[gnu::always_inline]] inline void draw(std::span<uint64_t> elements, Random& random) {
  size_t at = 0;
  for (; at + kLanes <= elements.size(); at += kLanes) {
    const uint64_t first = random.next();
    make_keys(&elements[at], first, random.next());
  }
  const auto rest = elements.subspan(at);
  if (rest.empty()) return;
  std::array<uint64_t, kLanes> last;
  last.fill(uint64_t{1} << 32);
  std::copy(rest.begin(), rest.end(), last.begin());
  const uint64_t first = random.next();
  make_keys(last.data(), first, rest.size() > 2 ? random.next() : 0);
  std::copy_n(last.begin(), rest.size(), rest.begin());
}

// Without FMA (also CMakeLists.txt), so that every processor draws the same order from the same
// numbers.
MIRROR_TARGET_AVX2 void draw_by_avx2(std::span<uint64_t> elements, Random& random) {
  draw(elements, random);
}

// Puts key into the sorted run that ends before `to`.
inline void insert(uint64_t* begin, uint64_t* to, uint64_t key) {
  for (; to != begin && to[-1] > key; --to) *to = to[-1];
  *to = key;
}

void sort_by_insertion(std::span<uint64_t> keys) {
  for (size_t i = 1; i < keys.size(); ++i) insert(keys.data(), &keys[i], keys[i]);
}

// Turns counts into the places at which each bucket begins, a word of them at a time: a product
// with 1 in each field adds up the fields below, in each field. REQUIRES: their sum fits in a
// field.
template <typename Count>
void sum_up(std::array<Count, kBuckets>& buckets) {
  constexpr size_t kFields = sizeof(uint64_t) / sizeof(Count);
  constexpr int kFieldBits = 8 * sizeof(Count);
  constexpr uint64_t kOnes = ~uint64_t{0} / std::numeric_limits<Count>::max();
  uint64_t before = 0;
  for (size_t at = 0; at < kBuckets; at += kFields) {
    uint64_t word;
    std::memcpy(&word, &buckets[at], sizeof word);
    const uint64_t sums = word * kOnes;
    word = (sums << kFieldBits) + before * kOnes;
    std::memcpy(&buckets[at], &word, sizeof word);
    before += sums >> (64 - kFieldBits);
  }
}

// One counting pass over equal parts of the keys' range brings every key close to its place, and a
// pass by insertion brings it there. The bits of a float are nearly its logarithm, over which
// clocks spread well; with several buckets a key, few of them share one, so that the insertion's
// branches are foreseen.
template <typename Count>
void sort_by_counting(std::span<uint64_t> keys, std::span<uint64_t> scratch) {
  uint64_t lowest = keys[0];
  uint64_t highest = keys[0];
  for (const uint64_t key : keys) {
    lowest = std::min(lowest, key);
    highest = std::max(highest, key);
  }
  const int shift = std::max(0, static_cast<int>(std::bit_width(highest - lowest)) - kBucketBits);
  std::array<Count, kBuckets> begin{};
  for (const uint64_t key : keys) ++begin[(key - lowest) >> shift];
  sum_up(begin);
  for (const uint64_t key : keys) scratch[begin[(key - lowest) >> shift]++] = key;
  for (size_t i = 0; i < keys.size(); ++i) insert(keys.data(), &keys[i], scratch[i]);
}

}  // namespace

double exponential_of(uint32_t bits) { return clock_of<One>(bits); }

void draw_weighted_plainly(std::span<uint64_t> elements, Random& random) { draw(elements, random); }

void draw_weighted(std::span<uint64_t> elements, Random& random) {
  if (has_avx2()) {
    draw_by_avx2(elements, random);
    return;
  }
  draw_weighted_plainly(elements, random);
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
  } else if (keys.size() <= std::numeric_limits<uint8_t>::max()) {
    sort_by_counting<uint8_t>(keys, scratch);
  } else if (keys.size() <= kCountingMax) {
    sort_by_counting<uint16_t>(keys, scratch);
  } else {
    std::sort(keys.begin(), keys.end());
  }
}

}  // namespace mirror

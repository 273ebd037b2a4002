#include "edge/answer/weighted_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "tests/unit/answer/seed.h"

namespace mirror {
namespace {

double exact_exponential(uint32_t bits) { return -std::log((double(bits) + 0.5) / 4294967296.0); }

TEST(WeightedOrder, TheLogarithmIsWithinItsDocumentedError) {
  Random random(test_seed());
  std::vector<uint32_t> samples = {0,          1,          2,          0x7fffffff, 0x80000000,
                                   0xb504f333, 0xb504f334, 0xfffffffe, 0xffffffff};
  for (int i = 0; i < 1'000'000; ++i) samples.push_back(static_cast<uint32_t>(random.next()));
  for (uint32_t i = 0; i < 100'000; ++i) samples.push_back(0xffffffff - i);
  for (const uint32_t bits : samples) {
    const double exact = exact_exponential(bits);
    ASSERT_NEAR(exponential_of(bits) / exact, 1.0, 9e-8) << bits;
  }
}

TEST(WeightedOrder, SortsLikeTheStandardLibrary) {
  Random random(test_seed());
  std::vector<uint64_t> scratch(5000);
  for (int round = 0; round < 2000; ++round) {
    const size_t size = random.below(round % 100 == 0 ? 5000 : 300);
    std::vector<uint64_t> keys(size);
    // Clustered, equal and spread keys.
    const int shift = static_cast<int>(random.below(64));
    for (uint64_t& key : keys) key = random.next() >> shift;
    std::vector<uint64_t> expected = keys;
    std::sort(expected.begin(), expected.end());
    sort_keys(keys, scratch);
    ASSERT_EQ(keys, expected) << "size " << size << " shift " << shift;
  }
}

// Upper tail of the chi-square distribution by Wilson and Hilferty's approximation, good enough at
// 1e-6.
double chi_square_tail(double statistic, double degrees) {
  const double z =
      (std::cbrt(statistic / degrees) - (1 - 2 / (9 * degrees))) / std::sqrt(2 / (9 * degrees));
  return 0.5 * std::erfc(z / std::sqrt(2.0));
}

// Draws the element of the first place, by one of the two ways.
void expect_first_place_by_weight(const std::function<uint64_t(std::span<uint64_t>)>& draw_one) {
  const std::vector<uint32_t> weights = {1, 10, 100, 1000, 1000, 500, 250, 3, 100'000, 20'000};
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  constexpr double kDraws = 2'000'000;
  std::vector<double> counts(weights.size());
  std::vector<uint64_t> keys(weights.size());
  for (int draw = 0; draw < kDraws; ++draw) {
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = uint64_t{weights[i]} << 32 | i;
    ++counts[static_cast<uint32_t>(draw_one(keys))];
  }
  double statistic = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double expected = kDraws * weights[i] / sum;
    statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_GT(chi_square_tail(statistic, static_cast<double>(weights.size() - 1)), 1e-6) << statistic;
}

TEST(WeightedOrder, TheFirstPlaceFollowsTheWeights) {
  Random random(test_seed());
  std::vector<uint64_t> scratch(10);
  expect_first_place_by_weight([&](std::span<uint64_t> keys) {
    draw_weighted(keys, random);
    sort_keys(keys, scratch);
    return keys[0];
  });
  expect_first_place_by_weight(
      [&](std::span<uint64_t> elements) { return draw_first(elements, random); });
}

// Whatever the processor has, and also for the elements that do not fill a block of four.
TEST(WeightedOrder, EveryProcessorDrawsTheSameKeysFromTheSameNumbers) {
  const uint64_t seed = test_seed();
  Random random(seed);
  for (size_t size = 0; size < 70; ++size) {
    std::vector<uint64_t> elements(size);
    for (uint64_t& element : elements) {
      element = (1 + random.below(100'000)) << 32 | (random.next() >> 32);
    }
    std::vector<uint64_t> expected = elements;
    std::vector<uint64_t> plain = elements;
    Random numbers(seed + size);
    for (size_t i = 0; i < size; i += 2) {
      const uint64_t both = numbers.next();
      for (size_t j = i; j < std::min(i + 2, size); ++j) {
        const auto bits = static_cast<uint32_t>(j == i ? both : both >> 32);
        const auto clock =
            static_cast<float>(exponential_of(bits) / static_cast<double>(elements[j] >> 32));
        expected[j] = uint64_t{std::bit_cast<uint32_t>(clock)} << 32 | (elements[j] & 0xffffffff);
      }
    }
    Random one(seed + size);
    Random other(seed + size);
    draw_weighted(elements, one);
    draw_weighted_plainly(plain, other);
    ASSERT_EQ(elements, expected) << size;
    ASSERT_EQ(plain, expected) << size;
    ASSERT_EQ(one.next(), other.next()) << size;
  }
}

// All 24 orders of four elements, each with the probability of a draw without replacement.
TEST(WeightedOrder, WholeOrdersFollowTheWeights) {
  Random random(test_seed());
  const std::vector<double> weights = {1, 2, 5, 12};
  std::vector<int> order = {0, 1, 2, 3};
  constexpr double kDraws = 1'000'000;
  std::vector<std::vector<int>> orders;
  std::vector<double> expected;
  do {
    double left = 20;
    double probability = 1;
    for (const int i : order) {
      probability *= weights[i] / left;
      left -= weights[i];
    }
    orders.push_back(order);
    expected.push_back(probability * kDraws);
  } while (std::next_permutation(order.begin(), order.end()));
  std::vector<double> counts(orders.size());
  std::vector<uint64_t> keys(4);
  std::vector<uint64_t> scratch(4);
  for (int draw = 0; draw < kDraws; ++draw) {
    for (size_t i = 0; i < 4; ++i) keys[i] = static_cast<uint64_t>(weights[i]) << 32 | i;
    draw_weighted(keys, random);
    sort_keys(keys, scratch);
    for (size_t i = 0; i < 4; ++i) order[i] = static_cast<int>(static_cast<uint32_t>(keys[i]));
    ++counts[std::lower_bound(orders.begin(), orders.end(), order) - orders.begin()];
  }
  double statistic = 0;
  for (size_t i = 0; i < orders.size(); ++i) {
    statistic += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  }
  EXPECT_GT(chi_square_tail(statistic, 23), 1e-6) << statistic;
}

TEST(WeightedOrder, UniformKeysKeepTheirPayload) {
  Random random(test_seed());
  std::vector<uint64_t> keys(200);
  std::iota(keys.begin(), keys.end(), uint64_t{0});
  draw_uniform(keys, random);
  std::vector<uint64_t> payload;
  for (const uint64_t key : keys) payload.push_back(key & 0xffffffff);
  std::vector<uint64_t> expected(200);
  std::iota(expected.begin(), expected.end(), uint64_t{0});
  EXPECT_EQ(payload, expected);
}

}  // namespace
}  // namespace mirror

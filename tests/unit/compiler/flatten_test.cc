#include "compiler/flatten.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/core/random.h"

namespace mirror {
namespace {

uint64_t seed() {
  const char* text = std::getenv("MIRROR_SEED");
  const uint64_t value = text != nullptr ? std::strtoull(text, nullptr, 10) : Random::system_seed();
  fmt::print("MIRROR_SEED={}\n", value);
  return value;
}

// The index of the longest prefix that holds the address, by looking at all of them.
uint32_t naive(std::span<const IpPrefix> prefixes, const IpAddress& address) {
  uint32_t best = kNone;
  for (uint32_t i = 0; i < prefixes.size(); ++i) {
    if (prefixes[i].contains(address) &&
        (best == kNone || prefixes[best].length < prefixes[i].length))
      best = i;
  }
  return best;
}

uint32_t found(const Flattened& flattened, const IpAddress& address) {
  const auto after = std::ranges::upper_bound(flattened.ranges, address, {}, &FlatRange::first);
  return std::prev(after)->node;
}

IpAddress random_address(Random& random, IpAddress::Family family) {
  // Few distinct bits, so that prefixes nest and touch; all ones at both ends of the address space.
  const auto word = [&random] {
    switch (random.below(4)) {
      case 0:
        return uint64_t{0};
      case 1:
        return ~uint64_t{0};
      case 2:
        return random.below(16) << 60;
      default:
        return random.next();
    }
  };
  if (family == IpAddress::Family::kIpv4)
    return IpAddress::from_ipv4(static_cast<uint32_t>(word() >> 32));
  return IpAddress::from_ipv6(word(), word());
}

void check_family(IpAddress::Family family, uint64_t first_seed) {
  for (uint64_t round = 0; round < 2000; ++round) {
    Random random(first_seed + round);
    std::vector<IpPrefix> prefixes;
    const uint64_t count = random.below(12);
    for (uint64_t i = 0; i < count; ++i) {
      const auto address = random_address(random, family);
      prefixes.push_back(IpPrefix::of(
          address, static_cast<int>(random.below(static_cast<uint64_t>(address.bit_count()) + 1))));
    }
    std::ranges::sort(prefixes);
    prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
    const auto flattened = flatten(prefixes, family);

    ASSERT_EQ(flattened.ranges.front().first, (IpAddress{family, 0, 0}));
    for (size_t i = 1; i < flattened.ranges.size(); ++i) {
      ASSERT_LT(flattened.ranges[i - 1].first, flattened.ranges[i].first);
      ASSERT_NE(flattened.ranges[i - 1].node, flattened.ranges[i].node);
    }
    std::vector<IpAddress> questions;
    for (const auto& prefix : prefixes) {
      for (const auto& edge : {prefix.first(), prefix.last()}) {
        for (const int64_t step : {-1, 0, 1}) {
          IpAddress near = edge;
          near.low += static_cast<uint64_t>(step);
          if (family == IpAddress::Family::kIpv4) near.low &= 0xffffffff;
          questions.push_back(near);
        }
      }
    }
    for (int i = 0; i < 20; ++i) questions.push_back(random_address(random, family));
    for (const auto& address : questions) {
      ASSERT_EQ(found(flattened, address), naive(prefixes, address))
          << address.to_string() << " seed " << first_seed + round;
    }
    for (uint32_t i = 0; i < prefixes.size(); ++i) {
      std::vector<IpPrefix> larger(prefixes.begin(), prefixes.end());
      std::erase_if(larger,
                    [&](const IpPrefix& other) { return other.length >= prefixes[i].length; });
      const uint32_t parent = naive(larger, prefixes[i].first());
      ASSERT_EQ(flattened.parents[i] == kNone, parent == kNone);
      if (parent != kNone) {
        ASSERT_EQ(prefixes[flattened.parents[i]], larger[parent]);
      }
    }
  }
}

TEST(Flatten, AgreesWithTheNaiveOracleOnIpv4) { check_family(IpAddress::Family::kIpv4, seed()); }
TEST(Flatten, AgreesWithTheNaiveOracleOnIpv6) { check_family(IpAddress::Family::kIpv6, seed()); }

TEST(Flatten, NothingIsOneEmptyRange) {
  const auto flattened = flatten({}, IpAddress::Family::kIpv6);
  ASSERT_EQ(flattened.ranges.size(), 1u);
  EXPECT_EQ(flattened.ranges[0].node, kNone);
}

TEST(Flatten, APrefixOfTheWholeSpaceLeavesNothingElse) {
  const std::vector<IpPrefix> all = {*IpPrefix::parse("0.0.0.0/0")};
  const auto flattened = flatten(all, IpAddress::Family::kIpv4);
  ASSERT_EQ(flattened.ranges.size(), 1u);
  EXPECT_EQ(flattened.ranges[0].node, 0u);
}

}  // namespace
}  // namespace mirror

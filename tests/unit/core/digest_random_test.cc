#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/core/digest.h"
#include "base/core/random.h"

namespace mirror {
namespace {

TEST(Digest, IsXxh3AndSurvivesItsText) {
  // The published test value of XXH3_64bits for an empty input, seed 0.
  EXPECT_EQ(digest64(std::string_view()), 0x2d06800538d394c2u);
  const Digest128 digest = digest128(std::vector<uint8_t>{1, 2, 3});
  EXPECT_EQ(Digest128::from_hex(digest.hex()), digest);
  EXPECT_EQ((Digest128{1, 0xabc}.hex()), "00000000000000010000000000000abc");
  for (const std::string& bad :
       {std::string(), std::string(31, '0'), std::string(33, '0'), std::string(31, '0') + "G",
        std::string(31, '0') + "A", std::string(16, '0') + "-" + std::string(15, '0')}) {
    EXPECT_FALSE(Digest128::from_hex(bad)) << bad;
  }
}

TEST(Digest, InPiecesIsTheSame) {
  std::vector<uint8_t> bytes(1'000'003);
  Random random(1);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random.next());
  for (const size_t size :
       {0u, 1u, 240u, 241u, 262'143u, 262'144u, 262'145u, 524'288u, 1'000'003u}) {
    const auto part = std::span(bytes).first(size);
    Pace pace;
    EXPECT_EQ(digest128(part, pace), digest128(part)) << size;
  }
}

TEST(Random, TheSameSeedGivesTheSameNumbers) {
  Random a(7);
  Random b(7);
  Random c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t number = a.next();
    EXPECT_EQ(number, b.next());
    differs |= number != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, BelowIsUniform) {
  Random random(1);
  std::vector<int> seen(10);
  for (int i = 0; i < 100000; ++i) ++seen[random.below(10)];
  // Standard deviation is 95; six of them.
  for (const int count : seen) EXPECT_NEAR(count, 10000, 570);
}

}  // namespace
}  // namespace mirror

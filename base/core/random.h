// xoshiro256++ 1.0 (Blackman and Vigna, https://prng.di.unimi.it/), seeded by splitmix64.
// Fast and well distributed, not for secrets. One object a thread; the same seed gives the same
// numbers.
#pragma once

#include <cstdint>

namespace mirror {

class Random {
 public:
  using result_type = uint64_t;

  explicit Random(uint64_t seed);

  // A seed from the operating system.
  [[nodiscard]] static uint64_t system_seed();

  uint64_t next() {
    const uint64_t result = rotate(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound), bound > 0, without modulo bias worth naming (multiply-shift).
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

  // For std::shuffle and the distributions of <random>.
  uint64_t operator()() { return next(); }
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }

 private:
  __extension__ using Wide = unsigned __int128;
  static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t state_[4];
};

}  // namespace mirror

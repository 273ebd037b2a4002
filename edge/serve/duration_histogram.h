// How long things take, as Prometheus wants it: counts by upper bounds that are powers of two of
// nanoseconds, from 1.024 us to 1.07 s. Written by one thread, read by any at any time.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "edge/serve/counter.h"

namespace mirror {

class DurationHistogram {
 public:
  static constexpr size_t kBounds = 21;

  void add(uint64_t duration_ns) {
    const size_t bucket = std::bit_width((duration_ns - (duration_ns > 0)) >> kFirstBoundBits);
    buckets_[bucket < kBounds ? bucket : kBounds].add();
    sum_ns_.add(duration_ns);
  }

  [[nodiscard]] static constexpr uint64_t bound_ns(size_t bucket) {
    return uint64_t{1} << (kFirstBoundBits + bucket);
  }
  // Durations above bound_ns(bucket - 1) and not above bound_ns(bucket); kBounds: all longer ones.
  [[nodiscard]] uint64_t count(size_t bucket) const { return buckets_[bucket].get(); }
  [[nodiscard]] uint64_t sum_ns() const { return sum_ns_.get(); }

 private:
  static constexpr int kFirstBoundBits = 10;
  std::array<Counter, kBounds + 1> buckets_;
  Counter sum_ns_;
};

}  // namespace mirror

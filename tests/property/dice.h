// Random choices for the makers of random worlds and questions.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "base/core/random.h"

namespace mirror {

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}

  [[nodiscard]] bool chance(unsigned percent) { return random_.below(100) < percent; }
  // Both ends included.
  [[nodiscard]] int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_.below(static_cast<uint64_t>(high - low) + 1));
  }
  template <typename Item>
  [[nodiscard]] const Item& of(const std::vector<Item>& items) {
    return items[random_.below(items.size())];
  }
  [[nodiscard]] std::string of(std::initializer_list<const char*> items) {
    return *(items.begin() + random_.below(items.size()));
  }
  [[nodiscard]] uint64_t bits() { return random_.next(); }

 private:
  Random random_;
};

}  // namespace mirror

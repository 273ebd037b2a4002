// One small world, compiled once a process, for the targets that answer questions.
#pragma once

#include "tests/property/compile_world.h"
#include "tests/property/random_world.h"

namespace mirror {

struct FuzzWorld {
  RandomWorld world;
  CompiledWorld compiled;
  // Questions that reach every part of a snapshot.
  std::vector<RandomQuestion> questions;
};

[[nodiscard]] const FuzzWorld& fuzz_world();

// A copy at an address that validate() takes, of exactly this size: AddressSanitizer then sees
// every read beyond the end.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::string_view bytes);
  ~AlignedBytes();
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
  [[nodiscard]] std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  uint8_t* data_;
  size_t size_;
};

}  // namespace mirror

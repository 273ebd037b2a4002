// Any bytes as a snapshot file. Half of the work is done for the fuzzer: header and digests are
// made to fit, so that what it changes in the payload reaches the checks behind them. What is taken
// must be readable to its last byte.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/core/assert.h"
#include "tests/unit/snapshot/hostile.h"

namespace {

struct alignas(16) Block {
  uint8_t bytes[16];
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<Block> blocks(size / sizeof(Block) + 1);
  if (size > 0) std::memcpy(blocks.data(), data, size);
  const std::span<uint8_t> bytes(blocks.front().bytes, size);
  for (const bool make_fit : {false, true}) {
    if (make_fit && size < sizeof(mirror::SnapshotHeader)) break;
    if (make_fit) mirror::sign(bytes);
    if (const auto view = mirror::validate(bytes)) {
      mirror::walk(*view);
    } else {
      MIRROR_ASSERT(!view.error().message.empty());
    }
  }
  return 0;
}

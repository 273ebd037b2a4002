// Any bytes as a repomd.xml.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/assert.h"
#include "scanner/repomd.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto facts = mirror::parse_repomd(bytes);
  if (facts) {
    MIRROR_ASSERT(facts->timestamp.value_or(0) >= 0);
    MIRROR_ASSERT(mirror::parse_repomd(bytes)->timestamp == facts->timestamp);
  } else {
    MIRROR_ASSERT(!facts.error().message.empty());
  }
  return 0;
}

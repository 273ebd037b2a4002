// Any bytes as CURRENT.
#include <cstddef>
#include <cstdint>

#include "base/core/assert.h"
#include "schema/snapshot/snapshot_directory.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto current = mirror::Current::parse(line);
  if (current) {
    // Whatever it says, the file lies in the directory and nowhere else.
    MIRROR_ASSERT(current->name.to_string().find('/') == std::string::npos);
    const auto again = mirror::Current::parse(current->to_string());
    MIRROR_ASSERT(again && *again == *current);
  } else {
    for (const char c : current.error().message)
      MIRROR_ASSERT(static_cast<unsigned char>(c) >= 0x20);
  }
  return 0;
}

// Asking for memory before it is read, so that it comes meanwhile.
#pragma once

#include <cstddef>

namespace mirror {

// The lines of the cache that `at`, `at` + 64, ... lie in, up to `size` bytes. A hint: what cannot
// be read is not fetched.
inline void prefetch_lines(const void* at, size_t size) {
  constexpr size_t kCacheLine = 64;
  const auto* bytes = static_cast<const char*>(at);
  for (size_t i = 0; i < size; i += kCacheLine) __builtin_prefetch(bytes + i);
}

}  // namespace mirror

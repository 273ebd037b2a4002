// A copy of a whole file in memory that nobody can change (a sealed memfd), for what is mapped: a
// file on disk may be truncated or overwritten in place at any time, and a mapping of it would turn
// the next read into SIGBUS or into bytes that nobody has checked. Blocks: reads the whole file.
#pragma once

#include <cstdint>
#include <string>

#include "base/core/error.h"
#include "base/core/unique_fd.h"

namespace mirror {

struct SealedCopy {
  UniqueFd fd;
  uint64_t size = 0;  // bytes
};

// So much is copied, mapped or unmapped by one system call: many a server's kernel does not preempt
// a thread inside one, and another that answers clients may wait for the same processor.
inline constexpr uint64_t kStepBytes = uint64_t{32} << 10;

// Refuses what is not a regular file, an empty file, and a file above `size_limit` bytes.
[[nodiscard]] Result<SealedCopy> make_sealed_copy(const std::string& path, uint64_t size_limit);

}  // namespace mirror

// The contents of a whole file, mapped read-only from a sealed copy (sealed_copy.h): whatever
// becomes of the file, these bytes stay as they were checked. Owns the mapping, and with it the
// copy; descriptors are closed at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/core/error.h"

namespace mirror {

class MappedFile {
 public:
  // Blocks: reads the whole file. Refuses what is not a regular file, an empty file, and a file
  // above `size_limit` bytes.
  [[nodiscard]] static Result<MappedFile> open(const std::string& path, uint64_t size_limit);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const uint8_t> bytes() const { return {data_, size_}; }

  // Maps every page now, so that no later read waits for a page fault, nor for what was swapped out
  // (MADV_POPULATE_READ, Linux 5.14; on older kernels each page is touched).
  void warm() const;

  // Takes all access away but keeps the addresses: in debug builds a retired mapping traps stale
  // readers.
  void seal() const;

 private:
  template <typename Call>
  void for_each_step(Call call) const;

  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace mirror

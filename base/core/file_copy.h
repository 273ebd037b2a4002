// The contents of a whole file in memory of its own: whatever becomes of the file, these bytes stay
// as they were checked. A file on disk may be truncated or overwritten in place at any
// time, and a mapping of it would turn the next read into SIGBUS or into bytes that nobody has
// checked.
//
// Owns the memory (RssShmem of proc(5)), and every page of it is mapped from the start: no later
// read waits for a page fault. It is a memfd that is sealed (fcntl(2)), so that who finds it in
// /proc can neither cut it nor, from Linux 5.1 on, write to it. This process could, but for debug
// builds, where a stray write traps: changing the protection of a copy for each successor takes
// longer than copying it where page tables are virtualised, and interrupts every processor that
// runs a thread of this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/core/error.h"
#include "base/core/files.h"
#include "base/core/unique_fd.h"

namespace mirror {

class FileCopy {
 public:
  // Blocks: reads the whole file. Refuses what is not a regular file, an empty file, and a file
  // above `size_limit` bytes.
  [[nodiscard]] static Result<FileCopy> open(const std::string& path, uint64_t size_limit);
  // `spare` is one that nobody reads any more: its memory is used again if the file fits into it,
  // since new pages cost the kernel more than the copying. Otherwise there is room for a successor
  // that is somewhat larger.
  [[nodiscard]] static Result<FileCopy> open(const std::string& path, uint64_t size_limit,
                                             FileCopy spare);

  FileCopy() = default;
  FileCopy(FileCopy&& other) noexcept;
  FileCopy& operator=(FileCopy&& other) noexcept;
  FileCopy(const FileCopy&) = delete;
  FileCopy& operator=(const FileCopy&) = delete;
  ~FileCopy();

  [[nodiscard]] std::span<const uint8_t> bytes() const { return {data_, size_}; }

  // The same bytes as a file, for a library that opens only files, as long as this object lives; if
  // it was opened with a spare, more may follow them.
  [[nodiscard]] std::string file_path() const;

  // Takes all access away but keeps the addresses: in debug builds a retired copy traps stale
  // readers. The memory can still be a spare.
  void forbid_access() const;

 private:
  [[nodiscard]] bool fits(uint64_t size) const;
  [[nodiscard]] static Result<FileCopy> open_into(FileCopy copy, const std::string& path,
                                                  uint64_t size_limit, bool with_room);
  [[nodiscard]] Result<void> map(uint64_t capacity);
  // `is_new` memory has no page yet, and is sealed against writing afterwards.
  [[nodiscard]] Result<void> fill(const RegularFile& file, bool is_new);
  [[nodiscard]] Result<void> append(const uint8_t* bytes, size_t size, size_t at);
  // Against writing; map() has sealed its size.
  [[nodiscard]] Result<void> seal();
  [[nodiscard]] Result<void> protect(int protection) const;
  void swap(FileCopy& other) noexcept;

  UniqueFd memory_;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  mutable int protection_ = 0;  // of the mapping, as mmap(2) has it
};

}  // namespace mirror

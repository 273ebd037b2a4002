// Small files as wholes. Everything here blocks: never call it on a worker's loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/error.h"
#include "base/core/unique_fd.h"

namespace mirror {

struct RegularFile {
  UniqueFd fd;
  uint64_t size = 0;  // bytes, when it was opened
};

// Opens a file for reading and refuses what is not a regular one.
[[nodiscard]] Result<RegularFile> open_regular_file(const std::string& path);

// Reads a regular file of at most `size_limit` bytes.
[[nodiscard]] Result<std::string> read_file(const std::string& path, uint64_t size_limit);

// The rest of an open file of at most `size_limit` bytes; the errors do not know its path.
[[nodiscard]] Result<std::string> read_to_end(int fd, uint64_t size_limit);

// Writes a file and syncs it. With kNew an existing file is an error; otherwise it is truncated.
enum class WriteMode { kNew, kReplace };
[[nodiscard]] Result<void> write_and_sync(const std::string& path, std::string_view bytes,
                                          WriteMode mode);

// Writes `bytes` so that after a crash at any point the old or the new file is there, whole: a
// temporary file in the same directory, fsync, rename, fsync of the directory (the order of
// LevelDB's CURRENT, with the directory synced at once).
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view bytes);

// fsync of a directory, after a rename in it.
[[nodiscard]] Result<void> sync_directory(const std::string& path);

}  // namespace mirror

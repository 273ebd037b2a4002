// The entries of an outermost protobuf message, one by one, from a file that need not fit into
// memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "base/core/unique_fd.h"

namespace mirror {

class RecordStream {
 public:
  // No real entry comes near to it: the largest are directories with a few hundred hosts, or with
  // thousands of files.
  static constexpr uint64_t kRecordSizeMax = uint64_t{16} << 20;

  enum class WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  struct Record {
    uint32_t field = 0;
    WireType type = WireType::kVarint;
    uint64_t number = 0;     // of kVarint
    std::string_view bytes;  // of kBytes; valid until the next call of next()
    uint64_t offset = 0;     // of its tag in the file
    uint64_t end = 0;        // of the byte after it
  };

  [[nodiscard]] static Result<RecordStream> open(const std::string& path);
  // nullopt at the end of the file.
  [[nodiscard]] Result<std::optional<Record>> next();
  // As it was when the file was opened.
  [[nodiscard]] uint64_t file_size() const { return file_size_; }

 private:
  [[nodiscard]] Result<bool> ensure(size_t count);
  [[nodiscard]] Result<uint64_t> varint(uint64_t offset);
  [[nodiscard]] uint64_t position() const { return file_offset_ - (buffer_.size() - begin_); }

  UniqueFd fd_;
  std::string path_;
  uint64_t file_size_ = 0;
  std::vector<char> buffer_;  // bytes [begin_, size) have not been handed out
  size_t begin_ = 0;
  uint64_t file_offset_ = 0;  // of the next byte to read
};

}  // namespace mirror

#include "compiler/record_stream.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/core/files.h"

namespace mirror {
namespace {

constexpr size_t kChunkSize = size_t{1} << 20;
constexpr size_t kVarintSizeMax = 10;

}  // namespace

Result<RecordStream> RecordStream::open(const std::string& path) {
  RecordStream stream;
  stream.path_ = path;
  MIRROR_TRY(RegularFile file, open_regular_file(path));
  stream.fd_ = std::move(file.fd);
  stream.file_size_ = file.size;
  return stream;
}

// Makes at least `count` bytes available; false if the file ends before.
Result<bool> RecordStream::ensure(size_t count) {
  while (buffer_.size() - begin_ < count) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(begin_));
    begin_ = 0;
    const size_t kept = buffer_.size();
    buffer_.resize(kept + std::max(kChunkSize, count - kept));
    const ssize_t got = ::read(fd_.get(), buffer_.data() + kept, buffer_.size() - kept);
    const int error = errno;
    buffer_.resize(kept + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && error != EINTR) return fail_errno(error, fmt::format("read {}", path_));
    if (got == 0) return false;
    file_offset_ += static_cast<uint64_t>(std::max<ssize_t>(got, 0));
  }
  return true;
}

Result<uint64_t> RecordStream::varint(uint64_t offset) {
  uint64_t value = 0;
  for (size_t i = 0; i < kVarintSizeMax; ++i) {
    MIRROR_TRY(const bool there, ensure(1));
    if (!there)
      return fail(ErrorKind::kInvalid, "{}: cut off in the entry at byte {}", path_, offset);
    const auto byte = static_cast<unsigned char>(buffer_[begin_++]);
    value |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) return value;
  }
  return fail(ErrorKind::kInvalid, "{}: a number of more than ten bytes in the entry at byte {}",
              path_, offset);
}

Result<std::optional<RecordStream::Record>> RecordStream::next() {
  MIRROR_TRY(const bool more, ensure(1));
  if (!more) return std::optional<Record>();
  Record record;
  record.offset = position();
  MIRROR_TRY(const auto tag, varint(record.offset));
  record.field = static_cast<uint32_t>(tag >> 3);
  record.type = static_cast<WireType>(tag & 7);
  if (record.field == 0 || tag >> 32 != 0) {
    return fail(ErrorKind::kInvalid, "{}: no protobuf field begins at byte {}: is it a cache file?",
                path_, record.offset);
  }
  uint64_t size = 0;
  switch (record.type) {
    case WireType::kVarint: {
      MIRROR_TRY(record.number, varint(record.offset));
      record.end = position();
      return std::optional(record);
    }
    case WireType::kBytes: {
      MIRROR_TRY(size, varint(record.offset));
      break;
    }
    case WireType::kFixed64:
      size = 8;
      break;
    case WireType::kFixed32:
      size = 4;
      break;
    default:
      return fail(ErrorKind::kInvalid, "{}: unknown wire type {} at byte {}: is it a cache file?",
                  path_, tag & 7, record.offset);
  }
  if (size > kRecordSizeMax) {
    return fail(ErrorKind::kLimit,
                "{}: the entry at byte {} has {} bytes, more than the limit of {}", path_,
                record.offset, size, kRecordSizeMax);
  }
  MIRROR_TRY(const bool there, ensure(size));
  if (!there) {
    return fail(ErrorKind::kInvalid,
                "{}: cut off: the entry at byte {} needs {} bytes more than there are", path_,
                record.offset, size - (buffer_.size() - begin_));
  }
  record.bytes = {buffer_.data() + begin_, size};
  begin_ += size;
  record.end = position();
  return std::optional(record);
}

}  // namespace mirror

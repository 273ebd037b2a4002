#include "base/core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/core/unique_fd.h"

namespace mirror {

Result<MappedFile> MappedFile::open(const std::string& path, uint64_t size_limit) {
  // O_NONBLOCK: opening a FIFO that somebody placed there must not wait for a writer.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return fail_errno(errno, fmt::format("open {}", path));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, fmt::format("stat {}", path));
  if (!S_ISREG(status.st_mode)) return fail(ErrorKind::kInvalid, "{}: not a regular file", path);
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size == 0) return fail(ErrorKind::kInvalid, "{}: the file is empty", path);
  if (size > size_limit) {
    return fail(ErrorKind::kLimit, "{}: {} bytes are more than the limit of {}", path, size,
                size_limit);
  }
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return fail_errno(errno, fmt::format("map {}", path));
  MappedFile file;
  file.data_ = static_cast<const uint8_t*>(data);
  file.size_ = size;
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    MappedFile old(std::move(*this));
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<uint8_t*>(data_), size_);
}

void MappedFile::warm() const {
  if (data_ == nullptr) return;
#ifdef MADV_POPULATE_READ
  if (::madvise(const_cast<uint8_t*>(data_), size_, MADV_POPULATE_READ) == 0) return;
#endif
  constexpr size_t kPageSize = 4096;
  volatile uint8_t sink = 0;
  for (size_t at = 0; at < size_; at += kPageSize) sink = data_[at];
  static_cast<void>(sink);
}

void MappedFile::seal() const {
  if (data_ != nullptr) ::mprotect(const_cast<uint8_t*>(data_), size_, PROT_NONE);
}

}  // namespace mirror

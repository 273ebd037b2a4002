#include "base/core/mapped_file.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/core/sealed_copy.h"

namespace mirror {

template <typename Call>
void MappedFile::for_each_step(Call call) const {
  for (size_t at = 0; at < size_; at += kStepBytes)
    call(const_cast<uint8_t*>(data_ + at), std::min(size_ - at, kStepBytes));
}

Result<MappedFile> MappedFile::open(const std::string& path, uint64_t size_limit) {
  MIRROR_TRY(const SealedCopy copy, make_sealed_copy(path, size_limit));
  // MAP_PRIVATE: before Linux 6.7 a shared mapping of memory sealed against writing is refused.
  void* data = ::mmap(nullptr, copy.size, PROT_READ, MAP_PRIVATE, copy.fd.get(), 0);
  if (data == MAP_FAILED) return fail_errno(errno, fmt::format("map {}", path));
  MappedFile file;
  file.data_ = static_cast<const uint8_t*>(data);
  file.size_ = copy.size;
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
  for_each_step([](void* data, size_t size) { ::munmap(data, size); });
}

void MappedFile::warm() const {
  for_each_step([](void* data, size_t size) {
#ifdef MADV_POPULATE_READ
    if (::madvise(data, size, MADV_POPULATE_READ) == 0) return;
#endif
    constexpr size_t kPageSize = 4096;
    volatile uint8_t sink = 0;
    for (size_t at = 0; at < size; at += kPageSize) sink = static_cast<const uint8_t*>(data)[at];
    static_cast<void>(sink);
  });
}

void MappedFile::seal() const {
  if (data_ != nullptr) ::mprotect(const_cast<uint8_t*>(data_), size_, PROT_NONE);
}

}  // namespace mirror

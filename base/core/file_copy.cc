#include "base/core/file_copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/core/assert.h"
#include "base/core/pace.h"

namespace mirror {
namespace {

// So much is read, written or unmapped by one system call: many a server's kernel does not preempt
// a thread inside one, and another that answers clients may wait for the same processor.
constexpr size_t kStepBytes = size_t{32} << 10;
// The same for new memory, which is used at a start and the first swap: a page fault maps as much.
constexpr size_t kNewStepBytes = 2 * kStepBytes;
constexpr size_t kPageBytes = 4096;
#ifdef MIRROR_DEBUG_CHECKS
constexpr bool kTrapsWrites = true;
#else
constexpr bool kTrapsWrites = false;
#endif

}  // namespace

bool FileCopy::fits(uint64_t size) const { return size <= capacity_ && size >= capacity_ / 2; }

Result<void> FileCopy::map(uint64_t capacity) {
  memory_ = UniqueFd(::memfd_create("file-copy", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory_.valid()) return fail_errno(errno, "memfd_create");
  if (::ftruncate(memory_.get(), static_cast<off_t>(capacity)) != 0)
    return fail_errno(errno, "ftruncate");
  void* data = ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  if (data == MAP_FAILED) return fail_errno(errno, "mmap");
  data_ = static_cast<uint8_t*>(data);
  capacity_ = capacity;
  protection_ = PROT_READ | PROT_WRITE;
  // Cut while it is read, memory would be a SIGBUS.
  if (::fcntl(memory_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0)
    return fail_errno(errno, "sealing memory");
  return {};
}

Result<void> FileCopy::seal() {
  // This mapping stays writable, no later one can be, nor can the descriptor.
#ifdef F_SEAL_FUTURE_WRITE
  if (::fcntl(memory_.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0) return {};
#endif
  if (::fcntl(memory_.get(), F_ADD_SEALS, F_SEAL_SEAL) != 0)
    return fail_errno(errno, "sealing memory");
  return {};
}

Result<void> FileCopy::protect(int protection) const {
  if (protection == protection_) return {};
  if (::mprotect(data_, capacity_, protection) != 0) return fail_errno(errno, "mprotect");
  protection_ = protection;
  return {};
}

Result<void> FileCopy::fill(const RegularFile& file, bool is_new) {
  MIRROR_CHECK(protect(PROT_READ | PROT_WRITE));
  size_ = file.size;
  // New pages come by write(2), whole and unmapped: it need not clear them first, and reading them
  // then maps sixteen at a time. To read a file into a mapping without pages takes half as long
  // again, since each of them is a fault.
  const size_t step = is_new ? kNewStepBytes : kStepBytes;
  std::vector<uint8_t> buffer(is_new ? step : 0);
  Pace pace;
  for (size_t done = 0; done < size_;) {
    uint8_t* const target = is_new ? buffer.data() : data_ + done;
    const ssize_t got = ::read(file.fd.get(), target, std::min(size_ - done, step));
    if (got < 0 && errno == EINTR) continue;
    // The kernel says so when it has no page for the memory that it writes to.
    if (got < 0) return fail_errno(errno == EFAULT ? ENOMEM : errno, "read");
    if (got == 0) {
      return fail(ErrorKind::kInvalid, "it was cut from {} bytes to {} while it was read", size_,
                  done);
    }
    const auto bytes = static_cast<size_t>(got);
    if (is_new) MIRROR_CHECK(append(buffer.data(), bytes, done));
    done += bytes;
    // New pages come at half of this rate, and what has pages is copied at twice of it.
    constexpr size_t kBytesPerNs = 4;
    pace.add(bytes / kBytesPerNs);
  }
  if (is_new) MIRROR_CHECK(seal());
  return kTrapsWrites ? protect(PROT_READ) : Result<void>();
}

Result<void> FileCopy::append(const uint8_t* bytes, size_t size, size_t at) {
  for (size_t done = 0; done < size;) {
    const ssize_t put =
        ::pwrite(memory_.get(), bytes + done, size - done, static_cast<off_t>(at + done));
    if (put < 0 && errno == EINTR) continue;
    // There is no other space than memory.
    if (put < 0) return fail_errno(errno == ENOSPC ? ENOMEM : errno, "write to memory");
    done += static_cast<size_t>(put);
  }
  for (size_t i = at / kPageBytes * kPageBytes; i < at + size; i += kPageBytes)
    static_cast<void>(*static_cast<const volatile uint8_t*>(data_ + i));
  return {};
}

Result<FileCopy> FileCopy::open(const std::string& path, uint64_t size_limit) {
  return open_into({}, path, size_limit, false);
}

Result<FileCopy> FileCopy::open(const std::string& path, uint64_t size_limit, FileCopy spare) {
  return open_into(std::move(spare), path, size_limit, true);
}

Result<FileCopy> FileCopy::open_into(FileCopy copy, const std::string& path, uint64_t size_limit,
                                     bool with_room) {
  MIRROR_TRY(const RegularFile file, open_regular_file(path));
  if (file.size == 0) return fail(ErrorKind::kInvalid, "{}: the file is empty", path);
  if (file.size > size_limit) {
    return fail(ErrorKind::kLimit, "{}: {} bytes are more than the limit of {}", path, file.size,
                size_limit);
  }
  const bool is_new = !copy.fits(file.size);
  if (is_new) {
    copy = {};
    // Only what is written to is backed by memory.
    const uint64_t room = with_room ? file.size / 8 + kStepBytes : 0;
    if (auto mapped = copy.map(file.size + room); !mapped)
      return with_context(std::move(mapped).error(), path);
  }
  if (auto filled = copy.fill(file, is_new); !filled)
    return with_context(std::move(filled).error(), path);
  return copy;
}

FileCopy::FileCopy(FileCopy&& other) noexcept { swap(other); }

FileCopy& FileCopy::operator=(FileCopy&& other) noexcept {
  FileCopy taken(std::move(other));
  swap(taken);
  return *this;
}

void FileCopy::swap(FileCopy& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  std::swap(protection_, other.protection_);
}

FileCopy::~FileCopy() {
  for (size_t at = 0; at < capacity_; at += kStepBytes)
    ::munmap(data_ + at, std::min(capacity_ - at, kStepBytes));
}

std::string FileCopy::file_path() const { return fmt::format("/proc/self/fd/{}", memory_.get()); }

void FileCopy::forbid_access() const { static_cast<void>(protect(PROT_NONE)); }

}  // namespace mirror

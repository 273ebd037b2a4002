#include "base/core/sealed_copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace mirror {

Result<SealedCopy> make_sealed_copy(const std::string& path, uint64_t size_limit) {
  // O_NONBLOCK: opening a FIFO that somebody placed there must not wait for a writer.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return fail_errno(errno, fmt::format("open {}", path));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno(errno, fmt::format("stat {}", path));
  if (!S_ISREG(status.st_mode)) return fail(ErrorKind::kInvalid, "{}: not a regular file", path);
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size == 0) return fail(ErrorKind::kInvalid, "{}: the file is empty", path);
  if (size > size_limit) {
    return fail(ErrorKind::kLimit, "{}: {} bytes are more than the limit of {}", path, size,
                size_limit);
  }
  // Only for those who look at /proc/PID/maps; the kernel takes 249 bytes.
  const std::string name = path.substr(path.rfind('/') + 1).substr(0, 200);
  SealedCopy copy{UniqueFd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)), size};
  if (!copy.fd.valid()) return fail_errno(errno, fmt::format("{}: memfd_create", path));
  for (uint64_t done = 0; done < size;) {
    const ssize_t sent =
        ::sendfile(copy.fd.get(), file.get(), nullptr, std::min(size - done, kStepBytes));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail_errno(errno, fmt::format("copy {} into memory", path));
    if (sent == 0) {
      return fail(ErrorKind::kInvalid, "{}: it was cut from {} bytes to {} while it was read", path,
                  size, done);
    }
    done += static_cast<uint64_t>(sent);
  }
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  if (::fcntl(copy.fd.get(), F_ADD_SEALS, kSeals) != 0)
    return fail_errno(errno, fmt::format("{}: sealing memory", path));
  return copy;
}

}  // namespace mirror

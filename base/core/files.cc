#include "base/core/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace mirror {

Result<RegularFile> open_regular_file(const std::string& path) {
  // O_NONBLOCK: opening a FIFO that somebody placed there must not wait for a writer.
  RegularFile file{UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK))};
  if (!file.fd.valid()) return fail_errno(errno, fmt::format("open {}", path));
  struct stat status {};
  if (::fstat(file.fd.get(), &status) != 0) return fail_errno(errno, fmt::format("stat {}", path));
  if (!S_ISREG(status.st_mode)) return fail(ErrorKind::kInvalid, "{}: not a regular file", path);
  file.size = static_cast<uint64_t>(status.st_size);
  return file;
}

Result<std::string> read_file(const std::string& path, uint64_t size_limit) {
  MIRROR_TRY(const RegularFile file, open_regular_file(path));
  auto bytes = read_to_end(file.fd.get(), size_limit);
  if (!bytes) return with_context(std::move(bytes).error(), path);
  return bytes;
}

Result<std::string> read_to_end(int fd, uint64_t size_limit) {
  std::string bytes;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got == 0) return bytes;
    if (got < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, "read");
    }
    // The file may grow while it is read, so the limit is checked here and not on its status.
    if (bytes.size() + static_cast<size_t>(got) > size_limit) {
      return fail(ErrorKind::kLimit, "more than {} bytes", size_limit);
    }
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

Result<void> sync_directory(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, fmt::format("open {}", path));
  if (::fsync(fd.get()) != 0) return fail_errno(errno, fmt::format("fsync {}", path));
  return {};
}

Result<void> write_and_sync(const std::string& path, std::string_view bytes, WriteMode mode) {
  const int present = mode == WriteMode::kNew ? O_EXCL : O_TRUNC;
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | present, 0644));
  if (!fd.valid()) return fail_errno(errno, fmt::format("create {}", path));
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, fmt::format("write {}", path));
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(fd.get()) != 0) return fail_errno(errno, fmt::format("fsync {}", path));
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  if (auto written = write_and_sync(temporary, bytes, WriteMode::kReplace); !written) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return fail_errno(error, fmt::format("rename {} to {}", temporary, path));
  }
  const auto slash = path.rfind('/');
  return sync_directory(slash == std::string::npos ? "."
                        : slash == 0               ? "/"
                                                   : path.substr(0, slash));
}

}  // namespace mirror

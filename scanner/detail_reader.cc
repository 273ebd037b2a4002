#include "scanner/detail_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "base/core/files.h"
#include "base/core/text.h"
#include "scanner/checksum_file.h"
#include "scanner/limits.h"
#include "scanner/repomd.h"

namespace mirror {
namespace {

constexpr size_t kShownBytes = 1000;

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

std::string* sum_of(FileSums* sums, ChecksumKind kind) {
  switch (kind) {
    case ChecksumKind::kMd5:
      return &sums->md5;
    case ChecksumKind::kSha1:
      return &sums->sha1;
    case ChecksumKind::kSha256:
      return &sums->sha256;
    case ChecksumKind::kSha512:
      return &sums->sha512;
  }
  return nullptr;
}

}  // namespace

Result<DetailReader> DetailReader::open(const std::string& top_path, Settler* settler,
                                        Diagnostics* diagnostics) {
  UniqueFd top(::open(top_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top.valid()) return fail_errno(errno, fmt::format("open {}", top_path));
  return DetailReader(std::move(top), settler, diagnostics);
}

bool DetailReader::is_needed(const TreeDirectory& directory) {
  return directory.listed && (directory.repomd || !directory.checksummed.empty());
}

DirectoryDetails DetailReader::read(const TreeDirectory& directory) {
  DirectoryDetails details{directory.path, {}, {}, false};
  const auto warn = [&](std::string_view name, const Error& error) {
    details.incomplete = true;
    diagnostics_->warning(fmt::format(
        "{}: {}; looked at again in the next scan",
        quote_for_message(join_path(directory.path, name), kShownBytes), error.message));
  };
  const auto fd = open_directory(directory.path);
  if (!fd) {
    warn("", fd.error());
    return details;
  }
  if (directory.repomd) {
    auto detail = read_repomd(fd->get(), &details);
    if (detail) {
      details.details.push_back(std::move(*detail));
    } else {
      warn(kRepomd, detail.error());
    }
  }
  if (!directory.checksummed.empty()) {
    if (auto done = read_checksums(fd->get(), directory, &details); !done) warn("", done.error());
  }
  return details;
}

Result<UniqueFd> DetailReader::open_directory(const std::string& path) const {
  UniqueFd fd(::openat(top_.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const std::string_view component : split(path, '/')) {
    if (!fd.valid()) break;
    if (component.empty()) continue;
    fd = UniqueFd(::openat(fd.get(), std::string(component).c_str(),
                           O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!fd.valid()) return fail_errno(errno, "open the directory");
  return fd;
}

Result<DetailReader::OpenedFile> DetailReader::read_stable(int directory_fd,
                                                           const std::string& name,
                                                           uint64_t size_limit) {
  for (int attempt = 0; attempt < scan_limits::kReadAttemptsMax; ++attempt) {
    const UniqueFd fd(
        ::openat(directory_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd.valid()) return fail_errno(errno, "open");
    struct stat before {};
    if (::fstat(fd.get(), &before) != 0) return fail_errno(errno, "stat");
    if (!S_ISREG(before.st_mode)) return fail(ErrorKind::kInvalid, "not a regular file");
    const bool settled = settler_->settle(before.st_ctim.tv_sec);
    MIRROR_TRY(std::string bytes, read_to_end(fd.get(), size_limit));
    struct stat after {};
    struct stat named {};
    if (::fstat(fd.get(), &after) != 0) return fail_errno(errno, "stat");
    if (::fstatat(directory_fd, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno(errno, "stat");
    const bool stable = is_same_file(before, after) && is_same_file(after, named) &&
                        bytes.size() == static_cast<uint64_t>(after.st_size);
    if (!stable) continue;
    return OpenedFile{std::move(bytes),
                      {name, after.st_size, after.st_ctim.tv_sec, after.st_mtim.tv_sec},
                      settled};
  }
  return fail(ErrorKind::kConflict, "replaced again and again while it was read");
}

Result<FileDetail> DetailReader::read_repomd(int directory_fd, DirectoryDetails* details) {
  MIRROR_TRY(const OpenedFile opened,
             read_stable(directory_fd, std::string(kRepomd), scan_limits::kRepomdBytesMax));
  MIRROR_TRY(const RepomdFacts facts, parse_repomd(opened.bytes));
  MIRROR_TRY(FileSums sums, compute_sums(opened.bytes));
  details->repomd = opened.file;
  if (!opened.settled) details->incomplete = true;
  return FileDetail{std::string(kRepomd), opened.file.size,
                    facts.timestamp.value_or(opened.file.mtime), std::move(sums)};
}

Result<void> DetailReader::read_checksums(int directory_fd, const TreeDirectory& directory,
                                          DirectoryDetails* details) {
  std::map<std::string, FileDetail, std::less<>> by_name;
  std::set<std::string> contradicted;
  size_t files = 0;
  for (const TreeFile& candidate : directory.checksummed) {
    const auto kind = checksum_kind(candidate.name);
    if (!kind) continue;
    if (++files > scan_limits::kChecksumFilesMax) {
      return fail(ErrorKind::kLimit, "more than {} checksum files", scan_limits::kChecksumFilesMax);
    }
    auto opened = read_stable(directory_fd, candidate.name, scan_limits::kChecksumBytesMax);
    if (!opened) return with_context(opened.error(), quote_for_message(candidate.name));
    if (!opened->settled) details->incomplete = true;
    auto lines = parse_checksums(opened->bytes, *kind);
    if (!lines) return with_context(lines.error(), quote_for_message(candidate.name));
    for (ChecksumLine& line : *lines) {
      std::string* sum = sum_of(&by_name[line.file].sums, line.kind);
      if (!sum->empty() && *sum != line.sum) contradicted.insert(line.file);
      *sum = std::move(line.sum);
    }
  }
  for (const TreeFile& file : directory.checksummed) {
    const auto found = by_name.find(file.name);
    if (found == by_name.end()) continue;
    if (contradicted.contains(file.name)) {
      diagnostics_->warning(
          fmt::format("{}: left out, its checksum files contradict each other",
                      quote_for_message(join_path(directory.path, file.name), kShownBytes)));
      continue;
    }
    details->details.push_back({file.name, file.size, file.mtime, std::move(found->second.sums)});
  }
  return {};
}

}  // namespace mirror

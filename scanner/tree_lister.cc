#include "scanner/tree_lister.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "base/core/text.h"
#include "scanner/checksum_file.h"
#include "scanner/limits.h"

namespace mirror {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Anybody may list it and reach what is in it.
bool is_open_to_all(const struct stat& status) {
  return (status.st_mode & S_IROTH) != 0 && (status.st_mode & S_IXOTH) != 0;
}

bool has_vanished(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

constexpr size_t kShownBytes = 1000;

std::string shown(const std::string& path) {
  return path.empty() ? "the top directory" : quote_for_message(path);
}

}  // namespace

bool matches_any(const std::vector<Pattern>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const Pattern& pattern) { return pattern.matches(text); });
}

TreeLister::TreeLister(ListerOptions options, const KnownTree& known, Settler* settler,
                       Diagnostics* diagnostics, std::function<void()> advance)
    : options_(std::move(options)),
      known_(known),
      settler_(settler),
      diagnostics_(diagnostics),
      advance_(std::move(advance)) {}

Result<Tree> TreeLister::list() {
  UniqueFd top(::open(options_.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!top.valid()) {
    return fail_errno(
        errno,
        fmt::format("is the tree mounted, and is the rules file right? open {}", options_.path));
  }
  MIRROR_CHECK(visit_opened(Visit{}, std::move(top)));
  std::sort(tree_.directories.begin(), tree_.directories.end(),
            [](const TreeDirectory& a, const TreeDirectory& b) { return a.path < b.path; });
  return std::move(tree_);
}

Result<void> TreeLister::visit(const Visit& at) {
  struct stat status {};
  if (::fstatat(at.parent_fd, at.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (has_vanished(errno)) return {};
    return fail_errno(errno, fmt::format("stat {}", shown(at.path)));
  }
  if (!S_ISDIR(status.st_mode)) return {};
  const auto found = known_.find(at.path);
  if (found != known_.end()) {
    const KnownDirectory& known = found->second;
    const bool same_entries =
        known.ctime == status.st_ctim.tv_sec && status.st_nlink == known.children.size() + 2;
    if (same_entries && !known.must_list && is_repomd_as_known(at, known)) {
      return visit_unchanged(at, known, at.parents_readable && is_open_to_all(status));
    }
  }
  UniqueFd fd(
      ::openat(at.parent_fd, at.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) {
    if (has_vanished(errno)) return {};
    return fail_errno(errno, fmt::format("exclude it, or scan as a user who may read it: open {}",
                                         shown(at.path)));
  }
  return visit_opened(at, std::move(fd));
}

Result<void> TreeLister::visit_unchanged(const Visit& at, const KnownDirectory& known,
                                         bool readable) {
  MIRROR_CHECK(record({at.path, known.ctime, readable, false, {}, {}, known.repomd}));
  if (known.children.empty()) return {};
  // O_PATH: only a place to start from, nothing is read.
  const UniqueFd fd(
      ::openat(at.parent_fd, at.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) {
    if (has_vanished(errno)) return {};
    return fail_errno(errno, fmt::format("open {}", shown(at.path)));
  }
  std::vector<std::string> names;
  for (const std::string& name : known.children) {
    if (!is_excluded(join_path(at.path, name))) names.push_back(name);
  }
  return descend(at, fd.get(), readable, names);
}

Result<void> TreeLister::visit_opened(const Visit& at, UniqueFd fd) {
  MIRROR_TRY(const Settled settled, settle(fd.get(), at.path));
  const bool readable = at.parents_readable && is_open_to_all(settled.status);
  MIRROR_TRY(const Entries entries, read_entries(fd.get(), at.path));
  if (at.depth == 0 && entries.directories.empty() && entries.files.empty() &&
      !options_.allow_empty) {
    return fail(ErrorKind::kRefused,
                "{} is empty: is the tree mounted? (--force scans it all the same)", options_.path);
  }
  TreeDirectory directory{at.path, settled.ctime, readable, false, {}, {}, {}};
  const auto found = known_.find(at.path);
  const bool same_files = found != known_.end() && !found->second.must_list &&
                          found->second.ctime == settled.ctime &&
                          is_repomd_as_known(at, found->second);
  if (same_files) {
    directory.repomd = found->second.repomd;
  } else {
    MIRROR_CHECK(list_files(fd.get(), entries.files, &directory));
  }
  MIRROR_CHECK(record(std::move(directory)));
  return descend(at, fd.get(), readable, entries.directories);
}

Result<TreeLister::Settled> TreeLister::settle(int fd, const std::string& path) {
  Settled settled;
  for (int attempt = 0; attempt < scan_limits::kReadAttemptsMax; ++attempt) {
    if (::fstat(fd, &settled.status) != 0)
      return fail_errno(errno, fmt::format("stat {}", shown(path)));
    if (!settler_->settle(settled.status.st_ctim.tv_sec)) return settled;
    struct stat now {};
    if (::fstat(fd, &now) != 0) return fail_errno(errno, fmt::format("stat {}", shown(path)));
    if (now.st_ctim.tv_sec == settled.status.st_ctim.tv_sec) {
      settled.ctime = now.st_ctim.tv_sec;
      return settled;
    }
  }
  return settled;
}

Result<void> TreeLister::descend(const Visit& at, int fd, bool readable,
                                 const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    MIRROR_CHECK(visit({fd, name, join_path(at.path, name), at.depth + 1, readable}));
  }
  return {};
}

Result<TreeLister::Entries> TreeLister::read_entries(int fd, const std::string& path) {
  const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return fail_errno(errno, fmt::format("open {}", shown(path)));
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(own));
  if (stream == nullptr) {
    const int error = errno;
    ::close(own);
    return fail_errno(error, fmt::format("open {}", shown(path)));
  }
  Entries entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    MIRROR_CHECK(add_entry(fd, path, *entry, &entries));
    if (entries.directories.size() + entries.files.size() > scan_limits::kEntriesPerDirectoryMax) {
      return fail(ErrorKind::kLimit, "{}: more than {} entries", shown(path),
                  scan_limits::kEntriesPerDirectoryMax);
    }
  }
  // A directory that is removed while it is read ends like an empty one; a real error must not.
  if (errno != 0 && errno != ENOENT) return fail_errno(errno, fmt::format("read {}", shown(path)));
  std::sort(entries.directories.begin(), entries.directories.end());
  return entries;
}

Result<void> TreeLister::add_entry(int fd, const std::string& path, const dirent& entry,
                                   Entries* entries) {
  const std::string_view name = entry.d_name;
  if (name == "." || name == "..") return {};
  bool is_directory = entry.d_type == DT_DIR;
  bool is_file = entry.d_type == DT_REG;
  if (entry.d_type == DT_UNKNOWN) {
    struct stat status {};
    if (::fstatat(fd, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (has_vanished(errno)) return {};
      return fail_errno(errno, fmt::format("stat {}", shown(join_path(path, name))));
    }
    is_directory = S_ISDIR(status.st_mode);
    is_file = S_ISREG(status.st_mode);
  }
  if (!is_directory && !is_file) return {};
  const std::string full = join_path(path, name);
  if (!is_acceptable(full) || is_excluded(full)) return {};
  (is_directory ? entries->directories : entries->files).emplace_back(name);
  return {};
}

bool TreeLister::is_acceptable(const std::string& path) {
  const std::string_view name = base_name(path);
  if (!is_valid_utf8(name) || has_control_byte(name)) {
    diagnostics_->warning(fmt::format("{}: skipped, its name is not UTF-8 or holds control bytes",
                                      quote_for_message(path, kShownBytes)));
    return false;
  }
  const auto depth = std::count(path.begin(), path.end(), '/') + 1;
  if (depth > scan_limits::kDepthMax ||
      path.size() + options_.topdir.size() > scan_limits::kPathBytesMax) {
    diagnostics_->warning(fmt::format(
        "{}: skipped, it lies more than {} directories deep or has more than {} bytes",
        quote_for_message(path, kShownBytes), scan_limits::kDepthMax, scan_limits::kPathBytesMax));
    return false;
  }
  return true;
}

Result<void> TreeLister::list_files(int fd, const std::vector<std::string>& names,
                                    TreeDirectory* directory) {
  directory->listed = true;
  std::vector<TreeFile> files;
  files.reserve(names.size());
  bool has_checksums = false;
  const bool is_repodata = base_name(directory->path) == kRepodata;
  for (const std::string& name : names) {
    struct stat status {};
    if (::fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (has_vanished(errno)) continue;
      return fail_errno(errno, fmt::format("stat {}", shown(join_path(directory->path, name))));
    }
    if (!S_ISREG(status.st_mode)) continue;
    files.push_back({name, status.st_size, status.st_ctim.tv_sec, status.st_mtim.tv_sec});
    has_checksums |= checksum_kind(name).has_value();
    if (is_repodata && name == kRepomd) directory->repomd = files.back();
  }
  if (has_checksums) directory->checksummed = files;
  directory->sample = select_sample(std::move(files), options_.sample, is_repodata ? kRepomd : "");
  return {};
}

Result<void> TreeLister::record(TreeDirectory directory) {
  if (tree_.directories.size() >= scan_limits::kDirectoriesMax) {
    return fail(ErrorKind::kLimit, "more than {} directories", scan_limits::kDirectoriesMax);
  }
  tree_.directories.push_back(std::move(directory));
  advance_();
  return {};
}

bool TreeLister::is_repomd_as_known(const Visit& at, const KnownDirectory& known) const {
  if (base_name(at.path) != kRepodata) return true;
  struct stat status {};
  const std::string below = at.name + "/" + std::string(kRepomd);
  const bool exists = ::fstatat(at.parent_fd, below.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                      S_ISREG(status.st_mode);
  if (!exists || !known.repomd) return exists == known.repomd.has_value();
  return known.repomd->size == status.st_size && known.repomd->ctime == status.st_ctim.tv_sec;
}

bool TreeLister::is_excluded(const std::string& path) const {
  return matches_any(options_.excludes, join_path(options_.topdir, path));
}

}  // namespace mirror

// Walks a local tree.
//
// What is read, and why that is enough. Every directory is stat'ed in every scan, since a
// directory's ctime changes when an entry is added, removed, renamed or replaced in it, and when
// its permissions change, but not when something changes further below. Then, by what the database
// knows:
//
// - Its ctime is as stored, and st_nlink - 2 is the number of its directories in the database:
//   nothing in it is new. It is not read; its directories are those of the database. One without
//   directories is not even opened.
// - Its ctime is as stored, but the link count is another (an excluded or forgotten directory, or a
//   file system like Btrfs that does not count): its entries are read for the directories among
//   them; its files are left alone.
// - Anything else: its entries are read and every regular file is stat'ed for the sample.
//
// A file that is rewritten in place does not change its directory's ctime. Every tool that makes
// repositories replaces repomd.xml by rename, but it is what clients trust, so it is stat'ed in
// every scan and compared with the sample. Checksum files and images that are rewritten in place go
// unnoticed until their directory changes.
//
// Symbolic links are never followed, except in the path of the top directory. Names that are not
// UTF-8, or hold control bytes, or lead too deep are skipped with a warning. A directory that
// cannot be read is an error of the whole scan: taking it for empty would delete what is below.
// Directories that vanish during the walk are left out.
//
// Not thread-safe; blocks; holds one descriptor for each level.
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "base/core/unique_fd.h"
#include "scanner/diagnostics.h"
#include "scanner/file_sample.h"
#include "scanner/pattern.h"
#include "scanner/settle.h"
#include "scanner/tree.h"

namespace mirror {

struct ListerOptions {
  std::string path;    // of the top directory on this machine
  std::string topdir;  // its name in the database, which the excludes see
  std::vector<Pattern> excludes;
  SampleRules sample;
  bool allow_empty = false;
};

class TreeLister {
 public:
  // `known`, `settler` and `diagnostics` are borrowed; `advance` is called once for each directory.
  TreeLister(ListerOptions options, const KnownTree& known, Settler* settler,
             Diagnostics* diagnostics, std::function<void()> advance);

  // kRefused: the top directory holds nothing, which is what an unmounted file system looks like.
  [[nodiscard]] Result<Tree> list();

 private:
  struct Entries {
    std::vector<std::string> directories, files;
  };
  // A directory on its way into the tree.
  struct Visit {
    int parent_fd = -1;
    std::string name;  // in the parent
    std::string path;
    int depth = 0;
    bool parents_readable = true;
  };

  // An open directory whose entries may be read now; ctime is 0 if it would not settle.
  struct Settled {
    struct stat status {};
    int64_t ctime = 0;
  };

  Result<void> visit(const Visit& at);
  Result<void> visit_unchanged(const Visit& at, const KnownDirectory& known, bool readable);
  Result<void> visit_opened(const Visit& at, UniqueFd fd);
  Result<void> descend(const Visit& at, int fd, bool readable,
                       const std::vector<std::string>& names);
  Result<Settled> settle(int fd, const std::string& path);
  Result<Entries> read_entries(int fd, const std::string& path);
  Result<void> add_entry(int fd, const std::string& path, const dirent& entry, Entries* entries);
  Result<void> list_files(int fd, const std::vector<std::string>& names, TreeDirectory* directory);
  Result<void> record(TreeDirectory directory);
  bool is_repomd_as_known(const Visit& at, const KnownDirectory& known) const;
  bool is_acceptable(const std::string& path);
  bool is_excluded(const std::string& path) const;

  ListerOptions options_;
  const KnownTree& known_;
  Settler* settler_;
  Diagnostics* diagnostics_;
  std::function<void()> advance_;
  Tree tree_;
};

[[nodiscard]] bool matches_any(const std::vector<Pattern>& patterns, std::string_view text);

}  // namespace mirror

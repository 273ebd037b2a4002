// Reads what clients verify files by: repomd.xml, whole, and checksum files, of the directories
// that the lister found changed. No other file is opened.
//
// A file may be replaced at any moment. Size, times and sums of one record always come from one
// opened file: it is stat'ed, read to its end, stat'ed again, and read anew (a bounded number of
// times) if it changed meanwhile or if its name leads to another file by then. Blocks; not
// thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/core/error.h"
#include "base/core/unique_fd.h"
#include "scanner/diagnostics.h"
#include "scanner/file_digests.h"
#include "scanner/settle.h"
#include "scanner/tree.h"

namespace mirror {

struct FileDetail {
  std::string file_name;
  int64_t size = 0;
  // repomd.xml: from inside (its mtime if there is none inside); others: mtime.
  int64_t timestamp = 0;
  FileSums sums;
};

struct DirectoryDetails {
  std::string path;
  std::vector<FileDetail> details;
  std::optional<TreeFile> repomd;  // as read, which may be newer than what the lister saw
  // Something could not be read or made no sense: the directory must count as changed in the next
  // scan too.
  bool incomplete = false;
};

class DetailReader {
 public:
  [[nodiscard]] static Result<DetailReader> open(const std::string& top_path, Settler* settler,
                                                 Diagnostics* diagnostics);

  // True if there is anything to read in this directory.
  [[nodiscard]] static bool is_needed(const TreeDirectory& directory);
  // Faults of single files are warnings and make the details incomplete.
  [[nodiscard]] DirectoryDetails read(const TreeDirectory& directory);

 private:
  struct OpenedFile {
    std::string bytes;
    TreeFile file;
    bool settled = false;
  };

  DetailReader(UniqueFd top, Settler* settler, Diagnostics* diagnostics)
      : top_(std::move(top)), settler_(settler), diagnostics_(diagnostics) {}

  Result<UniqueFd> open_directory(const std::string& path) const;
  Result<OpenedFile> read_stable(int directory_fd, const std::string& name, uint64_t size_limit);
  Result<FileDetail> read_repomd(int directory_fd, DirectoryDetails* details);
  Result<void> read_checksums(int directory_fd, const TreeDirectory& directory,
                              DirectoryDetails* details);

  UniqueFd top_;
  Settler* settler_;
  Diagnostics* diagnostics_;
};

}  // namespace mirror

// The rows of file_detail, kept compactly until all have been read, then rendered file by file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/diagnostics.h"
#include "compiler/world.h"
#include "schema/database/rows.h"

namespace mirror {

class FileDetails {
 public:
  // `directory` is any number of the caller's that files of one directory share. Rows in the order
  // of their ids.
  void add(uint32_t directory, const FileDetailRow& row, Diagnostics& diagnostics);

  // For each directory, ascending: calls `files_of(directory)` for the list of files and fills it;
  // the blocks go to `blocks`. Newest version first, without a timestamp last, equal ones by id
  // (C-06, C-07).
  template <typename FilesOf>
  void render(std::string& blocks, FilesOf files_of) {
    sort();
    for (size_t begin = 0; begin < details_.size();) {
      const size_t end = end_of_file(begin);
      files_of(details_[begin].directory).push_back(render_file(begin, end, blocks));
      begin = end;
    }
  }

 private:
  static constexpr size_t kHashKinds = 4;  // md5, sha1, sha256, sha512
  struct Detail {
    uint32_t directory;
    uint32_t name;       // names_
    uint64_t timestamp;  // 0: none, or not a time (C-13)
    uint64_t size;
    size_t hashes;  // offset in hashes_, one after the other
    uint16_t hash_sizes[kHashKinds];
    bool has_timestamp;
  };

  void sort();
  [[nodiscard]] size_t end_of_file(size_t begin) const;
  [[nodiscard]] WorldFile render_file(size_t begin, size_t end, std::string& blocks) const;

  std::vector<Detail> details_;
  Interner<char> names_;
  std::string hashes_;
};

}  // namespace mirror

// The snapshots that a simulation swaps between: real files, good and bad, made once. Every URL of
// a good one holds its mark, so that each answer tells which generation it came from.
#pragma once

#include <string>
#include <vector>

#include "schema/snapshot/snapshot_directory.h"
#include "tests/unit/serve/test_snapshots.h"

namespace mirror::sim {

struct LibraryFile {
  Current current;
  std::string mark;
  size_t hosts = 0;
  bool good = true;
};

class Library {
 public:
  Library();
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }
  [[nodiscard]] const std::vector<LibraryFile>& files() const { return files_; }
  // The good file of this sequence number; nullptr if there is none.
  [[nodiscard]] const LibraryFile* find(uint64_t sequence) const;

 private:
  TemporaryDirectory directory_;
  std::vector<LibraryFile> files_;
};

}  // namespace mirror::sim

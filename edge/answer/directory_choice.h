// Which directory, and which file in it, a question is about.
//
// By path: the path as a directory, else its last component as a file of the directory before it
// (whether the file exists is not asked). By repository and architecture: the repository's redirect
// is followed once, and a repository with `source` in its name, as sent or as redirected, has the
// architecture `source`.
#pragma once

#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>

#include "edge/answer/question.h"
#include "edge/answer/refusal.h"
#include "edge/answer/text_buffer.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct DirectoryChoice {
  uint32_t directory = kNone;  // SnapshotView::directories
  bool is_directory = false;   // no file is named: URLs end with a slash
  std::string_view file;
  std::string_view path;  // question.has_path: normalised, for the first line of a list
  std::string_view repository,
      arch;                      // otherwise: after redirect and source rule, for the first line
  std::string_view logged_arch;  // question.has_repository: for the access log
};

// What it returns points into the question, the snapshot and `scratch`, to which it appends at most
// kDirectoryScratchMax bytes. Does not allocate.
inline constexpr size_t kDirectoryScratchMax = 2 * kTargetSizeMax + 16;
[[nodiscard]] tl::expected<DirectoryChoice, Refusal> choose_directory(const SnapshotView& view,
                                                                      const Question& question,
                                                                      TextBuffer& scratch);

// What a metalink tells of (SnapshotView::files): only files whose checksums are known.
[[nodiscard]] tl::expected<uint32_t, Refusal> find_metalink_file(const SnapshotView& view,
                                                                 const DirectoryChoice& choice);

}  // namespace mirror

// directory.files: the files by which a crawler judges whether a mirror has a directory. Small
// directories are kept whole, package directories and enormous ones by their newest files.
//
// The encoding is MirrorManager2's: a JSON array of {"name", "size", "timestamp"}, sorted by name,
// UTF-8. `timestamp` is the file's ctime.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scanner/tree.h"

namespace mirror {

struct SampleRules {
  size_t newest = 3;      // how many files a sampled directory keeps
  size_t threshold = 10;  // sampled when more files than this end in one of .html .rpm .hdr .drpm
};

// The newest are those with the greatest (ctime, name, size). `always` is kept in any case ("" for
// none).
[[nodiscard]] std::vector<TreeFile> select_sample(std::vector<TreeFile> files,
                                                  const SampleRules& rules,
                                                  std::string_view always);

// REQUIRES: names are valid UTF-8.
[[nodiscard]] std::string encode_sample(const std::vector<TreeFile>& files);

// True for the encoding above; false for what older programs left (pickles, nothing at all).
[[nodiscard]] bool looks_like_sample(std::string_view bytes);

// One file of a stored sample. nullopt if it is not there or the bytes are no such JSON.
[[nodiscard]] std::optional<TreeFile> find_in_sample(std::string_view bytes, std::string_view name);

}  // namespace mirror

// A master tree as the lister saw it: plain data, no logic. Paths are relative to the top
// directory, which is ""; times are seconds since 1970 UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/core/repodata.h"

namespace mirror {

struct TreeFile {
  std::string name;
  int64_t size = 0;
  int64_t ctime = 0;
  int64_t mtime = 0;
  bool operator==(const TreeFile&) const = default;
};

struct TreeDirectory {
  std::string path;
  int64_t ctime = 0;      // 0: changed too recently to be trusted (settle.h), look again next time
  bool readable = false;  // by everybody, through every directory above it up to the top one
  // False: nothing changed since the database last saw it, and `sample` and `checksummed` are
  // empty.
  bool listed = false;
  std::vector<TreeFile> sample;  // what directory.files keeps (file_sample.h)
  // Every file, if there are checksum files among them; otherwise empty.
  std::vector<TreeFile> checksummed;
  // repomd.xml, looked at in every directory that is called repodata.
  std::optional<TreeFile> repomd;
};

struct Tree {
  std::vector<TreeDirectory> directories;  // by path, in byte order; the first is the top directory
};

// What the database knows of a directory: lets the lister leave alone what did not change.
struct KnownDirectory {
  int64_t ctime = 0;
  bool must_list = false;             // what is stored is incomplete
  std::vector<std::string> children;  // names of its directories
  std::optional<TreeFile> repomd;     // name, size and ctime as stored; its mtime is not known
};
using KnownTree = std::unordered_map<std::string, KnownDirectory>;

[[nodiscard]] inline std::string join_path(const std::string& parent, std::string_view name) {
  return parent.empty() ? std::string(name) : parent + "/" + std::string(name);
}
// The name in the database of a path below the top directory. Either may be "".
[[nodiscard]] inline std::string full_name(const std::string& topdir, const std::string& path) {
  return path.empty() ? topdir : join_path(topdir, path);
}
// The last component; "" for "".
[[nodiscard]] inline std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}
// What lies above it; "" for a path of one component.
[[nodiscard]] inline std::string_view parent_path(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

}  // namespace mirror

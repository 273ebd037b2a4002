// Texts that a snapshot holds ready-made. The compiler renders them and validate() compares, with
// the same functions, so that a reader may paste them into an answer without looking at them.
// Formats: Metalink 3.0 as MirrorManager's mirrorlist-server writes it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/snapshot/snapshot.h"

namespace mirror {

// By the text before "://"; names are compared as bytes, in lower case, as clients' protocol= is.
[[nodiscard]] UrlScheme scheme_of(std::string_view url);

// `    <url protocol="S" type="S" location="CC" preference="`. `country` is upper-case or empty.
[[nodiscard]] std::string metalink_url_head(std::string_view base, std::string_view country);

// One version of a file. An absent number is 0, an absent hash is empty.
struct FileVersion {
  uint64_t timestamp = 0;
  uint64_t size = 0;
  std::string_view md5, sha1, sha256, sha512;
};
inline constexpr std::string_view kFileBlockBegin = " <files>\n";
inline constexpr std::string_view kFileBlockEnd = "   <resources maxconnections=\"1\">\n";
// More alternates would only make a metalink longer than any client reads.
inline constexpr size_t kAlternatesMax = 10;
// From ` <files>` to `<resources ...>`; the first version is the main one, the next kAlternatesMax
// are alternates. Appends to `out`.
void render_file_block(std::string_view name, std::span<const FileVersion> versions,
                       std::string& out);

// Whether such a block tells a checksum of its main version: without one, clients have nothing to
// verify by.
[[nodiscard]] bool has_checksums(std::string_view block);

// `# repo=PREFIX&arch=ARCH` lines below a heading, for every key of exactly two parts around one
// '+'.
template <typename Keys>  // a range of std::string_view in ascending order
[[nodiscard]] std::string render_repository_list(const Keys& keys) {
  std::string list = "# following repositories are available:\n";
  for (const std::string_view key : keys) {
    const auto plus = key.find('+');
    if (plus == std::string_view::npos || key.find('+', plus + 1) != std::string_view::npos)
      continue;
    list.append("# repo=")
        .append(key.substr(0, plus))
        .append("&arch=")
        .append(key.substr(plus + 1))
        .append("\n");
  }
  return list;
}

// Puts a blank between any two hyphens that touch: what an XML comment may hold.
[[nodiscard]] std::string comment_safe(std::string_view text);

}  // namespace mirror

// Files that list checksums of their neighbours: *-CHECKSUM, SHA256SUM and the like, as `sha256sum`
// writes them
// ("SUM  FILE", "SUM *FILE") or in BSD's form ("SHA256 (FILE) = SUM"). The armour of a PGP
// signature, comments and everything else that is neither form is passed over.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"

namespace mirror {

enum class ChecksumKind { kMd5, kSha1, kSha256, kSha512 };

[[nodiscard]] constexpr size_t hex_length(ChecksumKind kind) {
  switch (kind) {
    case ChecksumKind::kMd5:
      return 32;
    case ChecksumKind::kSha1:
      return 40;
    case ChecksumKind::kSha256:
      return 64;
    case ChecksumKind::kSha512:
      return 128;
  }
  return 0;
}

// By the file's name: what its plain lines hold; nullopt: no checksum file.
[[nodiscard]] std::optional<ChecksumKind> checksum_kind(std::string_view file_name);

struct ChecksumLine {
  std::string file;  // without a directory
  ChecksumKind kind = ChecksumKind::kSha256;
  std::string sum;  // lower-case hexadecimal
};

// Plain lines must have the length of `kind`, lines in BSD's form that of the algorithm they name.
// Files in other directories are left out. kLimit: more than scan_limits::kChecksumEntriesMax lines
// of either form.
[[nodiscard]] Result<std::vector<ChecksumLine>> parse_checksums(std::string_view text,
                                                                ChecksumKind kind);

}  // namespace mirror

#include "scanner/checksum_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/core/text.h"
#include "scanner/limits.h"

namespace mirror {
namespace {

struct KindNames {
  ChecksumKind kind;
  std::string_view suffix, whole, text_file;
};
constexpr std::array<KindNames, 4> kKindNames = {{
    {ChecksumKind::kSha1, ".sha1sum", "SHA1SUM", "sha1sum.txt"},
    {ChecksumKind::kMd5, ".md5sum", "MD5SUM", "md5sum.txt"},
    {ChecksumKind::kSha256, "-CHECKSUM", "SHA256SUM", "sha256sum.txt"},
    {ChecksumKind::kSha512, ".sha512sum", "SHA512SUM", "sha512sum.txt"},
}};

constexpr std::array<std::pair<std::string_view, ChecksumKind>, 4> kAlgorithms = {{
    {"MD5", ChecksumKind::kMd5},
    {"SHA1", ChecksumKind::kSha1},
    {"SHA256", ChecksumKind::kSha256},
    {"SHA512", ChecksumKind::kSha512},
}};

// The sum in lower case, or nullopt if `text` is no sum of this kind.
std::optional<std::string> read_sum(std::string_view text, ChecksumKind kind) {
  if (text.size() != hex_length(kind)) return std::nullopt;
  std::string sum(text);
  for (char& c : sum) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
  }
  return sum;
}

std::optional<std::string> read_name(std::string_view text) {
  if (text.starts_with("./")) text.remove_prefix(2);
  if (text.empty() || text == "." || text == ".." || text.find('/') != std::string_view::npos)
    return std::nullopt;
  return std::string(text);
}

// "SHA256 (FILE) = SUM"
std::optional<ChecksumLine> read_bsd_line(std::string_view line) {
  const auto open = line.find(" (");
  const auto close = line.rfind(") = ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2)
    return std::nullopt;
  const auto algorithm =
      std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                   [&](const auto& entry) { return entry.first == line.substr(0, open); });
  if (algorithm == kAlgorithms.end()) return std::nullopt;
  auto name = read_name(line.substr(open + 2, close - open - 2));
  auto sum = read_sum(line.substr(close + 4), algorithm->second);
  if (!name || !sum) return std::nullopt;
  return ChecksumLine{std::move(*name), algorithm->second, std::move(*sum)};
}

// "SUM  FILE" or "SUM *FILE"; some tools put one blank only.
std::optional<ChecksumLine> read_plain_line(std::string_view line, ChecksumKind kind) {
  const size_t length = hex_length(kind);
  if (line.size() < length + 2 || (line[length] != ' ' && line[length] != '\t'))
    return std::nullopt;
  auto sum = read_sum(line.substr(0, length), kind);
  if (!sum) return std::nullopt;
  std::string_view rest = line.substr(length + 1);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  if (rest.starts_with('*')) rest.remove_prefix(1);
  auto name = read_name(rest);
  if (!name) return std::nullopt;
  return ChecksumLine{std::move(*name), kind, std::move(*sum)};
}

}  // namespace

std::optional<ChecksumKind> checksum_kind(std::string_view file_name) {
  for (const KindNames& names : kKindNames) {
    if (file_name == names.whole || file_name == names.text_file ||
        (file_name.size() > names.suffix.size() && file_name.ends_with(names.suffix))) {
      return names.kind;
    }
  }
  return std::nullopt;
}

Result<std::vector<ChecksumLine>> parse_checksums(std::string_view text, ChecksumKind kind) {
  std::vector<ChecksumLine> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    auto entry = read_bsd_line(line);
    if (!entry) entry = read_plain_line(line, kind);
    if (!entry) continue;
    if (lines.size() >= scan_limits::kChecksumEntriesMax) {
      return fail(ErrorKind::kLimit, "more than {} checksums", scan_limits::kChecksumEntriesMax);
    }
    lines.push_back(std::move(*entry));
  }
  return lines;
}

}  // namespace mirror

#include "compiler/file_details.h"

#include <algorithm>
#include <tuple>

#include "base/core/text.h"
#include "compiler/text_rules.h"

namespace mirror {
namespace {

constexpr std::string_view kTable = "file_detail";
// The longest that anybody uses has 128 digits.
constexpr size_t kHashSizeMax = 1024;

uint64_t not_negative(std::optional<int64_t> value, std::string_view reason, int64_t id,
                      Diagnostics& diagnostics) {
  if (value && *value < 0) diagnostics.add(kTable, reason, id);
  return value && *value > 0 ? static_cast<uint64_t>(*value) : 0;
}

}  // namespace

void FileDetails::add(uint32_t directory, const FileDetailRow& row, Diagnostics& diagnostics) {
  if (row.filename.empty() || row.filename.size() > kFileNameMax || !is_clean_text(row.filename)) {
    return diagnostics.add(kTable, "file names are empty, too long or hold control bytes; left out",
                           row.id, quote_for_message(row.filename));
  }
  Detail detail{};
  detail.directory = directory;
  detail.name = names_.intern(std::string_view(row.filename));
  detail.has_timestamp = row.timestamp.has_value();
  detail.timestamp =
      not_negative(row.timestamp, "timestamps are negative; read as 0", row.id, diagnostics);
  detail.size = not_negative(row.size, "sizes are negative; read as 0", row.id, diagnostics);
  detail.hashes = hashes_.size();
  const std::optional<std::string>* hashes[kHashKinds] = {&row.md5, &row.sha1, &row.sha256,
                                                          &row.sha512};
  for (size_t kind = 0; kind < kHashKinds; ++kind) {
    const std::string_view hash =
        *hashes[kind] ? std::string_view(**hashes[kind]) : std::string_view();
    if (hash.size() > kHashSizeMax || !is_clean_text(hash)) {
      diagnostics.add(kTable, "hashes are too long or hold control bytes; left out", row.id);
      continue;
    }
    detail.hash_sizes[kind] = static_cast<uint16_t>(hash.size());
    hashes_ += hash;
  }
  details_.push_back(detail);
}

void FileDetails::sort() {
  // Rows came by id, so a stable sort keeps that order among equal timestamps.
  std::ranges::stable_sort(details_, [](const Detail& a, const Detail& b) {
    if (a.directory != b.directory) return a.directory < b.directory;
    if (a.name != b.name) return a.name < b.name;
    if (a.has_timestamp != b.has_timestamp) return a.has_timestamp;
    return a.timestamp > b.timestamp;
  });
}

size_t FileDetails::end_of_file(size_t begin) const {
  size_t end = begin;
  while (end < details_.size() && details_[end].directory == details_[begin].directory &&
         details_[end].name == details_[begin].name) {
    ++end;
  }
  return end;
}

WorldFile FileDetails::render_file(size_t begin, size_t end, std::string& blocks) const {
  std::vector<FileVersion> versions;
  for (size_t i = begin; i < std::min(end, begin + 1 + kAlternatesMax); ++i) {
    const Detail& detail = details_[i];
    std::string_view rest = std::string_view(hashes_).substr(detail.hashes);
    const auto take = [&](size_t kind) {
      const auto hash = rest.substr(0, detail.hash_sizes[kind]);
      rest.remove_prefix(hash.size());
      return hash;
    };
    FileVersion version;
    version.timestamp = detail.timestamp;
    version.size = detail.size;
    version.md5 = take(0);
    version.sha1 = take(1);
    version.sha256 = take(2);
    version.sha512 = take(3);
    versions.push_back(version);
  }
  const auto name = names_.text(details_[begin].name);
  const size_t at = blocks.size();
  render_file_block(name, versions, blocks);
  return {std::string(name), at, blocks.size() - at};
}

}  // namespace mirror

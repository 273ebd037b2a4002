#include "scanner/file_sample.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "scanner/limits.h"

namespace mirror {
namespace {

constexpr std::array<std::string_view, 4> kCountedSuffixes = {".html", ".rpm", ".hdr", ".drpm"};

bool needs_sampling(const std::vector<TreeFile>& files, size_t threshold) {
  if (files.size() > scan_limits::kSampleFilesMax) return true;
  return std::any_of(
      kCountedSuffixes.begin(), kCountedSuffixes.end(), [&](std::string_view suffix) {
        const auto count = std::count_if(files.begin(), files.end(), [&](const TreeFile& file) {
          return std::string_view(file.name).ends_with(suffix);
        });
        return static_cast<size_t>(count) > threshold;
      });
}

bool newer(const TreeFile& a, const TreeFile& b) {
  return std::tie(a.ctime, a.name, a.size) > std::tie(b.ctime, b.name, b.size);
}

}  // namespace

std::vector<TreeFile> select_sample(std::vector<TreeFile> files, const SampleRules& rules,
                                    std::string_view always) {
  if (needs_sampling(files, rules.threshold) && files.size() > rules.newest) {
    const auto end = files.begin() + static_cast<ptrdiff_t>(rules.newest);
    std::partial_sort(files.begin(), end, files.end(), newer);
    const auto kept =
        std::find_if(end, files.end(), [&](const TreeFile& file) { return file.name == always; });
    if (kept != files.end()) {
      std::iter_swap(end, kept);
      files.resize(rules.newest + 1);
    } else {
      files.resize(rules.newest);
    }
  }
  std::sort(files.begin(), files.end(),
            [](const TreeFile& a, const TreeFile& b) { return a.name < b.name; });
  return files;
}

std::string encode_sample(const std::vector<TreeFile>& files) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartArray();
  for (const TreeFile& file : files) {
    writer.StartObject();
    writer.Key("name");
    writer.String(file.name.data(), static_cast<rapidjson::SizeType>(file.name.size()));
    writer.Key("size");
    writer.Int64(file.size);
    writer.Key("timestamp");
    writer.Int64(file.ctime);
    writer.EndObject();
  }
  writer.EndArray();
  return {buffer.GetString(), buffer.GetSize()};
}

bool looks_like_sample(std::string_view bytes) {
  return bytes.size() >= 2 && bytes.front() == '[' && bytes.back() == ']';
}

std::optional<TreeFile> find_in_sample(std::string_view bytes, std::string_view name) {
  rapidjson::Document document;
  // Iterative, since the depth of a stored text is anybody's.
  document.Parse<rapidjson::kParseIterativeFlag>(bytes.data(), bytes.size());
  if (document.HasParseError() || !document.IsArray()) return std::nullopt;
  for (const auto& entry : document.GetArray()) {
    if (!entry.IsObject()) continue;
    const auto found = entry.FindMember("name");
    if (found == entry.MemberEnd() || !found->value.IsString()) continue;
    if (std::string_view(found->value.GetString(), found->value.GetStringLength()) != name)
      continue;
    const auto size = entry.FindMember("size");
    const auto timestamp = entry.FindMember("timestamp");
    if (size == entry.MemberEnd() || !size->value.IsInt64()) return std::nullopt;
    if (timestamp == entry.MemberEnd() || !timestamp->value.IsInt64()) return std::nullopt;
    return TreeFile{std::string(name), size->value.GetInt64(), timestamp->value.GetInt64(), 0};
  }
  return std::nullopt;
}

}  // namespace mirror

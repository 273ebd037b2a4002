#include "compiler/text_rules.h"

#include <algorithm>

#include "base/core/repodata.h"
#include "base/core/text.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

bool is_clean_text(std::string_view text) {
  return text.size() <= kTextSizeMax && is_valid_utf8(text) && !has_control_byte(text);
}

std::variant<std::string, UrlFault> normalize_url(std::string_view text) {
  text = trim(text);
  while (text.ends_with('/')) text.remove_suffix(1);
  if (text.empty()) return UrlFault{"are empty"};
  if (!is_clean_text(text)) return UrlFault{"hold control bytes, are not UTF-8 or too long"};
  if (text.find(' ') != std::string_view::npos) return UrlFault{"hold blanks"};
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos || scheme_end == 0)
    return UrlFault{"have no scheme like https://"};
  const auto server = scheme_end + std::string_view("://").size();
  if (server == text.size() || text[server] == '/') return UrlFault{"name no server"};
  return std::string(text);
}

std::string normalize_country(std::string_view text) { return upper_ascii(trim(text)); }

std::optional<std::string_view> subpath_below(std::string_view topdir, std::string_view name) {
  while (topdir.ends_with('/')) topdir.remove_suffix(1);
  if (topdir.empty()) return name;
  if (!name.starts_with(topdir)) return std::nullopt;
  const auto rest = name.substr(topdir.size());
  if (rest.empty()) return rest;
  return rest[0] == '/' ? std::optional(rest.substr(1)) : std::nullopt;
}

std::string metadata_directory(std::string_view repository_directory) {
  const std::string metadata = "/" + std::string(kRepodata);
  std::string directory(repository_directory);
  if (!repository_directory.ends_with(metadata)) directory += metadata;
  return directory;
}

uint32_t clamp_weight(int64_t bandwidth) {
  return static_cast<uint32_t>(std::clamp<int64_t>(bandwidth, 1, int64_t{kWeightMax}));
}

}  // namespace mirror

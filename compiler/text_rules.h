// What a text must be to enter a snapshot, whatever it was read from.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace mirror {

// Valid UTF-8 of at most kTextSizeMax bytes without control bytes: such a text can be put into a
// list line, a header or an attribute without doing harm.
[[nodiscard]] bool is_clean_text(std::string_view text);

// Trimmed, without slashes at its end (C-08). The reason, a fixed text, if it is no URL that could
// be offered.
struct UrlFault {
  std::string_view reason;
};
[[nodiscard]] std::variant<std::string, UrlFault> normalize_url(std::string_view text);

// Trimmed and upper-cased, as all countries and continents are compared.
[[nodiscard]] std::string normalize_country(std::string_view text);

// What follows the top directory of a category in the name of one of its directories; nullopt if
// the directory does not lie below it (C-16). A slash at the end of the top directory does not
// count.
[[nodiscard]] std::optional<std::string_view> subpath_below(std::string_view topdir,
                                                            std::string_view name);

// Where the repomd.xml of a repository lies, of which its metalink speaks.
[[nodiscard]] std::string metadata_directory(std::string_view repository_directory);

// A weight as hosts have it: 1 to kWeightMax.
[[nodiscard]] uint32_t clamp_weight(int64_t bandwidth);

}  // namespace mirror

// What an operator types as a question, as the target of a request. Pure.
#pragma once

#include <string>
#include <string_view>

namespace mirror {

// A whole URL, its path and query, or `mirrorlist?...`, `metalink?...`; anything else is the query
// of a list.
[[nodiscard]] std::string question_target(std::string_view typed);

// The same target as HTTP takes it: without a fragment, and with every byte percent-encoded that
// may not stand in it (RFC 3986 section 2.1); the edge decodes them.
[[nodiscard]] std::string target_for_http(std::string_view target);

}  // namespace mirror

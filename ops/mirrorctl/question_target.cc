#include "ops/mirrorctl/question_target.h"

#include <fmt/format.h>

#include <algorithm>

namespace mirror {
namespace {

bool is_scheme_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '-' || c == '.';
}

bool is_url(std::string_view typed) {
  const size_t end = typed.find("://");
  return end != std::string_view::npos && end > 0 &&
         std::all_of(typed.begin(), typed.begin() + static_cast<std::ptrdiff_t>(end),
                     is_scheme_byte);
}

bool may_stand_in_target(char c) {
  return c > ' ' && c < 0x7f && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
}

}  // namespace

std::string question_target(std::string_view typed) {
  if (is_url(typed)) {
    const size_t path = typed.find_first_of("/?#", typed.find("://") + 3);
    if (path == std::string_view::npos) return "/";
    typed.remove_prefix(path);
    return typed.starts_with('/') ? std::string(typed) : "/" + std::string(typed);
  }
  if (typed.starts_with('/')) return std::string(typed);
  if (typed.starts_with("mirrorlist?") || typed.starts_with("metalink?")) {
    return "/" + std::string(typed);
  }
  if (typed.starts_with('?')) typed.remove_prefix(1);
  return "/mirrorlist?" + std::string(typed);
}

std::string target_for_http(std::string_view target) {
  std::string encoded;
  for (const char c : target.substr(0, target.find('#'))) {
    if (may_stand_in_target(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace mirror

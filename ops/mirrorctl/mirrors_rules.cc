#include "ops/mirrorctl/mirrors_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/core/netblock_text.h"
#include "base/core/text.h"

namespace mirror {
namespace {

constexpr size_t kNameSizeMax = 255;
constexpr size_t kUrlSizeMax = 2048;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_control_or_blank(char c) { return is_control_byte(c) || c == ' '; }

}  // namespace

std::optional<std::string> wrong_name(std::string_view text) {
  if (text.empty()) return "must not be empty";
  if (trim(text) != text) return quote_for_message(text) + " has blanks at its ends";
  if (has_control_byte(text)) return quote_for_message(text) + " has control characters";
  if (!is_valid_utf8(text)) return quote_for_message(text) + " is not UTF-8";
  if (text.size() > kNameSizeMax) return fmt::format("is longer than {} bytes", kNameSizeMax);
  return std::nullopt;
}

std::optional<std::string> wrong_country(std::string_view text) {
  if (text.size() == 2 && is_letter(text[0]) && is_letter(text[1])) return std::nullopt;
  return quote_for_message(text) + " is not a country code of two letters";
}

std::optional<std::string> wrong_top_directory(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (auto wrong = wrong_name(text)) return wrong;
  for (const std::string_view part : split(text, '/')) {
    if (part.empty())
      return quote_for_message(text) + " must have no slash at its ends and no two in a row";
    if (part == "." || part == "..") return quote_for_message(text) + " must not contain . or ..";
  }
  return std::nullopt;
}

std::optional<std::string> wrong_netblock(std::string_view text) {
  const NetblockText netblock = parse_netblock(text, true);
  if (const auto* prefix = std::get_if<IpPrefix>(&netblock)) {
    if (width_of(*prefix) != PrefixWidth::kAll) return std::nullopt;
    return quote_for_message(text) + " is the whole Internet: name a smaller network";
  }
  if (std::holds_alternative<NetblockName>(netblock)) return std::nullopt;
  return quote_for_message(text) +
         " is neither a network (192.0.2.0/24, 2001:db8::/32), an address nor a DNS name";
}

std::optional<std::string> wrong_url(std::string_view text) {
  const size_t separator = text.find("://");
  if (separator == std::string_view::npos || separator == 0) {
    return quote_for_message(text) + " is not a URL: write https://HOST/PATH";
  }
  const auto scheme = text.substr(0, separator);
  if (!std::ranges::all_of(
          scheme, [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-'; })) {
    return quote_for_message(text) + " has no scheme like https";
  }
  if (text.size() == separator + 3 || text[separator + 3] == '/')
    return quote_for_message(text) + " lacks the host";
  if (std::ranges::any_of(text, is_control_or_blank))
    return quote_for_message(text) + " has blanks or control characters";
  if (!is_valid_utf8(text)) return quote_for_message(text) + " is not UTF-8";
  if (text.size() > kUrlSizeMax) return fmt::format("is longer than {} bytes", kUrlSizeMax);
  return std::nullopt;
}

std::optional<std::string> wrong_asn(int64_t number) {
  if (number >= 1 && number <= std::numeric_limits<int32_t>::max()) return std::nullopt;
  return fmt::format("{} is not an AS number from 1 to {} (the column holds no larger one)", number,
                     std::numeric_limits<int32_t>::max());
}

std::optional<std::string> wrong_bandwidth(int64_t mbit_s) {
  if (mbit_s >= 1 && mbit_s <= std::numeric_limits<int32_t>::max()) return std::nullopt;
  return fmt::format("{} is not a bandwidth in Mbit/s from 1 to {}", mbit_s,
                     std::numeric_limits<int32_t>::max());
}

std::string normal_url(std::string_view text) {
  text = trim(text);
  while (text.ends_with('/') && !text.ends_with("://")) text.remove_suffix(1);
  return std::string(text);
}

std::string normal_netblock(std::string_view text) { return std::string(trim(text)); }

std::string normal_country(std::string_view text) { return upper_ascii(trim(text)); }

}  // namespace mirror

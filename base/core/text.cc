#include "base/core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mirror {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string upper_ascii(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = upper_ascii(c);
  return upper;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> split_blanks(std::string_view text) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return pieces;
    text.remove_prefix(first);
    const auto end = text.find_first_of(" \t");
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end);
  }
}

namespace {

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<int64_t> parse_int64(std::string_view text) { return parse_number<int64_t>(text); }
std::optional<uint64_t> parse_uint64(std::string_view text) { return parse_number<uint64_t>(text); }

bool has_control_byte(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_control_byte);
}

namespace {

// U+0080 to U+009F are controls too, and terminals obey them: 0xc2 and a byte below 0xa0.
bool is_c1_at(std::string_view text, size_t at) {
  return at + 1 < text.size() && text[at] == '\xc2' &&
         static_cast<unsigned char>(text[at + 1]) < 0xa0;
}

}  // namespace

bool has_line_end_above_ascii(std::string_view text) {
  for (size_t at = text.find('\xc2'); at != std::string_view::npos;
       at = text.find('\xc2', at + 1)) {
    if (is_c1_at(text, at)) return true;
  }
  return text.find("\xe2\x80\xa8") != std::string_view::npos ||
         text.find("\xe2\x80\xa9") != std::string_view::npos;
}

bool is_valid_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = p + text.size();
  // Most texts are ASCII: many bytes at a time as long as none has its high bit set.
  constexpr uint64_t kHighBits = 0x8080808080808080;
  while (p < end) {
    uint64_t words[4];
    while (end - p >= static_cast<ptrdiff_t>(sizeof words)) {
      std::memcpy(words, p, sizeof words);
      if (((words[0] | words[1] | words[2] | words[3]) & kHighBits) != 0) break;
      p += sizeof words;
    }
    if (p == end) break;
    if (end - p >= 8) {
      uint64_t word;
      std::memcpy(&word, p, sizeof word);
      if ((word & kHighBits) == 0) {
        p += sizeof word;
        continue;
      }
    }
    const unsigned char lead = *p++;
    if (lead < 0x80) continue;
    int more = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    } else {
      return false;
    }
    for (; more > 0; --more, ++p) {
      if (p == end || *p < low || *p > high) return false;
      low = 0x80;
      high = 0xbf;
    }
  }
  return true;
}

std::string escape_xml(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string quote_for_message(std::string_view text, size_t limit) {
  const auto is_continuation = [](char c) { return (c & 0xc0) == 0x80; };
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  // No character, which has four bytes at most, is cut in two.
  size_t end = std::min(limit, text.size());
  for (int i = 0; i < 3 && end > 0 && end < text.size() && is_continuation(text[end]); ++i) --end;
  const auto shown = text.substr(0, end);
  const bool is_utf8 = is_valid_utf8(shown);
  std::string quoted = "\"";
  for (size_t i = 0; i < shown.size(); ++i) {
    const char c = shown[i];
    if (is_control_byte(c) || c == '"' || c == '\\' || (!is_utf8 && !is_ascii(c)) ||
        is_c1_at(shown, i) || (i > 0 && is_c1_at(shown, i - 1))) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  quoted += text.size() > shown.size() ? "\"..." : "\"";
  return quoted;
}

}  // namespace mirror

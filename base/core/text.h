// Text as the database, the configuration and the wire hold it: bytes, usually UTF-8. No locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mirror {

// Cuts blanks, tabs and line ends at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);
// ASCII only: country codes are ASCII, and other bytes stay as they are.
[[nodiscard]] std::string upper_ascii(std::string_view text);
[[nodiscard]] inline char upper_ascii(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
// Empty pieces are kept; "" gives one empty piece.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
// Pieces between runs of blanks and tabs; no empty pieces.
[[nodiscard]] std::vector<std::string_view> split_blanks(std::string_view text);
// The whole text must be a decimal number; no sign but '-', no blanks.
[[nodiscard]] std::optional<int64_t> parse_int64(std::string_view text);
[[nodiscard]] std::optional<uint64_t> parse_uint64(std::string_view text);
// Bytes that must not reach a line of text, a header or XML: below 0x20, and 0x7f.
[[nodiscard]] inline bool is_control_byte(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
[[nodiscard]] bool has_control_byte(std::string_view text);
// Of valid UTF-8: control characters above ASCII (U+0080 to U+009F, NEL among them) and the line
// and paragraph separators (U+2028, U+2029), at which some readers end a line.
[[nodiscard]] bool has_line_end_above_ascii(std::string_view text);
// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_valid_utf8(std::string_view text);
// & < > " as entities, which is what element text and double-quoted attributes need.
[[nodiscard]] std::string escape_xml(std::string_view text);
// Control characters (also those above 0x7f), quotes, the backslash and, unless all is UTF-8, bytes
// above 0x7f as \xNN, for messages that quote hostile input; cut at `limit` bytes. The result is
// UTF-8.
[[nodiscard]] std::string quote_for_message(std::string_view text, size_t limit = 120);

}  // namespace mirror

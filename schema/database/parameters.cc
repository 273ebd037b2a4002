#include "schema/database/parameters.h"

#include <algorithm>
#include <cstddef>

namespace mirror {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_tag(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// Where a quoted text or name that opens at `begin` ends; a doubled quote inside opens the next
// piece at once.
size_t after_quoted(std::string_view sql, size_t begin) {
  const size_t close = sql.find(sql[begin], begin + 1);
  return close == std::string_view::npos ? sql.size() : close + 1;
}

size_t after_line(std::string_view sql, size_t begin) {
  const size_t end = sql.find('\n', begin);
  return end == std::string_view::npos ? sql.size() : end + 1;
}

// Block comments nest in PostgreSQL.
size_t after_block(std::string_view sql, size_t begin) {
  int depth = 0;
  for (size_t at = begin; at + 1 < sql.size(); ++at) {
    const std::string_view two = sql.substr(at, 2);
    if (two == "/*")
      ++depth, ++at;
    else if (two == "*/" && --depth == 0)
      return at + 2;
    else if (two == "*/")
      ++at;
  }
  return sql.size();
}

// $tag$ ... $tag$; a lone dollar is one byte.
size_t after_dollar(std::string_view sql, size_t begin) {
  size_t end = begin + 1;
  while (end < sql.size() && is_tag(sql[end])) ++end;
  if (end == sql.size() || sql[end] != '$' || is_digit(sql[begin + 1])) return begin + 1;
  const std::string_view tag = sql.substr(begin, end + 1 - begin);
  const size_t close = sql.find(tag, end + 1);
  return close == std::string_view::npos ? sql.size() : close + tag.size();
}

// The end of the piece that begins at `begin` and must be copied as it is.
size_t after_piece(std::string_view sql, size_t begin) {
  const std::string_view two = sql.substr(begin, 2);
  if (two[0] == '\'' || two[0] == '"') return after_quoted(sql, begin);
  if (two == "--") return after_line(sql, begin);
  if (two == "/*") return after_block(sql, begin);
  if (two[0] == '$') return after_dollar(sql, begin);
  return begin + 1;
}

}  // namespace

std::string dollar_parameters(std::string_view sql) {
  std::string result;
  result.reserve(sql.size());
  for (size_t at = 0; at < sql.size();) {
    if (sql[at] == '?' && at + 1 < sql.size() && is_digit(sql[at + 1])) {
      result += '$';
      ++at;
      continue;
    }
    const size_t end = after_piece(sql, at);
    result += sql.substr(at, end - at);
    at = end;
  }
  return result;
}

}  // namespace mirror

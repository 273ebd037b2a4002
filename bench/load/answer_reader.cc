#include "bench/load/answer_reader.h"

#include <algorithm>

#include "base/core/text.h"

namespace mirror::bench {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

bool same_name(std::string_view name, std::string_view upper) {
  return std::equal(name.begin(), name.end(), upper.begin(), upper.end(),
                    [](char a, char b) { return upper_ascii(a) == b; });
}

}  // namespace

void AnswerReader::begin() {
  head_.clear();
  in_body_ = false;
  size_ = 0;
  body_left_ = 0;
  status_ = 0;
  length_.reset();
  generation_.reset();
}

AnswerReader::Outcome AnswerReader::take(std::string_view piece) {
  size_ += piece.size();
  if (in_body_) return take_body(piece.size());
  // A head nearly always comes whole; only then it is not copied.
  std::string_view bytes = piece;
  if (!head_.empty()) {
    head_ += piece;
    bytes = head_;
  }
  const size_t end = bytes.find(kHeadEnd);
  if (end == std::string_view::npos) {
    if (bytes.size() > kHeadSizeMax) {
      problem_ = "the head does not end";
      return Outcome::kMalformed;
    }
    if (head_.empty()) head_ = piece;
    return Outcome::kIncomplete;
  }
  if (!read_head(bytes.substr(0, end))) return Outcome::kMalformed;
  in_body_ = true;
  body_left_ = *length_;
  return take_body(bytes.size() - end - kHeadEnd.size());
}

AnswerReader::Outcome AnswerReader::take_body(uint64_t size) {
  if (size > body_left_) return Outcome::kExcess;
  body_left_ -= size;
  return body_left_ == 0 ? Outcome::kWhole : Outcome::kIncomplete;
}

bool AnswerReader::read_head(std::string_view head) {
  const auto status = head.substr(0, head.find("\r\n"));
  const auto code = parse_uint64(status.substr(std::min<size_t>(9, status.size()), 3));
  if (!status.starts_with("HTTP/1.1 ") || status.size() < 13 || status[12] != ' ' || !code ||
      *code < 100)
    return malformed("no status line");
  status_ = static_cast<uint16_t>(*code);
  head.remove_prefix(status.size());
  while (!head.empty()) {
    head.remove_prefix(2);
    const auto line = head.substr(0, head.find("\r\n"));
    if (!read_header(line)) return false;
    head.remove_prefix(line.size());
  }
  return length_.has_value() || malformed("no content-length");
}

bool AnswerReader::read_header(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return malformed("a header line without a colon");
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  if (same_name(name, "CONTENT-LENGTH")) {
    if (length_) return malformed("two content-lengths");
    length_ = parse_uint64(value);
    return length_.has_value() || malformed("content-length is no number");
  }
  if (same_name(name, "TRANSFER-ENCODING")) return malformed("a transfer-encoding");
  if (same_name(name, "X-MIRRORLIST-GENERATION")) {
    generation_ = parse_uint64(value);
    return generation_.has_value() || malformed("x-mirrorlist-generation is no number");
  }
  return true;
}

bool AnswerReader::malformed(std::string_view problem) {
  problem_ = problem;
  return false;
}

}  // namespace mirror::bench

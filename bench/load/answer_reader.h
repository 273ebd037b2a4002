// Reads one HTTP/1.1 answer after another from the pieces in which they arrive, as strictly as the
// load generator wants it: the status line must be one, content-length must be there, and the body
// must have as many bytes (RFC 9112 sections 4 and 6.2). Nothing of an answer is kept but its
// facts.
//
// One object a connection; one thread. What comes from the server is not trusted: a head beyond
// kHeadSizeMax is malformed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mirror::bench {

class AnswerReader {
 public:
  enum class Outcome : uint8_t {
    kIncomplete,  // more bytes are needed
    kWhole,       // exactly one answer has come since begin()
    kMalformed,   // problem() says why
    kExcess,      // a whole answer, and bytes behind it that nobody asked for
  };
  // A Location may repeat the longest target that the edge takes, percent-encoded.
  static constexpr size_t kHeadSizeMax = 65536;

  // For the next answer.
  void begin();
  // REQUIRES: nothing but kIncomplete was returned since begin().
  [[nodiscard]] Outcome take(std::string_view piece);

  [[nodiscard]] bool begun() const { return size_ > 0; }  // a byte has come
  [[nodiscard]] uint64_t size() const { return size_; }   // of head and body, as far as they came
  [[nodiscard]] std::string_view problem() const { return problem_; }
  // Of a head that is whole.
  [[nodiscard]] uint16_t status() const { return status_; }
  [[nodiscard]] const std::optional<uint64_t>& generation() const { return generation_; }

 private:
  [[nodiscard]] bool read_head(std::string_view head);
  [[nodiscard]] bool read_header(std::string_view line);
  [[nodiscard]] bool malformed(std::string_view problem);
  [[nodiscard]] Outcome take_body(uint64_t size);

  std::string head_;  // of an answer whose head came in pieces
  bool in_body_ = false;
  uint64_t size_ = 0;
  uint64_t body_left_ = 0;
  uint16_t status_ = 0;
  std::optional<uint64_t> length_;
  std::optional<uint64_t> generation_;
  std::string_view problem_;
};

}  // namespace mirror::bench

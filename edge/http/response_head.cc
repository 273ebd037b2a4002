#include "edge/http/response_head.h"

#include <charconv>
#include <cstring>

#include "base/core/assert.h"

namespace mirror {
namespace {

// Appends to a fixed buffer. Everything that is appended has a known largest size, so that an
// overflow is a bug.
class Appender {
 public:
  explicit Appender(std::span<char> out) : out_(out) {}

  void text(std::string_view text) {
    MIRROR_ASSERT(text.size() <= out_.size() - size_);
    std::memcpy(out_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }
  void number(uint64_t value) {
    const auto result = std::to_chars(out_.data() + size_, out_.data() + out_.size(), value);
    MIRROR_ASSERT(result.ec == std::errc());
    size_ = static_cast<size_t>(result.ptr - out_.data());
  }
  void header(std::string_view name, std::string_view value) {
    text(name);
    text(value);
    text("\r\n");
  }
  void header(std::string_view name, uint64_t value) {
    text(name);
    number(value);
    text("\r\n");
  }
  // What was appended since the last call.
  [[nodiscard]] std::string_view take() {
    const std::string_view taken(out_.data() + taken_, size_ - taken_);
    taken_ = size_;
    return taken;
  }

 private:
  std::span<char> out_;
  size_t size_ = 0;
  size_t taken_ = 0;
};

std::string_view status_line(uint16_t status) {
  switch (status) {
    case 200:
      return "HTTP/1.1 200 OK\r\n";
    case 302:
      return "HTTP/1.1 302 Found\r\n";
    case 400:
      return "HTTP/1.1 400 Bad Request\r\n";
    case 404:
      return "HTTP/1.1 404 Not Found\r\n";
    case 405:
      return "HTTP/1.1 405 Method Not Allowed\r\n";
    case 413:
      return "HTTP/1.1 413 Content Too Large\r\n";
    case 414:
      return "HTTP/1.1 414 URI Too Long\r\n";
    case 431:
      return "HTTP/1.1 431 Request Header Fields Too Large\r\n";
    case 503:
      return "HTTP/1.1 503 Service Unavailable\r\n";
    case 505:
      return "HTTP/1.1 505 HTTP Version Not Supported\r\n";
    default:
      return "HTTP/1.1 500 Internal Server Error\r\n";
  }
}

}  // namespace

ResponseHeadSlices render_response_head(const ResponseHead& head,
                                        std::span<char, kResponseHeadSizeMax> scratch) {
  Appender out(scratch);
  ResponseHeadSlices slices{};
  out.text(status_line(head.status));
  if (!head.location.empty()) {
    out.text("location: ");
    slices[0] = out.take();
    slices[1] = head.location;
    out.text("\r\n");
  }
  if (!head.content_type.empty()) out.header("content-type: ", head.content_type);
  out.header("content-length: ", head.content_length);
  out.header("date: ", head.date);
  if (head.generation != 0) out.header("x-mirrorlist-generation: ", head.generation);
  if (head.no_store) out.text("cache-control: no-store\r\n");
  if (head.allow) out.text("allow: GET, HEAD\r\n");
  if (head.retry_after_seconds != 0) out.header("retry-after: ", head.retry_after_seconds);
  if (head.connection == ConnectionHeader::kClose) out.text("connection: close\r\n");
  if (head.connection == ConnectionHeader::kKeepAlive) out.text("connection: keep-alive\r\n");
  out.text("\r\n");
  slices[head.location.empty() ? 0 : 2] = out.take();
  return slices;
}

}  // namespace mirror

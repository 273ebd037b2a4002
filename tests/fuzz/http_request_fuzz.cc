// The first byte chooses how a connection's bytes are cut into reads, the rest are the bytes. Read
// by read must give the same requests as all at once, and a refusal in the same place (its status
// may differ: llhttp names some faults by what it has seen so far). A request holds nothing but
// what HTTP allows there.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/assert.h"
#include "edge/http/http_connection.h"

namespace {

using mirror::HttpConnection;

// What one connection led to, as texts.
struct History {
  std::vector<std::string> requests;
  bool refused = false;
  bool operator==(const History&) const = default;
};

void check_head(const mirror::RequestHead& head, std::string_view bytes) {
  MIRROR_ASSERT(head.size > 0 && head.size <= bytes.size());
  MIRROR_ASSERT(head.size <= mirror::kDefaultRequestLimits.head_bytes);
  const auto inside = [&](std::string_view text) {
    return text.empty() ||
           (text.data() >= bytes.data() && text.data() + text.size() <= bytes.data() + head.size);
  };
  MIRROR_ASSERT(inside(head.target) &&
                head.target.size() <= mirror::kDefaultRequestLimits.target_bytes);
  MIRROR_ASSERT(std::all_of(head.target.begin(), head.target.end(),
                            [](char c) { return c > ' ' && c < 0x7f; }));
  for (const std::string_view value : head.forwarded_for()) {
    MIRROR_ASSERT(inside(value));
    MIRROR_ASSERT(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  }
}

// Reads of `step` bytes; the buffer moves before each, as a connection's may.
History serve(std::string_view bytes, size_t step) {
  HttpConnection connection;
  History history;
  std::string buffer;
  size_t read = 0;
  for (;;) {
    const std::string moved = buffer;
    mirror::RequestHead head;
    const auto outcome = connection.parse(moved, &head);
    if (outcome == HttpConnection::Outcome::kRefused) {
      history.refused = true;
      MIRROR_ASSERT(connection.refusal().status() >= 400 && !connection.refusal().reason.empty());
      return history;
    }
    if (outcome == HttpConnection::Outcome::kRequest) {
      check_head(head, moved);
      std::string text(head.target);
      text += head.keep_alive ? " keep" : " close";
      text += head.method == mirror::RequestMethod::kHead ? " HEAD" : " GET";
      for (const std::string_view value : head.forwarded_for()) text.append("|").append(value);
      history.requests.push_back(text);
      buffer.erase(0, head.size);
      continue;
    }
    MIRROR_ASSERT(moved.size() < mirror::kDefaultRequestLimits.head_bytes + step);
    if (read == bytes.size()) return history;
    const size_t count = std::min(step, bytes.size() - read);
    buffer.append(bytes.substr(read, count));
    read += count;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const History whole = serve(bytes, std::max<size_t>(bytes.size(), 1));
  const History parts = serve(bytes, size_t{data[0]} + 1);
  if (whole != parts)
    std::fprintf(stderr, "at once %zu requests, then %d; in parts %zu, then %d\n",
                 whole.requests.size(), whole.refused, parts.requests.size(), parts.refused);
  MIRROR_ASSERT(whole == parts);
  return 0;
}

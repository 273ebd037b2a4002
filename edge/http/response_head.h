// The head of an answer, rendered without allocation. Names are lower case and come in the order
// location, content-type, content-length, date, as the clients of today's server see them; what we
// add follows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mirror {

enum class ConnectionHeader : uint8_t { kUnsaid, kKeepAlive, kClose };

struct ResponseHead {
  uint16_t status = 200;
  std::string_view location{};      // no header if empty
  std::string_view content_type{};  // no header if empty
  uint64_t content_length = 0;
  std::string_view date{};           // HttpDate::text()
  uint64_t generation = 0;           // x-mirrorlist-generation; no header if 0
  bool no_store = false;             // cache-control: no-store
  bool allow = false;                // allow: GET, HEAD
  uint32_t retry_after_seconds = 0;  // no header if 0
  ConnectionHeader connection = ConnectionHeader::kUnsaid;
};

// A head without its location is never larger.
inline constexpr size_t kResponseHeadSizeMax = 512;

// The head in up to three slices, empty ones at the end. The location is not copied, so that it may
// have any length; the other slices lie in `scratch`.
using ResponseHeadSlices = std::array<std::string_view, 3>;
[[nodiscard]] ResponseHeadSlices render_response_head(
    const ResponseHead& head, std::span<char, kResponseHeadSizeMax> scratch);

}  // namespace mirror

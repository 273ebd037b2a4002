// One request as the edge needs it: what was asked, by which method, and who it was asked for. A
// value whose texts point into the bytes that were parsed; it is valid as long as they stay where
// they are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mirror {

// What one request may be at most. A request line or a head beyond it is refused, never cut.
struct RequestLimits {
  // From the first byte to the empty line; a read buffer has this size.
  uint32_t head_bytes = 16384;
  uint32_t target_bytes = 12288;
  uint32_t headers = 100;  // header lines
};
inline constexpr RequestLimits kDefaultRequestLimits{};
inline constexpr size_t kForwardedForMax = 16;

enum class RequestMethod : uint8_t { kGet, kHead };

struct RequestHead {
  RequestMethod method = RequestMethod::kGet;
  // What the client asks for; the server may close all the same.
  bool keep_alive = false;
  // HTTP/1.0: a connection that stays open must be announced in the answer (RFC 9112 appendix
  // C.2.2).
  bool announce_keep_alive = false;
  // Origin form, absolute form or "*". A fragment is cut off.
  std::string_view target;
  // The bytes of the request, with empty lines before it. What follows them is the next request.
  size_t size = 0;
  std::array<std::string_view, kForwardedForMax> forwarded_for_values{};
  size_t forwarded_for_count = 0;

  // The values of all X-Forwarded-For lines in order, without blanks around them.
  [[nodiscard]] std::span<const std::string_view> forwarded_for() const {
    return {forwarded_for_values.data(), forwarded_for_count};
  }
};

// The limit or rule that a refused request broke.
enum class RequestFault : uint8_t {
  kMalformed,
  kMethod,
  kVersion,
  kBody,
  kTargetTooLong,
  kHeadTooLarge,
  kTooManyHeaders,
};
inline constexpr size_t kRequestFaults = 7;

// Why a request is not answered. The connection is closed after the refusal, always: once framing
// is in doubt, no later byte may be taken as a request.
struct RequestRefusal {
  RequestFault fault = RequestFault::kMalformed;
  std::string_view reason;  // static text

  [[nodiscard]] uint16_t status() const;
};

}  // namespace mirror

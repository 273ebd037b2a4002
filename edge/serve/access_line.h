// A line of the access log. Two forms:
//   MirrorManager's, byte for byte, for each question that has a repository and an architecture and
//   was not refused before mirrors were looked up:
//     IP: 192.0.2.1; DATE: 2026-11-23; COUNTRY: DE; REPO: fedora-44; ARCH: x86_64
//   JSON, an object a line, for every well-formed request that was answered from a snapshot, but
//   those for health checks; what is not known is left out.
//
// One object a worker thread. Does not allocate after construction.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/core/http_date.h"
#include "base/core/ip.h"
#include "edge/answer/answerer.h"
#include "edge/answer/text_buffer.h"
#include "edge/serve/line_ring.h"

namespace mirror {

enum class LogFormat : uint8_t { kMirrorManager, kJson };
// How much of a client's address is written: all of it, its /24 (IPv4) or /48 (IPv6), or `-`.
enum class LogAddress : uint8_t { kFull, kPrefix, kHidden };

struct AccessLineOptions {
  LogFormat format = LogFormat::kMirrorManager;
  LogAddress address = LogAddress::kFull;
};

class AccessLine {
 public:
  explicit AccessLine(const AccessLineOptions& options);

  enum class Outcome : uint8_t { kNoLine, kWritten, kDropped };
  // Puts the line of an answer into the ring; kNoLine if this answer has none, kDropped if the
  // ring is full.
  [[nodiscard]] Outcome push(const Reply& reply, uint64_t generation, const HttpDate& now,
                             LineRing& ring);

 private:
  [[nodiscard]] std::string_view format_address(const IpAddress& address);
  [[nodiscard]] bool push_mirrormanager(const Reply& reply, const HttpDate& now, LineRing& ring);
  [[nodiscard]] bool push_json(const Reply& reply, uint64_t generation, const HttpDate& now,
                               LineRing& ring);
  void append_field(std::string_view name, std::string_view value);
  void append_number(std::string_view name, uint64_t value);

  const AccessLineOptions options_;
  char address_[IpAddress::kTextSize];
  TextBuffer json_;
};

}  // namespace mirror

// The network and the clock as ConnectionEngine sees them. Two implementations: Worker, over libuv,
// and the seeded simulation of tests/sim. Nothing here calls back into the engine before it
// returns; what happens later is reported to the engine from the outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "edge/serve/connection.h"

namespace mirror {

class Transport {
 public:
  virtual ~Transport() = default;

  // Gives the socket as many bytes as it takes without waiting. Their number, 0 if it takes none
  // now, negative if the connection is broken.
  [[nodiscard]] virtual int64_t write(Connection& connection,
                                      std::span<const std::string_view> slices) = 0;
  // Writes all of it, which stays where it is until then; ConnectionEngine::written() follows,
  // unless close() comes before. False: the connection is broken.
  [[nodiscard]] virtual bool write_later(Connection& connection,
                                         std::span<const std::string_view> slices) = 0;
  // The bytes of write_later() that the socket has not taken yet.
  [[nodiscard]] virtual size_t unwritten(const Connection& connection) const = 0;
  // Bytes come by ConnectionEngine::received() from now on, or no more.
  virtual void start_reading(Connection& connection) = 0;
  virtual void stop_reading(Connection& connection) = 0;
  // ConnectionEngine::serve_waiting() follows once in each turn, until it says that nobody waits.
  virtual void take_turns() = 0;
  // Tells the client that nothing more follows. False: the connection is broken.
  [[nodiscard]] virtual bool end_writing(Connection& connection) = 0;
  // Something has come that was not read yet.
  [[nodiscard]] virtual bool has_unread(const Connection& connection) const = 0;
  // Once for each connection; ConnectionEngine::closed() follows.
  virtual void close(Connection& connection) = 0;

  // A clock that never jumps, as of this turn of the loop.
  [[nodiscard]] virtual uint64_t now_ms() const = 0;
  // The number of this turn of the loop.
  [[nodiscard]] virtual uint64_t turn() const = 0;
  // Nanoseconds since it began, as of now.
  [[nodiscard]] virtual uint64_t turn_ns() const = 0;
};

}  // namespace mirror

// Asks a server at a fixed rate, whatever the server does (open loop). How long an answer took is
// counted from the time at which its request was due, so that a server that stalls cannot hide the
// requests that waited meanwhile; for a one-shot request the time to connect is a part of it.
//
// A request goes to the kept-alive connection that has been free for longest, as if many clients
// came back one after the other; a given share opens a connection of its own, asks for it to be
// closed, and counts until the last byte of the answer. The server closes first, as it was asked
// to: the connections that stay in TIME_WAIT are the server's, as in the real world, and the
// generator's ports are free again at once, so that neither they nor a reset (SO_LINGER 0, which
// would hide an answer that is cut off) limits the rate. That the server does close is checked.
//
// One thread, which nothing but the network and its clock holds up: connecting does not block. It
// spins unless it is told to sleep. Not for anything but loopback: 127.0.0.1 or a unix socket.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "bench/world/questions.h"

namespace mirror::bench {

struct LoadOptions {
  int64_t port = 0;       // of 127.0.0.1
  std::string unix_path;  // instead of a port, if it is not empty
  int64_t rate = 20000;   // requests a second
  int64_t seconds = 10;   // that count
  int64_t requests = 0;   // that count; 0: as many as are due in these seconds
  int64_t warm_up_seconds = 0;
  int64_t connections = 32;  // kept alive
  int64_t one_shot_percent = 0;
  int64_t pid = 0;  // of the server; 0: its CPU time is not read
  // A process that is not part of the measurement but takes a core away now and then; 0: none. It
  // may end meanwhile.
  int64_t disturber = 0;
  int64_t seed = 1;
  int64_t patience_seconds = 10;  // for answers, after the last request was due
  bool sleep = false;             // between events, for when the core is shared
  bool reconnect = false;  // when the server closes a connection that waits between two requests
  // What x-mirrorlist-generation must be, and never less than before on one connection.
  bool check_generations = false;
  int64_t generation_lowest = 0;
  int64_t generation_highest = INT64_MAX;
};

enum class LoadFailure : uint8_t {
  kConnect,     // no connection
  kSend,        // the request could not be sent
  kClosed,      // the server closed or reset the connection too early
  kMalformed,   // an answer that HTTP does not allow, or none that the generator understands
  kExcess,      // more bytes than content-length says
  kStatus,      // not the status that the question expects
  kGeneration,  // out of range, or back on a connection
  kUnanswered,  // when the patience was over
  kNotClosed,   // the server was asked to close the connection and did not
};
inline constexpr size_t kLoadFailures = 9;
[[nodiscard]] std::string_view name_of(LoadFailure failure);

// What is not about failures is about requests that were due after the warm-up.
struct LoadResult {
  std::vector<int64_t> latencies_ns;  // sorted
  std::vector<int64_t> quiet_ns;      // sorted: of what was due while the disturber did not run
  std::vector<int64_t> lags_ns;  // sorted: how late the generator itself noticed that one was due
  uint64_t bytes = 0;
  uint64_t one_shots = 0;  // among the answers
  double seconds = 0;
  uint64_t reconnects = 0;  // idle connections that the server closed, also in the warm-up
  uint64_t retries = 0;     // requests that met such a closing and were sent again
  // CPU time of the server, and the answers that came meanwhile.
  int64_t cpu_ns = 0;
  uint64_t cpu_answers = 0;
  uint64_t generation_changes = 0;  // from one answer to the next, if generations are checked
  // Also in the warm-up.
  std::array<uint64_t, kLoadFailures> failures{};
  std::string first_failure;

  [[nodiscard]] uint64_t failed() const;
};

// An error if the load cannot be made at all: no server, no such process.
[[nodiscard]] Result<LoadResult> make_load(const LoadOptions& options,
                                           const WorldQuestions& questions);

}  // namespace mirror::bench

// From a request to the slices of its answer: the part of a worker that knows what is asked for,
// and nothing of sockets. One object a worker thread; does not allocate, lock or fail outside
// adopt().
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/core/http_date.h"
#include "edge/answer/answerer.h"
#include "edge/answer/client_address.h"
#include "edge/http/request_head.h"
#include "edge/http/response_head.h"
#include "edge/serve/access_line.h"
#include "edge/serve/generation.h"
#include "edge/serve/limits.h"
#include "edge/serve/line_ring.h"
#include "edge/serve/readiness.h"
#include "edge/serve/worker_counters.h"

namespace mirror {

// What goes out, in order; empty slices are left out. Valid until the handler is called again.
struct Response {
  std::array<std::string_view, kSlicesMax> slices{};
  bool close = false;  // after the last byte
};

class RequestHandler {
 public:
  struct Options {
    AnswerOptions answer;
    ReadinessOptions readiness;
    const TrustedProxies* trusted_proxies = nullptr;  // outlives the handler
    LineRing* log = nullptr;                          // the access log, if there is one
    AccessLineOptions log_line;
    uint64_t seed = 0;
  };

  RequestHandler(const Options& options, WorkerCounters& counters);

  // From now on answers come from this generation; the one before is not touched again.
  void adopt(const Generation& generation);
  [[nodiscard]] const Generation* generation() const { return generation_; }

  // From now on each answer ends its connection; and the edge is not ready, unless another process
  // goes on with its sockets: whoever connects again is answered.
  void drain(bool handed_over) {
    closes_ = true;
    draining_ = !handed_over;
  }
  // Called once a second.
  void set_time(int64_t unix_seconds) { date_.at(unix_seconds); }

  // `last`: the connection ends with this answer.
  [[nodiscard]] Response respond(const RequestHead& request, const Peer& peer, bool last);
  [[nodiscard]] Response refuse(const RequestRefusal& refusal);
  // Whether what this peer says about others counts.
  [[nodiscard]] bool trusts(const Peer& peer) const {
    return options_.trusted_proxies->contains(peer);
  }

 private:
  struct Body {
    std::array<std::string_view, 3> pieces{};
    [[nodiscard]] uint64_t size() const {
      return pieces[0].size() + pieces[1].size() + pieces[2].size();
    }
  };

  // What becomes of the connection.
  struct Ending {
    bool head_only = false;
    bool close = false;
    ConnectionHeader header = ConnectionHeader::kUnsaid;
  };

  [[nodiscard]] Ending ending_of(const RequestHead& request, bool last) const;
  [[nodiscard]] Response respond_health(const Ending& ending, const Readiness& readiness);
  [[nodiscard]] Response respond_unavailable(const Ending& ending);
  [[nodiscard]] Response finish(ResponseHead head, const Body& body, const Ending& ending);
  void log(const Reply& reply);

  const Options options_;
  WorkerCounters& counters_;
  Answerer answerer_;
  AccessLine log_line_;
  const Generation* generation_ = nullptr;
  bool closes_ = false;
  bool draining_ = false;
  HttpDate date_;
  std::array<char, kResponseHeadSizeMax> head_bytes_{};
};

}  // namespace mirror

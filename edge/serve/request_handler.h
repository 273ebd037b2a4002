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
#include "edge/serve/counters.h"
#include "edge/serve/generation.h"
#include "edge/serve/limits.h"
#include "edge/serve/line_ring.h"
#include "edge/serve/readiness.h"

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
    uint64_t seed = 0;
  };

  RequestHandler(const Options& options, WorkerCounters& counters);

  // From now on answers come from this generation; the one before is not touched again.
  void adopt(const Generation& generation);
  [[nodiscard]] const Generation* generation() const { return generation_; }

  // From now on each answer ends its connection, and the edge is not ready.
  void drain() { draining_ = true; }
  // Called once a second.
  void set_time(int64_t unix_seconds) { date_.at(unix_seconds); }

  [[nodiscard]] Response respond(const RequestHead& request, const IpAddress& peer);
  [[nodiscard]] Response refuse(const Refusal& refusal);

 private:
  struct Body {
    std::array<std::string_view, 3> pieces{};
    [[nodiscard]] uint64_t size() const {
      return pieces[0].size() + pieces[1].size() + pieces[2].size();
    }
  };

  [[nodiscard]] Response respond_own(const RequestHead& request, const Readiness& readiness);
  [[nodiscard]] Response respond_unavailable(const RequestHead& request);
  [[nodiscard]] Response finish(const RequestHead& request, ResponseHead head, const Body& body);
  [[nodiscard]] Response assemble(const ResponseHead& head, const Body& body, bool close);
  void log(const Reply& reply);
  void count(uint16_t status);

  const Options options_;
  WorkerCounters& counters_;
  Answerer answerer_;
  const Generation* generation_ = nullptr;
  bool draining_ = false;
  HttpDate date_;
  std::array<char, kResponseHeadSizeMax> head_bytes_{};
};

}  // namespace mirror

// The edge's own way from a request to its answer, without sockets, on real data: what replay_bench
// and scaling_bench have in common. ReplayWorld is what all threads of an edge share, Replayer what
// each of its workers has alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "base/core/ip.h"
#include "bench/world/questions.h"
#include "edge/answer/client_address.h"
#include "edge/http/http_connection.h"
#include "edge/serve/generation.h"
#include "edge/serve/line_ring.h"
#include "edge/serve/request_handler.h"
#include "edge/serve/worker_counters.h"

namespace mirror {
class CommandLine;
}

namespace mirror::bench {

enum class ReplayKind : uint8_t { kMetalink, kList, kRedirect, kOther };
inline constexpr size_t kReplayKinds = 4;
[[nodiscard]] std::string_view name_of(ReplayKind kind);

// A generation that is served and the questions of its world. Immutable once opened; any thread.
class ReplayWorld {
 public:
  struct Paths {
    std::string snapshots;  // a directory with CURRENT
    std::string geoip;      // "": everybody is in no country
    std::string questions;  // see bench/world/questions.h

    void declare(CommandLine& line);
  };

  // Blocks.
  [[nodiscard]] static Result<std::unique_ptr<ReplayWorld>> open(const Paths& paths);

  [[nodiscard]] const Generation& generation() const { return generation_; }
  [[nodiscard]] const TrustedProxies& trusted_proxies() const { return trusted_proxies_; }
  [[nodiscard]] const std::vector<WorldQuestion>& questions() const { return questions_.all(); }
  // The question as its client sends it, all bytes of the request.
  [[nodiscard]] std::string_view request(size_t index) const {
    return std::string_view(requests_).substr(begins_[index], begins_[index + 1] - begins_[index]);
  }
  [[nodiscard]] ReplayKind kind(size_t index) const { return kinds_[index]; }

 private:
  explicit ReplayWorld(WorldQuestions questions);

  Generation generation_;
  TrustedProxies trusted_proxies_;
  WorldQuestions questions_;
  std::string requests_;
  std::vector<size_t> begins_;
  std::vector<ReplayKind> kinds_;
};

// One worker: its handler, counters and log ring. One thread; answering does not allocate. A log
// ring of its own is emptied by the same thread now and then, since no disk is to be measured.
class Replayer {
 public:
  struct Options {
    bool parse = false;  // the bytes of each request by HttpConnection; else the head is made up
    uint64_t seed = 42;
    LineRing* log = nullptr;  // emptied by somebody else; null: one of its own
  };

  // `world` and the log outlive the object.
  Replayer(const ReplayWorld& world, const Options& options);

  // Valid until the next call.
  [[nodiscard]] Response answer(size_t index);
  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }

 private:
  const ReplayWorld& world_;
  const Options options_;
  const Peer peer_;
  WorkerCounters counters_;
  std::unique_ptr<LineRing> own_log_;  // null: somebody else's is written
  RequestHandler handler_;
  HttpConnection http_;
  RequestHead head_;
  uint32_t unread_lines_ = 0;
};

}  // namespace mirror::bench

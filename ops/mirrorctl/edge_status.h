// What an edge's admin listener says of itself: read from the JSON of /-/status. The edge is ours,
// but the answer may come from anything that listens there: what is not the document that we know
// is an error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/core/error.h"

namespace mirror {

struct EdgeStatus {
  struct WorkerState {
    uint64_t number = 0;
    std::string generation;  // "42", "42.1" or "none"
    uint64_t sequence = 0;   // 0: none
    uint64_t connections = 0;
    uint64_t requests = 0;
    uint64_t status_4xx = 0;
    uint64_t status_5xx = 0;
  };
  struct GenerationEntry {
    std::string label, file, state;
    int64_t since = 0;
    uint64_t size = 0;
  };
  struct RefusalEntry {
    int64_t time = 0;
    std::string what, reason;
  };

  std::string version;
  uint64_t pid = 0;
  int64_t now = 0;
  int64_t started_at = 0;
  std::string readiness;
  std::vector<std::string> listen;
  std::string snapshots;
  std::string wanted_file;  // "": CURRENT cannot be read
  std::string generation;   // "": nothing is served
  int64_t created_at = 0;
  std::string geoip_file;  // "": none
  int64_t geoip_built_at = 0;
  std::vector<WorkerState> workers;
  std::vector<GenerationEntry> generations;
  uint64_t refused = 0;
  std::vector<RefusalEntry> refusals;

  [[nodiscard]] static Result<EdgeStatus> parse(const std::string& json);
};

// `admin`: see ask_edge(). Waits at most `timeout_ms`.
[[nodiscard]] Result<EdgeStatus> fetch_edge_status(const std::string& admin, int64_t timeout_ms);

}  // namespace mirror

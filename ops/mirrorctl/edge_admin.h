// A request to an edge's admin listener, by libcurl. The edge is ours, but the answer may come from
// anything that listens there: size and time are bounded, and only success is success.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/core/error.h"

namespace mirror {

struct EdgeRequest {
  std::string target;  // path and query, fit for HTTP
  int64_t timeout_ms = 0;
  size_t size_max = 0;  // bytes of the answer
};

// `admin`: unix:PATH, http://ADDRESS:PORT or ADDRESS:PORT. The body of the answer; an error that
// quotes it if the edge refuses.
[[nodiscard]] Result<std::string> ask_edge(const std::string& admin, const EdgeRequest& request);

}  // namespace mirror

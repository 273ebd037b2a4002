// What /-/status says: one JSON document for operators, monitoring and `mirrorctl edge`. Fields are
// only ever added. Times are Unix seconds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edge/serve/access_log.h"
#include "edge/serve/publisher.h"
#include "edge/serve/readiness.h"
#include "edge/serve/worker.h"

namespace mirror {

struct StatusInput {
  const Publisher& publisher;
  const std::vector<std::unique_ptr<Worker>>& workers;
  const AccessLog* access_log;  // may be null
  const std::vector<std::string>& urls;
  Readiness readiness;
  WorkerLimits limits;
  bool draining = false;
  int64_t started = 0;
  int64_t now = 0;
};

[[nodiscard]] std::string render_status(const StatusInput& input);

}  // namespace mirror

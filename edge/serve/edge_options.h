// The command line of mirror-edge. Options of today's mirrorlist-server that mean the same keep
// their names; those that name inputs of the compiler now are refused with a message that says so.
#pragma once

#include <optional>
#include <string>

#include "base/core/error.h"
#include "base/core/log.h"
#include "edge/serve/server.h"

namespace mirror {

struct EdgeOptions {
  ServerOptions server;
  LogLevel log_level = LogLevel::kInfo;
};

// Fills `options`, or returns the exit code to end with; what had to be said has been printed.
[[nodiscard]] std::optional<int> parse_edge_options(int argc, const char* const* argv,
                                                    EdgeOptions* options);

}  // namespace mirror

// mirror-edge: answers from published snapshots.
#include "base/core/clock.h"
#include "base/core/log.h"
#include "edge/serve/edge_options.h"
#include "edge/serve/server.h"

int main(int argc, char** argv) {
  mirror::EdgeOptions options;
  if (const auto code = mirror::parse_edge_options(argc, argv, &options)) return *code;
  const mirror::Log log("mirror-edge", options.log_level);
  const mirror::SystemClock clock;
  auto server = mirror::Server::create(options.server, clock, log);
  const auto served =
      server ? (*server)->run() : mirror::Result<void>(tl::unexpected(server.error()));
  if (served) return mirror::kExitDone;
  log.error("{}", served.error().message);
  return mirror::exit_code(served.error());
}

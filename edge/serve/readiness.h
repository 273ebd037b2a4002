// May a load balancer send requests here? 503 only without a valid snapshot or while the process
// drains and nobody else has its sockets; age alone never fails it unless the operator says so, or
// a dead compiler would take all edges out at once.
#pragma once

#include <cstdint>
#include <string_view>

#include "edge/serve/generation.h"

namespace mirror {

struct ReadinessOptions {
  int64_t stale_after_seconds = 21600;  // older: the text says stale
  int64_t age_seconds_max = 0;          // older: 503; 0: never
};

struct Readiness {
  uint16_t status = 200;
  std::string_view text;  // static, with a line feed
};

[[nodiscard]] inline Readiness readiness(const ReadinessOptions& options,
                                         const Generation* generation, bool draining,
                                         int64_t now_unix) {
  if (draining) return {503, "503 draining\n"};
  if (generation == nullptr) return {503, "503 no snapshot\n"};
  const int64_t age = now_unix - generation->created_at();
  if (options.age_seconds_max > 0 && age > options.age_seconds_max) return {503, "503 too old\n"};
  if (age > options.stale_after_seconds) return {200, "200 stale\n"};
  return {200, "200 ready\n"};
}

}  // namespace mirror

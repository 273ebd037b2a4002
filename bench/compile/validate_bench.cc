// How long validate() takes over a snapshot that lies in memory: the median of many times.
//
//   validate_bench SNAPSHOT
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "schema/snapshot/snapshot.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: validate_bench SNAPSHOT\n");
    return 2;
  }
  const auto snapshot = mirror::Snapshot::open(argv[1]);
  if (!snapshot) {
    std::fprintf(stderr, "validate_bench: %s\n", snapshot.error().message.c_str());
    return 1;
  }
  constexpr size_t kTimes = 51;
  std::vector<double> seconds;
  for (size_t i = 0; i < kTimes; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (!mirror::validate(snapshot->file().bytes())) return 1;
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[kTimes / 2];
  std::printf("validate: %.1f ms, %.1f ms for 100 MB (least %.1f ms)\n", median * 1e3,
              median * 1e3 * 1e8 / static_cast<double>(snapshot->size()), seconds[0] * 1e3);
  return 0;
}

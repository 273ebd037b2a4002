// A synthetic world for the microbenchmarks of the answer path, made from a seed: hosts whose
// countries, weights and schemes have the skew of real deployments, one directory a size of answer,
// and enough netblocks and prefixes that a search has its real depth.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/snapshot_model.h"
#include "schema/snapshot/snapshot.h"

namespace mirror::bench {

struct AnswerWorldOptions {
  uint64_t seed = 1;
  uint32_t host_count = 700;
  uint32_t directory_count = 20'000;
  uint32_t netblock_count = 1'500;
  uint32_t prefix_count = 100'000;
};

// A validated snapshot in memory. For each size in kAnswerSizes there is a directory
// `answers/SIZE/os` with its `repodata`, carried by exactly so many mirrors of one country, and a
// repository `answers-SIZE`, x86_64.
class AnswerWorld {
 public:
  explicit AnswerWorld(const AnswerWorldOptions& options);
  [[nodiscard]] const SnapshotView& view() const { return view_; }

  static constexpr uint32_t kAnswerSizes[] = {10, 100, 130};
  static constexpr std::string_view kClient =
      "10.1.2.3";  // in no netblock, in the country of the mirrors

 private:
  struct alignas(16) Block {
    char bytes[16];
  };
  std::vector<Block> bytes_;
  SnapshotView view_;
};

}  // namespace mirror::bench

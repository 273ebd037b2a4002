// What changed between two snapshots, as text for people: hosts, repositories, redirects,
// directories of each category, netblocks, and the answers to canary questions. In an order that
// does not change. Things are the same by what comparison.h says.
//
// Pure. Texts of the snapshots are quoted.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/core/error.h"
#include "compiler/canaries.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct DiffOptions {
  static constexpr size_t kAll = SIZE_MAX;
  size_t shown_max = 10;  // lines of each sort; what is beyond is counted
};

[[nodiscard]] std::string render_diff(const SnapshotView& before, const SnapshotView& after,
                                      std::span<const Canary> canaries, const DiffOptions& options);

// `mirror-compile --diff BEFORE AFTER`.
struct DiffRequest {
  // Each a file, or of the directory `snapshots` a number, a file name or CURRENT.
  std::string before, after;
  std::optional<std::string> snapshots, canaries;
  bool all = false;  // lines without limit
};
[[nodiscard]] Result<std::string> diff_snapshots(const DiffRequest& request);

}  // namespace mirror

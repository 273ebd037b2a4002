// The last step of a compile: is the new snapshot plausible beside the live one, and may it go
// live?
#pragma once

#include <optional>
#include <string_view>

#include "base/core/log.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {

struct SnapshotCounts {
  uint64_t hosts_with_urls = 0;
  uint64_t directories = 0;
  uint64_t repositories = 0;
};
[[nodiscard]] SnapshotCounts count_contents(const SnapshotView& view);

// kRefused if `candidate` lost more than half of anything that `live` had.
[[nodiscard]] Result<void> check_losses(const SnapshotCounts& candidate,
                                        const SnapshotCounts& live);

struct PublishOptions {
  bool force = false;  // go on, loudly, where the gate would refuse
  size_t keep = 10;    // snapshots that stay in the directory
};
enum class PublishOutcome { kPublished, kUnchanged, kHeld };
struct Published {
  PublishOutcome outcome = PublishOutcome::kPublished;
  Current snapshot;          // the new one, or the live one of the same contents
  std::optional<Hold> hold;  // of kHeld
};

// Holds LOCK meanwhile. Nothing is written if the live snapshot has the same contents, or if the
// gate refuses.
[[nodiscard]] Result<Published> publish_snapshot(SnapshotDirectory& directory,
                                                 std::string_view file_bytes,
                                                 const PublishOptions& options, const Log& log);

}  // namespace mirror

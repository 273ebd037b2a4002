// The last step of a compile: is the new snapshot plausible beside the live one (gates.h), does it
// answer as it must (canaries.h), and may it go live?
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/log.h"
#include "compiler/canaries.h"
#include "compiler/gates.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {

// The same contents are published anew when the live data were read so long before: their age tells
// edges and people that compiles go on. Half of what `mirror-edge --stale-after` has as default.
constexpr uint64_t kRenewAfterSeconds = 3 * 3600;

struct PublishOptions {
  // Why to go on, loudly, where the gates would refuse; empty: there is no reason.
  std::string force_reason;
  size_t keep = 10;  // snapshots that stay in the directory
  LossLimits limits;
  std::vector<Canary> canaries;
};
enum class PublishOutcome { kPublished, kUnchanged, kHeld };
struct Published {
  PublishOutcome outcome = PublishOutcome::kPublished;
  Current snapshot;          // the new one, or the live one of the same contents
  std::optional<Hold> hold;  // of kHeld
};

// Holds LOCK meanwhile. Nothing is written if the live snapshot has the same contents and was read
// less than kRenewAfterSeconds before, or if a gate
// refuses (kRefused); `log` is told of everything that stood against it, also if it was forced.
[[nodiscard]] Result<Published> publish_snapshot(SnapshotDirectory& directory,
                                                 std::string_view file_bytes,
                                                 const PublishOptions& options, const Log& log);

}  // namespace mirror

// A generation: all that one answer may depend on, a snapshot and a GeoIP database. Made by the
// control thread, and destroyed by it or by its loader once no worker reads it: workers do between
// the moment they adopt it and the moment they adopt the next.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "edge/answer/geo_database.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct Generation {
  uint64_t ordinal = 0;   // 1, 2, ... within this process: a later one replaces an earlier one
  uint64_t sequence = 0;  // of the snapshot: X-Mirrorlist-Generation
  uint32_t revision = 0;  // counts the GeoIP databases that came while the snapshot stayed
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const GeoDatabase> geo;  // may be null

  // "42", and "42.1" once the GeoIP database was replaced on the same snapshot.
  [[nodiscard]] std::string label() const {
    return revision == 0 ? std::to_string(sequence) : fmt::format("{}.{}", sequence, revision);
  }
  [[nodiscard]] int64_t created_at() const {
    return static_cast<int64_t>(snapshot->view().created_at);
  }
};

}  // namespace mirror

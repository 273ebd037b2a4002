// The compiler as a function of a random world.
#pragma once

#include <string>

#include "compiler/row_source.h"
#include "compiler/snapshot_model.h"
#include "tests/property/random_world.h"

namespace mirror {

struct CompiledWorld {
  SnapshotModel model;
  std::string file;  // the bytes of the snapshot file
};

// `source` holds the rows of the world. Names among the netblocks resolve as the world says.
[[nodiscard]] Result<CompiledWorld> compile_world(RowSource& source, const RandomWorld& world,
                                                  uint64_t created_at);

}  // namespace mirror

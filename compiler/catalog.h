// Rows of MirrorManager's database -> World: every rule about what a row means is here.
// C-nn are the numbers of the register of today's quirks; the tests name them too.
#pragma once

#include <vector>

#include "compiler/diagnostics.h"
#include "compiler/netblock_names.h"
#include "compiler/row_source.h"
#include "compiler/world.h"

namespace mirror {

struct Catalog {
  World world;
  std::vector<NamedNetblock> named_netblocks;  // not in world.netblocks yet: add_named_netblocks()
  RememberedNames remembered_names;
};

// Reads every table once. `on_rows` gets the number of rows that were read since its last call, for
// progress.
[[nodiscard]] Result<Catalog> read_catalog(RowSource& source, Diagnostics& diagnostics,
                                           const std::function<void(uint64_t)>& on_rows);

}  // namespace mirror

// Puts rows into a database that create_schema() made: what a property test compiles on either
// engine.
#pragma once

#include <vector>

#include "schema/database/database.h"
#include "schema/database/rows.h"

namespace mirror {

// A database whose tables have no constraints at all, as old and hand-made ones may: everything
// that the model forbids fits in, and no row has a place of its own.
[[nodiscard]] Result<void> create_tables_without_constraints(Database& database);

// Replaces the contents of every table that the rows have. Rows are inserted in an order that
// `order_seed` draws, so that a reader which forgets to order them is found out. `stale_dirs` are
// written with up2date = false.
[[nodiscard]] Result<void> write_database_rows(Transaction& transaction, const DatabaseRows& rows,
                                               const std::vector<HostCategoryDirRow>& stale_dirs,
                                               uint64_t order_seed = 0);

}  // namespace mirror

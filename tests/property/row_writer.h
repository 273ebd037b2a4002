// Puts rows into a database that create_schema() made: what a property test compiles on either
// engine.
#pragma once

#include <vector>

#include "schema/database/database.h"
#include "schema/database/rows.h"

namespace mirror {

// Replaces the contents of every table that the rows have. Rows are inserted from the last to the
// first, so that a reader which forgets to order them is found out. `stale_dirs` are written with
// up2date = false.
[[nodiscard]] Result<void> write_database_rows(Transaction& transaction, const DatabaseRows& rows,
                                               const std::vector<HostCategoryDirRow>& stale_dirs);

}  // namespace mirror

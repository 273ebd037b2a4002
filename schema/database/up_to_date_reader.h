// Reads who carries what: the rows of host_category_dir that are up to date, as pairs of
// host_category_id and directory_id. It is the one table with tens of millions of rows, so they
// come in no order, many at once and, on PostgreSQL, over several connections that see one state
// (https://www.postgresql.org/docs/15/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION),
// each for a part of the table's blocks at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "schema/database/database.h"

namespace mirror {

struct UpToDateRow {
  int64_t host_category_id = 0;
  int64_t directory_id = 0;  // kNullNumber: it names none
};

// `reader` is below the number of readers. Different readers call from different threads at the
// same time, reader 0 from the thread of the caller. An error ends the reading and is handed on.
using UpToDateCallback =
    std::function<Result<void>(size_t reader, std::span<const UpToDateRow> rows)>;

// `transaction` is one of `database` for reading, and stays open. More readers than one are used
// only where that can help; if another connection cannot be had, fewer.
[[nodiscard]] Result<void> read_up_to_date(Database& database, Transaction& transaction,
                                           size_t readers, const UpToDateCallback& callback);

}  // namespace mirror

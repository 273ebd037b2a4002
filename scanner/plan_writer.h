// Writes a plan inside a transaction of the caller, who commits or rolls back. Parents before
// children when rows are made, children first when they go.
#pragma once

#include "base/core/error.h"
#include "scanner/category_state.h"
#include "scanner/change_plan.h"
#include "schema/database/database.h"

namespace mirror {

// `state` is what the plan was made from. A new directory that another category has already is
// shared with it.
[[nodiscard]] Result<void> write_plan(Transaction* transaction, const CategoryState& state,
                                      const ChangePlan& plan);

// Makes other scanners of this category wait until the transaction ends.
[[nodiscard]] Result<void> lock_category(Transaction* transaction, int64_t category_id);

}  // namespace mirror

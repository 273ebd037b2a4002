// Marks that triggers of ours leave in the table mw_change whenever a transaction writes what the
// compiler reads, so that "nothing has changed" can be said without reading millions of rows. They
// are optional: a database without them is compiled each time.
//
// The token is read in a read transaction like any row, so that it belongs to the very state that
// the transaction sees: a writer that commits later has another one, whenever it began. (A sequence
// or the server's statistics would tell of writes that are not visible yet, and then never again.)
//
// Not marked: DDL that rewrites rows, and what the compiler itself remembers in mw_netblock_name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "schema/database/database.h"

namespace mirror {

// What PostgreSQL notifies of when a marked transaction commits.
constexpr std::string_view kChangeChannel = "mirror_change";

// A table that the compiler reads, and its columns; a write to others does not matter.
struct MarkedTable {
  std::string_view name;
  std::string_view columns;  // separated by commas and blanks
};
[[nodiscard]] std::span<const MarkedTable> marked_tables();

enum class ChangeMarksKind {
  kAbsent,  // nothing is installed
  kBroken,  // some of it is gone, switched off, of another version, or out of reach
  kWhole,
};
struct ChangeMarks {
  ChangeMarksKind kind = ChangeMarksKind::kAbsent;
  // kWhole: two states of one database with equal tokens have equal rows.
  std::string token;
  int64_t rows = 0;     // of mw_change
  std::string problem;  // kBroken: what is wrong, with the remedy
};
// Cheap: the catalogue and mw_change are read, nothing else.
[[nodiscard]] Result<ChangeMarks> read_change_marks(Transaction& transaction, Engine engine);

// Makes table and triggers anew whatever is there, with a new token.
[[nodiscard]] Result<void> install_change_marks(Transaction& transaction, Engine engine);
// True if there was anything.
[[nodiscard]] Result<bool> remove_change_marks(Transaction& transaction, Engine engine);

// Above this many rows they should be made one.
constexpr int64_t kChangeRowsMax = 1000;
// Makes all marks that are visible one, with the same token. Needs the rights of mw_change's owner.
[[nodiscard]] Result<void> compact_change_marks(Transaction& transaction, Engine engine);

}  // namespace mirror

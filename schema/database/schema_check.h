// Which schema a database has: ours, MirrorManager2's as its model or its migrations make it, or
// one that drifted from it over the years; and whether the programs can work with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/database/catalogue.h"
#include "schema/database/database.h"

namespace mirror {

enum class SchemaKind {
  kEmpty,       // no tables at all
  kForeign,     // tables, but not MirrorManager2's
  kOurs,        // MirrorManager2's tables as its model makes them, and all our additions
  kModel,       // MirrorManager2's tables as its model makes them
  kMigrations,  // the same with the few differences that its migrations leave
  kDrifted,     // MirrorManager2's tables with other differences
};

struct SchemaReport {
  SchemaKind kind = SchemaKind::kEmpty;
  std::vector<std::string> problems;            // what no program can work with
  std::vector<std::string> notes;               // each difference that does no harm
  std::vector<std::string> missing_migrations;  // of our own
};

[[nodiscard]] std::string_view describe(SchemaKind kind);

[[nodiscard]] Result<SchemaReport> check_schema(Transaction& transaction, Engine engine);

}  // namespace mirror

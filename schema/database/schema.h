// The tables: MirrorManager2's, and our additions to them (prefix mw_, numbered steps in
// mw_migration). MirrorManager2's own migrations are Alembic's business; what init creates is
// stamped with the head they lead to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/database/database.h"

namespace mirror {

// The revision of MirrorManager2's schema that create_schema() makes.
constexpr std::string_view kAlembicHead = "3264c6353b51";

// Creates everything, and leaves every table of MirrorManager2 empty. All or nothing. kRefused if
// the database (on PostgreSQL: the first schema of its search path) holds anything.
[[nodiscard]] Result<void> create_schema(Database& database);

// Steps of our own that a database still lacks, by name, in order.
[[nodiscard]] Result<std::vector<std::string>> missing_migrations(Transaction& transaction,
                                                                  Engine engine);

// Applies them; the names of what was applied. MirrorManager2's tables keep their definitions.
[[nodiscard]] Result<std::vector<std::string>> apply_migrations(Transaction& transaction,
                                                                Engine engine);

// Is there a table or view of this name?
[[nodiscard]] Result<bool> has_table(Transaction& transaction, Engine engine,
                                     std::string_view name);

}  // namespace mirror

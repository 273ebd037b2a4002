// The database as the compiler uses it: one consistent read, and afterwards a short write of what
// the resolver said.
#pragma once

#include <string>

#include "base/core/clock.h"
#include "base/core/log.h"
#include "compiler/catalog.h"
#include "schema/database/change_marks.h"

namespace mirror {

struct DatabaseInput {
  World world;                // with created_at: when the read began
  RememberedNames new_names;  // for remember_names()
  bool has_names = false;     // among the netblocks
  ChangeMarks marks;          // of the state that was read
};

// Reads everything as of one moment, the large table by so many `readers` at once if that can help
// (read_up_to_date()), then resolves the names among the netblocks. Errors name the
// database.
[[nodiscard]] Result<DatabaseInput> read_database(const std::string& url, size_t readers,
                                                  const Clock& clock, bool quiet,
                                                  NetblockResolver& resolver,
                                                  Diagnostics& diagnostics);

// Writes resolved names into mw_netblock_name and forgets very old ones. A database that cannot be
// written, or that has no such table, is no error: then nothing is remembered, and the log says so
// at level info.
void remember_names(const std::string& url, const RememberedNames& names, const Clock& clock,
                    const Log& log);

}  // namespace mirror

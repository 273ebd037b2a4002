// Reads what a database holds of the mirrors, in the form of a mirrors file.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "ops/mirrorctl/mirrors_document.h"
#include "schema/database/database.h"

namespace mirror {

struct MirrorsState {
  MirrorsDocument document;          // everything by id, with ids; texts as they are stored
  std::set<std::string> countries;   // the codes of table country, trimmed, upper case
  std::vector<std::string> orphans;  // hosts without a site, which no file can express
};

[[nodiscard]] Result<MirrorsState> read_mirrors(Transaction& transaction);

// First thing in a transaction that reads the mirrors in order to change them: waits until no other
// one does so, for a bounded time.
[[nodiscard]] Result<void> lock_mirrors(Transaction& transaction, Engine engine);

}  // namespace mirror

// What must change in a database so that it says what a mirrors file says. Making the plan is pure:
// no database, no output; the same file against the result of its own plan gives an empty plan.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/core/error.h"
#include "ops/mirrorctl/mirrors_database.h"
#include "ops/mirrorctl/mirrors_document.h"

namespace mirror {

using OwnedValue = std::variant<std::monostate, bool, int64_t, std::string>;

struct MirrorsStatement {
  std::string_view sql;
  std::vector<OwnedValue> parameters;
};
// One line of the diff and what makes it true. The texts are quoted: they may go to a terminal.
struct MirrorsChange {
  char sign = '+';  // + - ~
  std::string text;
  std::vector<MirrorsStatement> statements;
};
using MirrorsPlan = std::vector<MirrorsChange>;  // in the order in which it must be applied

struct MirrorsPlanOptions {
  std::string file;    // for messages
  bool prune = false;  // remove sites, hosts and categories of hosts that the file does not mention
};

// kInvalid: the file refers to what neither it nor the database has, or lacks what a new row needs.
[[nodiscard]] Result<MirrorsPlan> plan_mirrors(const MirrorsDocument& wanted,
                                               const MirrorsState& present,
                                               const MirrorsPlanOptions& options);

[[nodiscard]] Result<void> apply_mirrors(Transaction& transaction, const MirrorsPlan& plan);

}  // namespace mirror

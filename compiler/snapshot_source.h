// What the live snapshot was made of, in the file SOURCE of the snapshot directory, so that a
// compile can tell that it would give the same again without reading the large tables.
//
// Each SOURCE is a true statement for ever ("this token and these inputs gave that snapshot"), so
// that an old one, or one of a compile that was overtaken, costs a compile and no more. The
// snapshots know nothing of it: same rows, same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/core/digest.h"
#include "base/core/log.h"
#include "schema/database/change_marks.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {

// Names among the netblocks can change their addresses without any row: a snapshot with such names
// is made anew when they were asked for so long ago.
constexpr int64_t kNamesFreshSeconds = 30 * 60;

struct SnapshotSource {
  std::string snapshot;  // the name of its file
  std::string database;  // DatabaseUrl::display()
  std::string token;     // ChangeMarks::token
  Digest128 inputs;
  uint64_t names_until = 0;  // Unix seconds; 0: there are no names

  bool operator==(const SnapshotSource&) const = default;
  [[nodiscard]] std::string to_string() const;
  // Hostile input; nullopt if it is not whole.
  [[nodiscard]] static std::optional<SnapshotSource> parse(std::string_view text);
};

// Digest of all that counts beside the rows: this program's own file, texts such as options, and
// files by their contents; an empty path stands for none.
[[nodiscard]] Result<Digest128> digest_inputs(std::span<const std::string> texts,
                                              std::span<const std::string> files);

// The live snapshot, if a compile would not publish another one: CURRENT names what SOURCE speaks
// of, it is whole and not to be renewed (publish.h), nothing is on HOLD, and database and inputs
// are those of SOURCE. The database is only asked if the rest agrees. `now`: the clock;
// `created_at`: what a compile would have.
[[nodiscard]] Result<std::optional<Current>> find_unchanged(const SnapshotDirectory& directory,
                                                            const std::string& database_url,
                                                            const Digest128& inputs, int64_t now,
                                                            uint64_t created_at);

// Writes SOURCE under LOCK. What goes wrong is logged and nothing more: then the next compile reads
// everything.
void remember_source(SnapshotDirectory& directory, const SnapshotSource& source, const Log& log);

// Makes many marks one, so that their sum stays cheap.
void tidy_change_marks(const std::string& database_url, const ChangeMarks& marks, const Log& log);

}  // namespace mirror

// Why a mirror is, or is not, listed: each condition that a compile asks, with the rows that decide
// it, as the database has them now and as the live snapshot has them.
//
// The database half repeats the compiler's rules for one host (a compile reads everything), with
// the compiler's own functions for texts; a test holds it against whole compiles of random worlds.
// Everything here is a value; what rows hold is quoted in the texts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/digest.h"
#include "schema/database/database.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// In the order in which they are asked.
enum class WhyCondition : uint8_t {
  kKnown,  // there is such a host at all
  kSite,
  kHostActiveByAdmin,
  kHostActiveByUser,
  kSiteActiveByAdmin,
  kSiteActiveByUser,
  kHostPublic,
  kSitePublic,
  kNetworks,  // asked of private hosts only: some clients are in its networks
  kEnabled,   // of a repository: its prefix
  kRepository,
  kDirectory,  // it exists
  kOffered,    // it has a category and lies below its top directory
  kCategory,   // the host mirrors the directory's category
  kUrl,
  kListableUrl,  // not asked for metalinks
  kChecksums,    // asked for metalinks only: those of the repository's repomd.xml
  kUpToDate,
};
inline constexpr size_t kWhyConditions = static_cast<size_t>(WhyCondition::kUpToDate) + 1;
// A stable word for programs.
[[nodiscard]] std::string_view code_of(WhyCondition condition);

// A row and what it says; without an id: what there is no row of.
struct WhyRow {
  std::string table;
  std::optional<int64_t> id;
  std::string says;
};
struct WhyFact {
  std::optional<bool> met;  // nullopt: this source does not tell
  std::vector<WhyRow> rows;
};
using WhyFacts = std::array<WhyFact, kWhyConditions>;

enum class WhyVerdict : uint8_t {
  kUnknown,   // not asked of this source
  kNobody,    // no client gets the host
  kNetworks,  // clients of its netblocks and AS numbers only
  kEverybody,
};
[[nodiscard]] std::string_view code_of(WhyVerdict verdict);

// The verdict that follows from the facts of the host and of one directory. Facts that a source
// does not tell are passed over.
[[nodiscard]] WhyVerdict verdict_of(const WhyFacts& host, const WhyFacts& directory);

struct WhyQuestion {
  std::string host;              // a name or an id
  std::string repository, arch;  // or
  std::string directory;         // or none of them: in general
};

// One of the directories that the question leads to.
struct WhyTarget {
  bool is_metalink = false;  // the repodata of a repository
  std::string directory;     // "": the question leads nowhere
  WhyFacts facts;            // from kEnabled on
  WhyVerdict verdict = WhyVerdict::kUnknown;
};

struct WhyCategory {
  int64_t id = 0;
  std::string name;
  std::vector<WhyRow> rows;  // host_category, and its URLs
  bool has_url = false;
  bool always_up2date = false;
  uint64_t directories = 0;  // of the category
  uint64_t up2date = 0;      // of them; rows of host_category_dir, or directories that it carries
  uint64_t not_up2date = 0;  // rows that say no
};

// What one source says.
struct WhyAnswer {
  bool is_known = false;
  int64_t host_id = 0;
  std::string host, site;
  WhyFacts facts;  // of the host, up to kNetworks
  std::vector<WhyTarget> targets;
  std::vector<WhyCategory> categories;  // of a question in general
  std::vector<std::string> notes;       // what else decides who gets the host
};

// Reads by a few statements that use indexes. A host that is not there is no error, a name of
// several is.
[[nodiscard]] Result<WhyAnswer> why_by_database(Transaction& transaction,
                                                const WhyQuestion& question);

// `host_id`, if given, is whom the question's host is.
[[nodiscard]] Result<WhyAnswer> why_by_snapshot(const SnapshotView& view,
                                                const WhyQuestion& question,
                                                std::optional<int64_t> host_id);

struct Why {
  WhyQuestion question;
  std::string database_name;  // "": not asked
  std::optional<WhyAnswer> database;
  uint64_t sequence = 0;  // of the snapshot
  Digest128 digest;
  uint64_t created_at = 0;
  bool is_held = false;  // HOLD is there: a compile does not go live
  std::optional<WhyAnswer> snapshot;
};
// What follows from both, a sentence each; the first is about the first target, and so on.
[[nodiscard]] std::vector<std::string> conclusions_of(const Why& why);
[[nodiscard]] std::string render_why_text(const Why& why);
[[nodiscard]] std::string render_why_json(const Why& why);

}  // namespace mirror

#include "compiler/database_input.h"

#include "base/core/progress.h"
#include "schema/database/schema.h"
#include "sql/compiler.h"
#include "sql/compiler_postgresql.h"

namespace mirror {
namespace {

constexpr std::string_view kNamesTable = "mw_netblock_name";

Result<void> require_schema(Transaction& transaction, Engine engine) {
  for (const std::string_view table :
       {"site", "host", "directory", "category", "host_category_dir", "file_detail"}) {
    MIRROR_TRY(const bool there, has_table(transaction, engine, table));
    if (there) continue;
    return fail(
        ErrorKind::kDatabase,
        "it has no table {}: create the schema with `mirrorctl database init`, or look with "
        "`mirrorctl database check`",
        table);
  }
  return {};
}

Result<Catalog> read_rows(Database& database, size_t readers, const Clock& clock, bool quiet,
                          Diagnostics& diagnostics, ChangeMarks& marks) {
  MIRROR_TRY(const auto transaction, database.begin(TransactionMode::kRead));
  MIRROR_CHECK(require_schema(*transaction, database.engine()));
  if (database.engine() == Engine::kPostgresql)
    MIRROR_CHECK(transaction->execute_script(sql::lock_for_reading_postgresql));
  MIRROR_TRY(const bool has_names, has_table(*transaction, database.engine(), kNamesTable));
  MIRROR_TRY(marks, read_change_marks(*transaction, database.engine()));
  DatabaseRowSource source{DatabaseRowReader(database, *transaction, readers, has_names)};
  Progress progress("reading rows of " + database.url().display(), 0, clock, quiet);
  return read_catalog(source, diagnostics, [&progress](uint64_t rows) { progress.advance(rows); });
}

Result<void> write_names(const std::string& url_text, const RememberedNames& names, int64_t now) {
  // Names that nobody has resolved for so long are gone from the database, or dead.
  constexpr int64_t kForgetAfterSeconds = int64_t{400} * 24 * 60 * 60;
  MIRROR_TRY(const auto url, DatabaseUrl::parse(url_text));
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kWrite));
  MIRROR_TRY(const auto transaction, database->begin(TransactionMode::kWrite));
  MIRROR_TRY(const bool has_names, has_table(*transaction, database->engine(), kNamesTable));
  if (!has_names)
    return fail(ErrorKind::kNotFound, "no table {}: see `mirrorctl database upgrade`", kNamesTable);
  for (const auto& [name, remembered] : names) {
    const auto addresses = join_addresses(remembered.addresses);
    const auto written = transaction->execute(
        sql::upsert_netblock_name,
        {std::string_view(name), std::string_view(addresses), remembered.resolved_at});
    if (!written) return tl::unexpected(written.error());
  }
  const auto forgotten =
      transaction->execute(sql::delete_netblock_names_resolved_before, {now - kForgetAfterSeconds});
  if (!forgotten) return tl::unexpected(forgotten.error());
  return transaction->commit();
}

}  // namespace

Result<DatabaseInput> read_database(const std::string& url_text, size_t readers, const Clock& clock,
                                    bool quiet, NetblockResolver& resolver,
                                    Diagnostics& diagnostics) {
  MIRROR_TRY(const auto url, DatabaseUrl::parse(url_text));
  MIRROR_TRY(const auto database, Database::open(url, OpenMode::kRead));
  const int64_t now = clock.unix_seconds();
  DatabaseInput input;
  auto catalog = read_rows(*database, readers, clock, quiet, diagnostics, input.marks);
  if (!catalog) return with_context(std::move(catalog).error(), url.display());
  input.world = std::move(catalog->world);
  input.world.created_at = static_cast<uint64_t>(now);
  input.has_names = !catalog->named_netblocks.empty();
  input.new_names = add_named_netblocks(catalog->named_netblocks, catalog->remembered_names,
                                        resolver, now, input.world, diagnostics);
  return input;
}

void remember_names(const std::string& url, const RememberedNames& names, const Clock& clock,
                    const Log& log) {
  if (names.empty()) return;
  if (const auto written = write_names(url, names, clock.unix_seconds()); !written) {
    log.info("{} resolved names of netblocks are not remembered: {}", names.size(),
             written.error().message);
  }
}

}  // namespace mirror

#include "schema/database/change_marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "schema/database/schema.h"
#include "sql/postgresql.h"
#include "sql/sqlite.h"

namespace mirror {
namespace {

constexpr std::string_view kTable = "mw_change";
// The number is part of the triggers' names. Whoever changes the list below or the statements that
// make triggers counts it up here and there, so that older triggers are known for what they are.
constexpr std::string_view kTrigger = "mw_change_1";
constexpr std::string_view kLargeTable = "host_category_dir";
constexpr MarkedTable kTables[] = {
    {"arch", "id, name"},
    {"category", "id, name, product_id, topdir_id"},
    {"category_directory", "category_id, directory_id"},
    {"country", "id, code"},
    {"country_continent_redirect", "id, country, continent"},
    {"directory", "id, name"},
    {"file_detail", "id, directory_id, filename, \"timestamp\", size, md5, sha1, sha256, sha512"},
    {"host",
     "id, name, site_id, admin_active, user_active, private, asn_clients, internet2, "
     "internet2_clients, country, bandwidth_int, asn, max_connections"},
    {"host_category", "id, host_id, category_id, always_up2date"},
    {kLargeTable, "id, host_category_id, directory_id, up2date"},
    {"host_category_url", "id, host_category_id, url, private"},
    {"host_country", "id, host_id, country_id"},
    {"host_country_allowed", "id, host_id, country"},
    {"host_netblock", "id, host_id, netblock"},
    {"host_peer_asn", "id, host_id, asn"},
    {"netblock_country", "id, netblock, country"},
    {"product", "id, name"},
    {"repository", "id, prefix, category_id, version_id, arch_id, directory_id, disabled"},
    {"repository_redirect", "id, from_repo, to_repo"},
    {"site", "id, name, private, admin_active, user_active"},
};
constexpr std::string_view kRemedy =
    "run mirrorctl database triggers install; until then each compile reads everything";
constexpr std::string_view kNoRemedy =
    "each compile reads everything, and mirrorctl database triggers remove saves writers the work";

struct Trigger {
  std::string table, name;
  bool on = false;
};

bool is_sqlite(Engine engine) { return engine == Engine::kSqlite; }

std::string replace_all(std::string_view text, std::string_view what, std::string_view by) {
  std::string result;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what)) {
    result += text.substr(0, at);
    result += by;
    text.remove_prefix(at + what.size());
  }
  return result += text;
}

Result<std::vector<Trigger>> triggers(Transaction& transaction, Engine engine) {
  std::vector<Trigger> found;
  const auto sql =
      is_sqlite(engine) ? sql::change_triggers_sqlite : sql::change_triggers_postgresql;
  MIRROR_CHECK(transaction.query(sql, {}, [&](const Row& row) -> Result<void> {
    found.push_back({std::string(row.text(0)), std::string(row.text(1)), row.boolean(2)});
    return {};
  }));
  return found;
}

// The names of the triggers that a table should have.
std::vector<std::string> expected_triggers(std::string_view table, Engine engine) {
  if (!is_sqlite(engine)) return {std::string(kTrigger)};
  std::vector<std::string> names;
  for (const std::string_view event : {"insert", "delete", "update"})
    names.push_back(fmt::format("{}_{}_{}", kTrigger, table, event));
  return names;
}

// What is wrong with the triggers, with the remedy; empty: nothing.
std::string check_triggers(const std::vector<Trigger>& found, Engine engine) {
  std::set<std::pair<std::string, std::string>> on;
  for (const auto& trigger : found) {
    if (!trigger.on) {
      return fmt::format("the trigger {} of table {} is switched off, or was; {}", trigger.name,
                         trigger.table, kRemedy);
    }
    on.emplace(trigger.table, trigger.name);
  }
  for (const auto& table : kTables) {
    for (const auto& name : expected_triggers(table.name, engine)) {
      if (!on.contains({std::string(table.name), name}))
        return fmt::format("table {} lacks the trigger {}; {}", table.name, name, kRemedy);
    }
  }
  return {};
}

// What only PostgreSQL can have wrong; empty: nothing.
Result<std::string> check_postgresql(Transaction& transaction) {
  std::string problem = fmt::format("there is no table {}; {}", kTable, kRemedy);
  MIRROR_CHECK(
      transaction.query(sql::may_read_changes_postgresql, {}, [&](const Row& row) -> Result<void> {
        problem =
            row.boolean(0) ? "" : fmt::format("this role may not read {}; {}", kTable, kRemedy);
        return {};
      }));
  MIRROR_CHECK(
      transaction.query(sql::unmarked_table_postgresql, {}, [&](const Row& row) -> Result<void> {
        if (!row.is_null(1))
          problem = fmt::format("table {} {}; {}", row.text(0), row.text(1), kNoRemedy);
        return {};
      }));
  return problem;
}

Result<void> read_token(Transaction& transaction, Engine engine, ChangeMarks& marks) {
  const auto sql =
      is_sqlite(engine) ? sql::select_change_token_sqlite : sql::select_change_token_postgresql;
  MIRROR_CHECK(transaction.query(sql, {}, [&](const Row& row) -> Result<void> {
    marks.token = row.text(0);
    marks.rows = row.int64(1);
    return {};
  }));
  // On SQLite triggers without their row would mark nothing.
  if (is_sqlite(engine) && marks.rows != 1) {
    marks.kind = ChangeMarksKind::kBroken;
    marks.problem = fmt::format("{} has {} rows instead of one; {}", kTable, marks.rows, kRemedy);
  }
  return {};
}

Result<void> drop_triggers(Transaction& transaction, Engine engine,
                           const std::vector<Trigger>& found) {
  const auto sql =
      is_sqlite(engine) ? sql::drop_change_trigger_sqlite : sql::drop_change_trigger_postgresql;
  const auto quoted = [](const std::string& name) {
    return "\"" + replace_all(name, "\"", "\"\"") + "\"";
  };
  for (const auto& trigger : found) {
    const auto named = replace_all(sql, "{name}", quoted(trigger.name));
    MIRROR_CHECK(transaction.execute_script(replace_all(named, "{table}", quoted(trigger.table))));
  }
  return {};
}

}  // namespace

std::span<const MarkedTable> marked_tables() { return kTables; }

Result<ChangeMarks> read_change_marks(Transaction& transaction, Engine engine) {
  ChangeMarks marks;
  MIRROR_TRY(const auto found, triggers(transaction, engine));
  MIRROR_TRY(const bool table, has_table(transaction, engine, kTable));
  if (found.empty() && !table) return marks;
  marks.problem = check_triggers(found, engine);
  if (marks.problem.empty() && is_sqlite(engine) && !table)
    marks.problem = fmt::format("there is no table {}; {}", kTable, kRemedy);
  if (marks.problem.empty() && !is_sqlite(engine)) {
    MIRROR_TRY(marks.problem, check_postgresql(transaction));
  }
  if (!marks.problem.empty()) {
    marks.kind = ChangeMarksKind::kBroken;
    return marks;
  }
  marks.kind = ChangeMarksKind::kWhole;
  MIRROR_CHECK(read_token(transaction, engine, marks));
  return marks;
}

Result<void> install_change_marks(Transaction& transaction, Engine engine) {
  const bool sqlite = is_sqlite(engine);
  MIRROR_TRY(const auto found, triggers(transaction, engine));
  MIRROR_CHECK(drop_triggers(transaction, engine, found));
  MIRROR_CHECK(
      transaction.execute_script(sqlite ? sql::change_table_sqlite : sql::change_table_postgresql));
  if (!sqlite) MIRROR_CHECK(transaction.execute_script(sql::change_function_postgresql));
  for (const auto& table : kTables) {
    auto sql = sqlite ? sql::create_change_trigger_sqlite : sql::create_change_trigger_postgresql;
    if (sqlite && table.name == kLargeTable)
      sql = sql::create_host_category_dir_change_trigger_sqlite;
    const auto filled = replace_all(sql, "{table}", table.name);
    MIRROR_CHECK(transaction.execute_script(replace_all(filled, "{columns}", table.columns)));
  }
  const auto mark = sqlite ? sql::insert_change_sqlite : sql::insert_change_postgresql;
  MIRROR_CHECK(transaction.execute(mark, {}));
  return {};
}

Result<bool> remove_change_marks(Transaction& transaction, Engine engine) {
  MIRROR_TRY(const auto found, triggers(transaction, engine));
  MIRROR_TRY(const bool table, has_table(transaction, engine, kTable));
  MIRROR_CHECK(drop_triggers(transaction, engine, found));
  MIRROR_CHECK(transaction.execute_script(is_sqlite(engine) ? sql::drop_change_marks_sqlite
                                                            : sql::drop_change_marks_postgresql));
  return table || !found.empty();
}

Result<void> compact_change_marks(Transaction& transaction, Engine engine) {
  if (is_sqlite(engine)) return {};  // there is one row
  MIRROR_CHECK(transaction.execute(sql::compact_changes_postgresql, {}));
  return {};
}

}  // namespace mirror

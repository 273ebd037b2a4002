#include "schema/database/schema_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/core/text.h"
#include "schema/database/schema.h"
#include "sql/database.h"

namespace mirror {
namespace {

constexpr std::string_view kUpgradeFirst =
    "let MirrorManager2 upgrade its schema to revision 3264c6353b51 first";

// Tables that no statement of ours touches.
constexpr std::array<std::string_view, 6> kUnused{
    "access_stat", "access_stat_category", "mm_group", "mm_user", "mm_user_group", "mm_user_visit"};
// Tables of MirrorManager 1, which a database that descends from it may still hold.
constexpr std::array<std::string_view, 8> kLegacy{"country_host", "group_permission", "permission",
                                                  "tg_group",     "tg_user",          "user_group",
                                                  "visit",        "visit_identity"};
constexpr std::string_view kAlembicTable = "alembic_version";

template <size_t kSize>
bool contains(const std::array<std::string_view, kSize>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_ours(std::string_view name) { return name.starts_with("mw_"); }

// What the migrations of MirrorManager2 leave different from its model.
bool migrations_leave_nullable(std::string_view table, std::string_view column) {
  constexpr std::array<std::string_view, 5> kCounters{"same_day", "one_day", "two_day", "older",
                                                      "no_info"};
  return (table == "host" && column == "crawl_failures") ||
         (table == "propagation_stat" && contains(kCounters, column));
}
bool migrations_leave_named(std::string_view index) { return index == "ix_propagation_stat_date"; }

const CatalogueColumn* column_named(const CatalogueTable& table, std::string_view name) {
  const auto found = std::ranges::find(table.columns, name, &CatalogueColumn::name);
  return found == table.columns.end() ? nullptr : &*found;
}

std::string describe_actions(const CatalogueForeignKey& key) {
  return fmt::format("{}{}{}", key.delete_cascades ? "ON DELETE CASCADE" : "",
                     key.delete_cascades && key.update_cascades ? " " : "",
                     key.update_cascades ? "ON UPDATE CASCADE" : "");
}

class SchemaComparison {
 public:
  SchemaComparison(const Catalogue& expected, const Catalogue& present)
      : expected_(expected), present_(present) {}

  SchemaReport run() {
    for (const auto& [name, table] : expected_) {
      if (is_ours(name)) continue;  // missing_migrations speaks of these
      const auto found = present_.find(name);
      if (found == present_.end())
        missing_table(name);
      else
        compare(name, table, found->second);
    }
    for (const auto& [name, table] : present_) {
      if (contains(kLegacy, name))
        drift(fmt::format("table {} is a left-over of MirrorManager 1", name));
    }
    if (drifted_)
      report_.kind = SchemaKind::kDrifted;
    else
      report_.kind = migrated_ ? SchemaKind::kMigrations : SchemaKind::kModel;
    return std::move(report_);
  }

 private:
  void problem(std::string text) {
    drifted_ = true;
    report_.problems.push_back(std::move(text));
  }
  void drift(std::string text, bool by_migrations = false) {
    (by_migrations ? migrated_ : drifted_) = true;
    report_.notes.push_back(std::move(text));
  }

  void missing_table(const std::string& name) {
    if (contains(kUnused, name) || name == kAlembicTable) {
      drift(
          fmt::format("table {} is missing; MirrorManager2 needs it, Mirrorworks does not", name));
    } else {
      problem(fmt::format("table {} is missing: {}", name, kUpgradeFirst));
    }
  }
  void compare(const std::string& name, const CatalogueTable& expected,
               const CatalogueTable& present) {
    compare_columns(name, expected, present);
    compare_keys(name, expected, present);
    compare_foreign_keys(name, expected, present);
    compare_indexes(name, expected, present);
  }
  void compare_columns(const std::string& name, const CatalogueTable& expected,
                       const CatalogueTable& present);
  void compare_keys(const std::string& name, const CatalogueTable& expected,
                    const CatalogueTable& present);
  void compare_foreign_keys(const std::string& name, const CatalogueTable& expected,
                            const CatalogueTable& present);
  void compare_indexes(const std::string& name, const CatalogueTable& expected,
                       const CatalogueTable& present);

  const Catalogue& expected_;
  const Catalogue& present_;
  SchemaReport report_;
  bool drifted_ = false, migrated_ = false;
};

void SchemaComparison::compare_columns(const std::string& name, const CatalogueTable& expected,
                                       const CatalogueTable& present) {
  for (const CatalogueColumn& wanted : expected.columns) {
    const CatalogueColumn* found = column_named(present, wanted.name);
    if (found == nullptr) {
      problem(fmt::format("column {}.{} is missing: {}", name, wanted.name, kUpgradeFirst));
      continue;
    }
    if (found->type != wanted.type) {
      drift(fmt::format("column {}.{} is {}, not {}", name, wanted.name, found->type, wanted.type));
    }
    if (found->not_null != wanted.not_null) {
      drift(fmt::format("column {}.{} {}", name, wanted.name,
                        wanted.not_null ? "may be NULL" : "must not be NULL, other than expected"),
            wanted.not_null && migrations_leave_nullable(name, wanted.name));
    }
  }
  for (const CatalogueColumn& found : present.columns) {
    if (column_named(expected, found.name) == nullptr) {
      drift(fmt::format("column {}.{} is one more than expected", name, found.name));
    }
  }
}

void SchemaComparison::compare_keys(const std::string& name, const CatalogueTable& expected,
                                    const CatalogueTable& present) {
  if (present.primary_key != expected.primary_key) {
    drift(fmt::format("table {} has the primary key ({}), not ({})", name, present.primary_key,
                      expected.primary_key));
  }
  const auto unique = [](const CatalogueTable& table, const std::string& columns) {
    return table.unique_keys.contains(columns) ||
           std::ranges::any_of(table.indexes, [&](const auto& index) {
             return index.second.unique && index.second.columns == columns;
           });
  };
  for (const std::string& columns : expected.unique_keys) {
    if (!unique(present, columns)) drift(fmt::format("table {} lacks UNIQUE ({})", name, columns));
  }
  for (const std::string& columns : present.unique_keys) {
    if (!unique(expected, columns))
      drift(fmt::format("table {} has one more UNIQUE ({})", name, columns));
  }
}

void SchemaComparison::compare_foreign_keys(const std::string& name, const CatalogueTable& expected,
                                            const CatalogueTable& present) {
  for (const CatalogueForeignKey& wanted : expected.foreign_keys) {
    if (present.foreign_keys.contains(wanted)) continue;
    const auto found =
        std::ranges::find_if(present.foreign_keys, [&](const CatalogueForeignKey& key) {
          return key.columns == wanted.columns && key.table == wanted.table;
        });
    if (found == present.foreign_keys.end()) {
      drift(fmt::format("table {} lacks the foreign key ({}) to {}", name, wanted.columns,
                        wanted.table));
    } else {
      drift(fmt::format("foreign key {} ({}) to {} has \"{}\", not \"{}\"", name, wanted.columns,
                        wanted.table, describe_actions(*found), describe_actions(wanted)));
    }
  }
}

void SchemaComparison::compare_indexes(const std::string& name, const CatalogueTable& expected,
                                       const CatalogueTable& present) {
  for (const auto& [index, wanted] : expected.indexes) {
    if (is_ours(index) || present.indexes.contains(index)) continue;
    const auto same = std::ranges::find_if(present.indexes, [&](const auto& other) {
      return other.second == wanted && !expected.indexes.contains(other.first);
    });
    if (same == present.indexes.end())
      drift(fmt::format("table {} lacks the index {}", name, index));
    else
      drift(fmt::format("index {} is called {}", index, same->first),
            migrations_leave_named(same->first));
  }
}

Result<void> check_revision(Transaction& transaction, SchemaReport& report) {
  std::vector<std::string> revisions;
  MIRROR_CHECK(
      transaction.query(sql::select_alembic_version, {}, [&](const Row& row) -> Result<void> {
        revisions.emplace_back(row.text(0));
        return {};
      }));
  if (revisions.size() == 1 && revisions.front() == kAlembicHead) return {};
  report.kind = SchemaKind::kDrifted;
  std::string text = fmt::format("{}", fmt::join(revisions, ", "));
  report.notes.push_back(fmt::format("alembic_version says {}, not {}: {}",
                                     text.empty() ? "nothing" : quote_for_message(text),
                                     kAlembicHead, kUpgradeFirst));
  return {};
}

}  // namespace

std::string_view describe(SchemaKind kind) {
  switch (kind) {
    case SchemaKind::kEmpty:
      return "no tables";
    case SchemaKind::kForeign:
      return "tables, but not those of MirrorManager2";
    case SchemaKind::kOurs:
      return "MirrorManager2's schema with all additions of Mirrorworks";
    case SchemaKind::kModel:
      return "MirrorManager2's schema, as its model makes it";
    case SchemaKind::kMigrations:
      return "MirrorManager2's schema, as its migrations make it";
    case SchemaKind::kDrifted:
      return "MirrorManager2's schema, drifted";
  }
  return "";
}

Result<SchemaReport> check_schema(Transaction& transaction, Engine engine) {
  MIRROR_TRY(const Catalogue present, read_catalogue(transaction, engine));
  SchemaReport report;
  if (present.empty()) return report;
  if (!present.contains("site") || !present.contains("host") || !present.contains("category")) {
    report.kind = SchemaKind::kForeign;
    return report;
  }
  MIRROR_TRY(const Catalogue expected, expected_catalogue());
  report = SchemaComparison(expected, present).run();
  if (present.contains(std::string(kAlembicTable)))
    MIRROR_CHECK(check_revision(transaction, report));
  MIRROR_TRY(report.missing_migrations, missing_migrations(transaction, engine));
  if (report.kind == SchemaKind::kModel && report.missing_migrations.empty())
    report.kind = SchemaKind::kOurs;
  return report;
}

}  // namespace mirror

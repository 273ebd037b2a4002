#include "scanner/category_state.h"

#include <algorithm>
#include <utility>

#include "base/core/text.h"
#include "sql/scanner.h"

namespace mirror {
namespace {

Result<void> read_head(Transaction* transaction, const std::string& name, CategoryState* state) {
  bool found = false, has_product = false, has_topdir = false;
  MIRROR_CHECK(
      transaction->query(sql::scan_select_categories, {}, [&](const Row& row) -> Result<void> {
        if (row.text(1) != name) return {};
        found = true;
        has_product = !row.is_null(2);
        has_topdir = !row.is_null(3) && !row.is_null(4);
        state->id = row.int64(0);
        state->name = name;
        state->product_id = row.int64(2);
        state->topdir_id = row.int64(3);
        state->topdir = row.text(4);
        return {};
      }));
  if (!found) {
    return fail(ErrorKind::kNotFound,
                "the database has no such category: add it (mirrorctl mirrors apply), or see "
                "mirror-scan --list-categories");
  }
  if (!has_product || !has_topdir) {
    return fail(ErrorKind::kNotFound, "the category has no {} in the database: set it",
                has_product ? "top directory" : "product");
  }
  return {};
}

StoredDirectory directory_of(const Row& row) {
  StoredDirectory directory;
  directory.id = row.int64(0);
  directory.name = row.text(1);
  directory.files = row.optional_bytes(2);
  directory.readable = row.boolean(3);
  directory.ctime = row.optional_int64(4);
  return directory;
}

Result<void> read_directories(Transaction* transaction, CategoryState* state) {
  MIRROR_CHECK(transaction->query(
      sql::scan_select_directories, {Value(state->id)}, [&](const Row& row) -> Result<void> {
        state->directories.push_back(directory_of(row));
        state->topdir_linked |= state->directories.back().id == state->topdir_id;
        return {};
      }));
  if (!state->topdir_linked) {
    MIRROR_CHECK(transaction->query(sql::scan_select_directory, {Value(state->topdir_id)},
                                    [&](const Row& row) -> Result<void> {
                                      state->directories.push_back(directory_of(row));
                                      return {};
                                    }));
    std::sort(state->directories.begin(), state->directories.end(),
              [](const StoredDirectory& a, const StoredDirectory& b) { return a.id < b.id; });
  }
  std::set<int64_t> own;
  for (const StoredDirectory& directory : state->directories) own.insert(directory.id);
  return transaction->query(sql::scan_select_shared_directories, {Value(state->id)},
                            [&](const Row& row) -> Result<void> {
                              if (own.contains(row.int64(0))) state->shared.insert(row.int64(0));
                              return {};
                            });
}

Result<void> read_details(Transaction* transaction, CategoryState* state) {
  return transaction->query(sql::scan_select_details, {Value(state->id)},
                            [&](const Row& row) -> Result<void> {
                              StoredDetail detail;
                              detail.id = row.int64(0);
                              detail.directory_id = row.int64(1);
                              detail.file_name = row.text(2);
                              detail.timestamp = row.optional_int64(3);
                              detail.size = row.optional_int64(4);
                              detail.sums = {std::string(row.text(5)), std::string(row.text(6)),
                                             std::string(row.text(7)), std::string(row.text(8))};
                              state->details.push_back(std::move(detail));
                              return {};
                            });
}

Result<void> read_names(Transaction* transaction, CategoryState* state) {
  MIRROR_CHECK(transaction->query(
      sql::scan_select_versions, {Value(state->product_id)}, [&](const Row& row) -> Result<void> {
        state->versions.push_back({row.int64(0), std::string(row.text(1))});
        return {};
      }));
  MIRROR_CHECK(transaction->query(sql::scan_select_arches, {}, [&](const Row& row) -> Result<void> {
    state->arches.push_back({row.int64(0), std::string(row.text(1))});
    return {};
  }));
  // By bytes, whatever the collation of the database is.
  std::sort(state->arches.begin(), state->arches.end(),
            [](const StoredArch& a, const StoredArch& b) { return a.name < b.name; });
  return transaction->query(sql::scan_select_repositories, {}, [&](const Row& row) -> Result<void> {
    state->repositories.push_back({row.int64(0), std::string(row.text(1)), std::string(row.text(2)),
                                   row.optional_int64(3), row.optional_int64(4)});
    return {};
  });
}

}  // namespace

Result<std::vector<CategoryName>> read_categories(Transaction* transaction) {
  std::vector<CategoryName> categories;
  MIRROR_CHECK(
      transaction->query(sql::scan_select_categories, {}, [&](const Row& row) -> Result<void> {
        categories.push_back({row.int64(0), std::string(row.text(1)), row.optional_text(4)});
        return {};
      }));
  return categories;
}

Result<CategoryState> read_category_state(Transaction* transaction, const std::string& name) {
  CategoryState state;
  MIRROR_CHECK(read_head(transaction, name, &state));
  MIRROR_CHECK(read_directories(transaction, &state));
  MIRROR_CHECK(read_details(transaction, &state));
  MIRROR_CHECK(read_names(transaction, &state));
  return state;
}

}  // namespace mirror

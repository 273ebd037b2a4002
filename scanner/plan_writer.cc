#include "scanner/plan_writer.h"

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sql/scanner.h"

namespace mirror {
namespace {

using ParameterSets = std::vector<std::vector<Value>>;
using Ids = std::unordered_map<std::string, int64_t>;

Value text_or_null(const std::string& text) {
  return text.empty() ? Value(std::monostate{}) : Value(std::string_view(text));
}

class PlanWriter {
 public:
  PlanWriter(Transaction* transaction, const CategoryState& state, const ChangePlan& plan)
      : transaction_(transaction), state_(state), plan_(plan) {}

  Result<void> write() {
    MIRROR_CHECK(delete_directories());
    MIRROR_CHECK(delete_details());
    MIRROR_CHECK(insert_directories());
    MIRROR_CHECK(update_directories());
    MIRROR_CHECK(insert_versions());
    MIRROR_CHECK(write_repositories());
    return insert_details();
  }

 private:
  Result<void> run_many(std::string_view statement, const ParameterSets& sets) {
    if (sets.empty()) return {};
    MIRROR_TRY([[maybe_unused]] const int64_t changed, transaction_->execute_many(statement, sets));
    return {};
  }

  Result<void> delete_directories() {
    ParameterSets unlinked, deleted;
    for (const int64_t id : plan_.unlinked_directories)
      unlinked.push_back({Value(state_.id), Value(id)});
    for (const int64_t id : plan_.deleted_directories) deleted.push_back({Value(id)});
    MIRROR_CHECK(run_many(sql::scan_unlink_directory, unlinked));
    for (const std::string_view statement :
         {sql::scan_delete_directory_propagation, sql::scan_delete_directory_repositories,
          sql::scan_delete_directory_detail_groups, sql::scan_delete_directory_details,
          sql::scan_delete_directory_exclusive_hosts, sql::scan_delete_directory_host_rows,
          sql::scan_delete_directory_categories, sql::scan_delete_directory}) {
      MIRROR_CHECK(run_many(statement, deleted));
    }
    return {};
  }

  Result<void> delete_details() {
    ParameterSets gone;
    for (const int64_t id : plan_.replaced_details) gone.push_back({Value(id)});
    for (const int64_t id : plan_.aged_details) gone.push_back({Value(id)});
    MIRROR_CHECK(run_many(sql::scan_delete_detail_groups, gone));
    return run_many(sql::scan_delete_detail, gone);
  }

  // The ids of all directories below the top one, whichever category has them.
  Result<void> read_ids(Ids* ids) {
    const std::string beginning = state_.topdir.empty() ? "" : state_.topdir + "/";
    ids->clear();
    MIRROR_CHECK(transaction_->query(sql::scan_select_directory_ids,
                                     {Value(std::string_view(beginning))},
                                     [&](const Row& row) -> Result<void> {
                                       ids->emplace(row.text(1), row.int64(0));
                                       return {};
                                     }));
    ids->insert_or_assign(state_.topdir, state_.topdir_id);
    return {};
  }

  Result<void> insert_directories() {
    ParameterSets links;
    if (plan_.link_topdir) links.push_back({Value(state_.id), Value(state_.topdir_id)});
    if (!plan_.new_directories.empty()) {
      MIRROR_CHECK(read_ids(&ids_));
      ParameterSets rows, states, samples;
      for (const DirectoryInsert& directory : plan_.new_directories) {
        const auto foreign = ids_.find(directory.name);
        if (foreign == ids_.end()) {
          rows.push_back({Value(std::string_view(directory.name)), Value(Blob{directory.files}),
                          Value(directory.readable), Value(directory.ctime)});
        } else {
          states.push_back(
              {Value(foreign->second), Value(directory.readable), Value(directory.ctime)});
          samples.push_back({Value(foreign->second), Value(Blob{directory.files})});
        }
      }
      MIRROR_CHECK(run_many(sql::scan_insert_directory, rows));
      MIRROR_CHECK(run_many(sql::scan_update_directory, states));
      MIRROR_CHECK(run_many(sql::scan_update_directory_files, samples));
    }
    if (!plan_.new_directories.empty() || !plan_.new_repositories.empty() ||
        !plan_.moved_repositories.empty() || !plan_.new_details.empty()) {
      MIRROR_CHECK(read_ids(&ids_));
    }
    for (const DirectoryInsert& directory : plan_.new_directories) {
      MIRROR_TRY(const int64_t id, directory_id(directory.name));
      links.push_back({Value(state_.id), Value(id)});
    }
    return run_many(sql::scan_insert_category_directory, links);
  }

  Result<void> update_directories() {
    ParameterSets states, samples;
    for (const DirectoryUpdate& directory : plan_.changed_directories) {
      states.push_back({Value(directory.id), Value(directory.readable), Value(directory.ctime)});
      if (directory.files) samples.push_back({Value(directory.id), Value(Blob{*directory.files})});
    }
    MIRROR_CHECK(run_many(sql::scan_update_directory, states));
    return run_many(sql::scan_update_directory_files, samples);
  }

  Result<void> insert_versions() {
    ParameterSets rows;
    for (const VersionInsert& version : plan_.new_versions) {
      rows.push_back({Value(std::string_view(version.name)), Value(version.is_test),
                      Value(version.display), value_of(version.display_name), Value(true),
                      Value(state_.product_id)});
    }
    MIRROR_CHECK(run_many(sql::scan_insert_version, rows));
    if (plan_.new_repositories.empty() && plan_.moved_repositories.empty()) return {};
    return transaction_->query(sql::scan_select_versions, {Value(state_.product_id)},
                               [&](const Row& row) -> Result<void> {
                                 versions_.emplace(row.text(1), row.int64(0));
                                 return {};
                               });
  }

  Result<void> write_repositories() {
    ParameterSets moved, prefixed, inserted;
    for (const RepositoryMove& move : plan_.moved_repositories) {
      MIRROR_TRY(const int64_t directory, directory_id(move.name));
      MIRROR_TRY(const int64_t version, version_id(move.version));
      moved.push_back({Value(move.id), Value(std::string_view(move.name)), Value(state_.id),
                       Value(version), Value(directory)});
    }
    for (const RepositoryPrefix& prefix : plan_.prefixed_repositories) {
      prefixed.push_back({Value(prefix.id), Value(std::string_view(prefix.prefix))});
    }
    for (const RepositoryInsert& repository : plan_.new_repositories) {
      MIRROR_TRY(const int64_t directory, directory_id(repository.name));
      MIRROR_TRY(const int64_t version, version_id(repository.version));
      inserted.push_back({Value(std::string_view(repository.name)),
                          Value(std::string_view(repository.prefix)), Value(state_.id),
                          Value(version), Value(repository.arch_id), Value(directory),
                          Value(false)});
    }
    MIRROR_CHECK(run_many(sql::scan_move_repository, moved));
    MIRROR_CHECK(run_many(sql::scan_update_repository_prefix, prefixed));
    return run_many(sql::scan_insert_repository, inserted);
  }

  Result<void> insert_details() {
    ParameterSets rows;
    for (const DetailInsert& insert : plan_.new_details) {
      MIRROR_TRY(const int64_t directory, directory_id(insert.directory));
      const FileDetail& detail = insert.detail;
      rows.push_back({Value(directory), Value(std::string_view(detail.file_name)),
                      Value(detail.timestamp), Value(detail.size), text_or_null(detail.sums.md5),
                      text_or_null(detail.sums.sha1), text_or_null(detail.sums.sha256),
                      text_or_null(detail.sums.sha512)});
    }
    return run_many(sql::scan_insert_detail, rows);
  }

  Result<int64_t> directory_id(const std::string& name) const {
    return id_of(ids_, name, "directory");
  }
  Result<int64_t> version_id(const std::string& name) const {
    return id_of(versions_, name, "version");
  }
  static Result<int64_t> id_of(const Ids& ids, const std::string& name, std::string_view what) {
    const auto found = ids.find(name);
    if (found == ids.end())
      return fail(ErrorKind::kConflict, "the {} {} is no longer in the database", what, name);
    return found->second;
  }

  Transaction* transaction_;
  const CategoryState& state_;
  const ChangePlan& plan_;
  Ids ids_, versions_;
};

}  // namespace

Result<void> write_plan(Transaction* transaction, const CategoryState& state,
                        const ChangePlan& plan) {
  return PlanWriter(transaction, state, plan).write();
}

Result<void> lock_category(Transaction* transaction, int64_t category_id) {
  MIRROR_TRY([[maybe_unused]] const int64_t rows,
             transaction->execute(sql::scan_lock_category, {Value(category_id)}));
  return {};
}

}  // namespace mirror

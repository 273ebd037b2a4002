// What a scan wants to change in the database: plain data. An empty plan means that nothing is
// written at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scanner/detail_reader.h"

namespace mirror {

struct DirectoryInsert {
  std::string name;  // in full
  std::string files;
  bool readable = false;
  int64_t ctime = 0;
};
struct DirectoryUpdate {
  int64_t id = 0;
  bool readable = false;
  int64_t ctime = 0;
  std::optional<std::string> files;  // only if they differ
};
struct VersionInsert {
  std::string name;
  bool is_test = false;
  bool display = true;
  std::optional<std::string> display_name;
};
struct RepositoryInsert {
  std::string name;  // its directory's
  std::string prefix;
  std::string version;
  int64_t arch_id = 0;
};
// A repository that pointed elsewhere, or nowhere, now points to the directory `name`.
struct RepositoryMove {
  int64_t id = 0;
  std::string name;
  std::string version;
};
struct RepositoryPrefix {
  int64_t id = 0;
  std::string prefix;
};
struct DetailInsert {
  std::string directory;  // in full
  FileDetail detail;
};

struct ChangePlan {
  bool link_topdir = false;
  std::vector<DirectoryInsert> new_directories;
  std::vector<DirectoryUpdate> changed_directories;
  std::vector<int64_t> deleted_directories;   // with everything that refers to them
  std::vector<int64_t> unlinked_directories;  // gone from this category, but another one has them
  std::vector<VersionInsert> new_versions;
  std::vector<RepositoryInsert> new_repositories;
  std::vector<RepositoryMove> moved_repositories;
  std::vector<RepositoryPrefix> prefixed_repositories;
  std::vector<DetailInsert> new_details;
  std::vector<int64_t> replaced_details;  // by one of the new ones, which says the same
  std::vector<int64_t> aged_details;

  [[nodiscard]] bool is_empty() const {
    return !link_topdir && new_directories.empty() && changed_directories.empty() &&
           deleted_directories.empty() && unlinked_directories.empty() && new_versions.empty() &&
           new_repositories.empty() && moved_repositories.empty() &&
           prefixed_repositories.empty() && new_details.empty() && replaced_details.empty() &&
           aged_details.empty();
  }
};

}  // namespace mirror

// What the database holds about one category, as far as the scanner needs it: plain values, ordered
// by id. Everything that a deployment may hold as NULL is optional; '' and NULL mean the same for
// checksums and prefixes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/core/error.h"
#include "scanner/file_digests.h"
#include "schema/database/database.h"

namespace mirror {

struct StoredDirectory {
  int64_t id = 0;
  std::string name;  // in full
  std::optional<std::string> files;
  bool readable = false;
  std::optional<int64_t> ctime;
  bool operator==(const StoredDirectory&) const = default;
};

struct StoredDetail {
  int64_t id = 0;
  int64_t directory_id = 0;
  std::string file_name;
  std::optional<int64_t> timestamp, size;
  FileSums sums;
  bool operator==(const StoredDetail&) const = default;
};

struct StoredVersion {
  int64_t id = 0;
  std::string name;
  bool operator==(const StoredVersion&) const = default;
};

struct StoredArch {
  int64_t id = 0;
  std::string name;
  bool operator==(const StoredArch&) const = default;
};

// Of every category, since (prefix, architecture) is unique over all.
struct StoredRepository {
  int64_t id = 0;
  std::string name, prefix;
  std::optional<int64_t> arch_id, directory_id;
  bool operator==(const StoredRepository&) const = default;
};

struct CategoryState {
  int64_t id = 0;
  int64_t product_id = 0;
  int64_t topdir_id = 0;
  std::string name, topdir;
  bool topdir_linked = false;                // category_directory holds the top directory
  std::vector<StoredDirectory> directories;  // the top directory always among them
  std::set<int64_t> shared;  // directories that another category has too, or begins at
  std::vector<StoredDetail> details;
  std::vector<StoredVersion> versions;  // of the product
  std::vector<StoredArch> arches;       // by name
  std::vector<StoredRepository> repositories;

  bool operator==(const CategoryState&) const = default;
};

struct CategoryName {
  int64_t id = 0;
  std::string name;
  std::optional<std::string> topdir;
};

// By id.
[[nodiscard]] Result<std::vector<CategoryName>> read_categories(Transaction* transaction);

// kNotFound: no such category, or one without product or top directory; the message says what to
// do.
[[nodiscard]] Result<CategoryState> read_category_state(Transaction* transaction,
                                                        const std::string& name);

}  // namespace mirror

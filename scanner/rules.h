// What an operator tells the scanner: a TOML file with the trees to walk and the rules by which a
// directory with `repodata` becomes a repository. scanner/rules/example.toml documents every key,
// scanner/rules/fedora.toml is the rule set of Fedora's deployment. Plain data, immutable after
// parse(); parsing is in rules_file.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/core/error.h"
#include "scanner/file_sample.h"
#include "scanner/pattern.h"

namespace mirror {

// One tree: where the files of a category's top directory lie on this machine.
struct CategorySource {
  std::string name;  // category.name
  std::string path;
  std::vector<Pattern> excludes;  // the global and its own; searched in the full directory name
};

// The first rule that matches a directory decides. Every given expression must match.
struct RepositoryRule {
  enum class Kind {
    kAssembled,  // prefix + suffix + "-" + version_prefix + version; no version for rawhide
    kExact,      // the template is the whole prefix
    kSkip,       // no repository
  };
  int line = 0;
  Kind kind = Kind::kSkip;
  std::vector<std::string> categories;  // empty: all
  std::optional<Pattern> path;  // searched in the path below the top directory, "" for that itself
  std::optional<Pattern> name;  // searched in the full name
  std::string prefix;  // a template: ${group}, and in kExact also ${version} ${suffix} ${arch}
  std::string version_prefix;
  std::string arch;   // empty: guessed from the path
  bool move = false;  // may take a prefix and architecture over from another directory
};

struct AgingRules {
  int64_t stale_days = 4;
  int64_t propagation_days = 3;
  int64_t keep = 2;  // never fewer rows than this for a file, whatever their age
};

struct ScanRules {
  std::string file;  // for messages
  SampleRules sample;
  AgingRules aging;
  int64_t max_delete_percent = 10;
  std::vector<CategorySource> categories;

  // On "/NAME/": the first group of the first that matches is a version.
  std::vector<Pattern> version_patterns;
  std::string rawhide_version =
      "development";  // the version whose directories are called "rawhide"
  std::vector<std::string> skip_paths_for_version;  // beginnings of full names
  std::vector<std::string> skip_repository_paths;   // substrings of "/NAME/", like the next four
  std::vector<std::string> test_paths;
  std::vector<std::string> do_not_display_paths;
  std::vector<std::string> source_paths;
  std::vector<std::string> debug_paths;
  std::vector<RepositoryRule> repositories;
  std::vector<std::pair<std::string, std::string>> aliases;  // (from, to)

  // Errors name the file, the line and the key. A relative `path` of a category counts from the
  // file's folder.
  [[nodiscard]] static Result<ScanRules> load(const std::string& file);
  [[nodiscard]] static Result<ScanRules> parse(std::string_view text, const std::string& file);
};

}  // namespace mirror

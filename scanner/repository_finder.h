// Decides which directories are repositories, and of what version, architecture and prefix. Pure.
//
// A directory is one if it has a `repodata` with a repomd.xml. All of them are judged in every
// scan, so that a new rule needs no change of the tree. Versions are created; architectures and
// products are not.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scanner/category_state.h"
#include "scanner/change_plan.h"
#include "scanner/diagnostics.h"
#include "scanner/rules.h"
#include "scanner/tree.h"

namespace mirror {

class RepositoryFinder {
 public:
  struct Options {
    bool move = false;  // as if every rule said move = true
  };

  // All borrowed. `plan` must hold the directories already: a repository of a deleted directory is
  // free to be made anew.
  RepositoryFinder(const ScanRules& rules, const CategoryState& state, Options options,
                   ChangePlan* plan, Diagnostics* diagnostics);

  void find(const Tree& tree);

  // What a path says; for the tests of the rules too.
  struct Identity {
    const RepositoryRule* rule = nullptr;
    std::string prefix, version;
    const StoredArch* arch = nullptr;
  };
  // nullopt: no repository; why goes to `diagnostics`. `path` is below the top directory.
  [[nodiscard]] std::optional<Identity> identify(const std::string& path,
                                                 Diagnostics* diagnostics) const;

 private:
  // A directory that wants to be the repository (prefix, architecture).
  struct Claim {
    std::string name;
    Identity identity;
  };
  using Key = std::pair<std::string, int64_t>;  // prefix, architecture

  void settle_claim(const Claim& claim);
  void keep_own(const StoredRepository& own, const Claim& claim);
  void take_over(const StoredRepository& holder, const Claim& claim);
  [[nodiscard]] const StoredRepository* find_own(const std::string& name) const;
  [[nodiscard]] const StoredRepository* find_holder(const Key& key) const;
  [[nodiscard]] bool is_skipped(const std::string& name) const;
  [[nodiscard]] const RepositoryRule* first_match(const std::string& path, const std::string& name,
                                                  Pattern::Groups* groups) const;
  [[nodiscard]] std::optional<std::string> guess_version(const std::string& path,
                                                         const std::string& name) const;
  [[nodiscard]] std::optional<std::string> version_in(const std::string& slashed_name) const;
  [[nodiscard]] std::string guess_arch(const std::string& name) const;
  [[nodiscard]] const StoredArch* find_arch(std::string_view arch) const;
  [[nodiscard]] std::string prefix_of(const RepositoryRule& rule, Pattern::Groups groups,
                                      const std::string& path, const std::string& version,
                                      const std::string& arch) const;
  [[nodiscard]] std::string suffix_of(const std::string& path) const;
  void need_version(const Claim& claim);

  const ScanRules& rules_;
  const CategoryState& state_;
  Options options_;
  ChangePlan* plan_;
  Diagnostics* diagnostics_;
  std::vector<Claim> claims_;
  std::map<Key, std::string> taken_;             // by directories of this scan
  std::set<std::string, std::less<>> versions_;  // that exist or are in the plan
  std::map<std::string, const StoredRepository*, std::less<>> by_name_;
  std::map<int64_t, const StoredRepository*> by_directory_;
  std::map<Key, const StoredRepository*> by_key_;
  std::map<std::string, int64_t, std::less<>> directory_ids_;
};

}  // namespace mirror

#include "scanner/repository_finder.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/core/text.h"
#include "scanner/rule_template.h"

namespace mirror {
namespace {

constexpr std::string_view kRawhide = "rawhide";
constexpr std::string_view kSourceArch = "source";

bool contains_any(const std::string& text, const std::vector<std::string>& pieces) {
  return std::any_of(pieces.begin(), pieces.end(), [&](const std::string& piece) {
    return text.find(piece) != std::string::npos;
  });
}

bool has_component(const std::string& slashed, std::string_view component) {
  return slashed.find(fmt::format("/{}/", component)) != std::string::npos;
}

std::string slashed(const std::string& path) { return path.empty() ? "/" : "/" + path + "/"; }

}  // namespace

RepositoryFinder::RepositoryFinder(const ScanRules& rules, const CategoryState& state,
                                   Options options, ChangePlan* plan, Diagnostics* diagnostics)
    : rules_(rules), state_(state), options_(options), plan_(plan), diagnostics_(diagnostics) {
  const std::set<int64_t> deleted(plan->deleted_directories.begin(),
                                  plan->deleted_directories.end());
  for (const StoredRepository& repository : state.repositories) {
    if (repository.directory_id && deleted.contains(*repository.directory_id)) continue;
    by_name_.emplace(repository.name, &repository);
    if (repository.directory_id) by_directory_.emplace(*repository.directory_id, &repository);
    if (!repository.prefix.empty() && repository.arch_id) {
      by_key_.emplace(Key(repository.prefix, *repository.arch_id), &repository);
    }
  }
  for (const StoredDirectory& directory : state.directories)
    directory_ids_.emplace(directory.name, directory.id);
  for (const StoredVersion& version : state.versions) versions_.insert(version.name);
}

void RepositoryFinder::find(const Tree& tree) {
  Diagnostics unheard;
  for (const TreeDirectory& directory : tree.directories) {
    if (base_name(directory.path) != kRepodata || !directory.repomd) continue;
    const std::string path(parent_path(directory.path));
    std::string name = full_name(state_.topdir, path);
    // Whoever entered a repository that no rule describes knows why.
    auto identity = identify(path, find_own(name) != nullptr ? &unheard : diagnostics_);
    if (identity) claims_.push_back({std::move(name), std::move(*identity)});
  }
  // Those that may take over come first, so that they need not evict one that was new a moment ago.
  std::stable_partition(claims_.begin(), claims_.end(),
                        [](const Claim& claim) { return claim.identity.rule->move; });
  for (const Claim& claim : claims_) settle_claim(claim);
}

std::optional<RepositoryFinder::Identity> RepositoryFinder::identify(
    const std::string& path, Diagnostics* diagnostics) const {
  const std::string name = full_name(state_.topdir, path);
  if (is_skipped(name)) return std::nullopt;
  Pattern::Groups groups;
  const RepositoryRule* rule = first_match(path, name, &groups);
  if (rule == nullptr) {
    diagnostics->note(fmt::format("{}: no rule makes it a repository", quote_for_message(name)));
    return std::nullopt;
  }
  if (rule->kind == RepositoryRule::Kind::kSkip) return std::nullopt;

  Identity identity;
  identity.rule = rule;
  const auto version_group = groups.find("version");
  const auto version = version_group != groups.end() && !version_group->second.empty()
                           ? std::optional(version_group->second)
                           : guess_version(path, name);
  if (!version) {
    diagnostics->warning(fmt::format(
        "{}: no repository, its path names no version; a group (?P<version>...) in the rule "
        "at line {} of {} would find it, skip = true silences this",
        quote_for_message(name), rule->line, rules_.file));
    return std::nullopt;
  }
  identity.version = *version;
  const auto arch_group = groups.find("arch");
  const std::string arch = !rule->arch.empty() ? rule->arch
                           : arch_group != groups.end() && !arch_group->second.empty()
                               ? arch_group->second
                               : guess_arch(name);
  identity.arch = find_arch(arch);
  if (identity.arch == nullptr) {
    diagnostics->warning(
        fmt::format("{}: no repository, {}; the scanner never creates architectures: add it to the "
                    "database, or a rule with skip = true to {}",
                    quote_for_message(name),
                    arch.empty() ? "its path names no architecture of the database"
                                 : fmt::format("the database has no architecture {}", arch),
                    rules_.file));
    return std::nullopt;
  }
  identity.prefix =
      prefix_of(*rule, std::move(groups), path, identity.version, identity.arch->name);
  if (identity.prefix.empty()) {
    diagnostics->note(fmt::format("{}: the rule at line {} gives an empty prefix",
                                  quote_for_message(name), rule->line));
    return std::nullopt;
  }
  return identity;
}

void RepositoryFinder::settle_claim(const Claim& claim) {
  const Key key(claim.identity.prefix, claim.identity.arch->id);
  const auto [taken, is_first] = taken_.emplace(key, claim.name);
  if (!is_first) {
    diagnostics_->note(fmt::format("{}: no repository, {} is {} {} already",
                                   quote_for_message(claim.name), quote_for_message(taken->second),
                                   key.first, claim.identity.arch->name));
    return;
  }
  if (const StoredRepository* own = find_own(claim.name)) return keep_own(*own, claim);
  if (const StoredRepository* holder = find_holder(key)) return take_over(*holder, claim);
  need_version(claim);
  plan_->new_repositories.push_back(
      {claim.name, claim.identity.prefix, claim.identity.version, claim.identity.arch->id});
}

void RepositoryFinder::keep_own(const StoredRepository& own, const Claim& claim) {
  const Key key(claim.identity.prefix, claim.identity.arch->id);
  const StoredRepository* holder = find_holder(key);
  if (holder == &own) {
    if (own.directory_id) return;
    need_version(claim);
    plan_->moved_repositories.push_back({own.id, claim.name, claim.identity.version});
  } else if (own.prefix.empty() && own.arch_id == claim.identity.arch->id && holder == nullptr) {
    plan_->prefixed_repositories.push_back({own.id, claim.identity.prefix});
  } else {
    taken_.erase(key);
    diagnostics_->note(fmt::format(
        "{}: kept as the repository {} that it is in the database, though the rules say {} {}",
        quote_for_message(claim.name), quote_for_message(own.prefix), key.first,
        claim.identity.arch->name));
  }
}

void RepositoryFinder::take_over(const StoredRepository& holder, const Claim& claim) {
  const bool moves = !holder.directory_id || claim.identity.rule->move || options_.move;
  if (!moves) {
    taken_.erase({claim.identity.prefix, claim.identity.arch->id});
    diagnostics_->warning(fmt::format(
        "{}: no repository, {} {} is {} in the database; --move-repositories or a rule with "
        "move = true moves it, skip = true silences this",
        quote_for_message(claim.name), claim.identity.prefix, claim.identity.arch->name,
        quote_for_message(holder.name)));
    return;
  }
  if (holder.directory_id) {
    diagnostics_->note(fmt::format("{} {} moves from {} to {}", claim.identity.prefix,
                                   claim.identity.arch->name, quote_for_message(holder.name),
                                   quote_for_message(claim.name)));
  }
  need_version(claim);
  plan_->moved_repositories.push_back({holder.id, claim.name, claim.identity.version});
}

const StoredRepository* RepositoryFinder::find_own(const std::string& name) const {
  const auto named = by_name_.find(name);
  if (named != by_name_.end()) return named->second;
  const auto id = directory_ids_.find(name);
  if (id == directory_ids_.end()) return nullptr;
  const auto found = by_directory_.find(id->second);
  return found == by_directory_.end() ? nullptr : found->second;
}

const StoredRepository* RepositoryFinder::find_holder(const Key& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

bool RepositoryFinder::is_skipped(const std::string& name) const {
  return contains_any(slashed(name), rules_.skip_repository_paths) ||
         std::any_of(rules_.skip_paths_for_version.begin(), rules_.skip_paths_for_version.end(),
                     [&](const std::string& beginning) { return name.starts_with(beginning); });
}

const RepositoryRule* RepositoryFinder::first_match(const std::string& path,
                                                    const std::string& name,
                                                    Pattern::Groups* groups) const {
  for (const RepositoryRule& rule : rules_.repositories) {
    if (!rule.categories.empty() && std::find(rule.categories.begin(), rule.categories.end(),
                                              state_.name) == rule.categories.end()) {
      continue;
    }
    groups->clear();
    if (rule.path) {
      auto found = rule.path->groups(path);
      if (!found) continue;
      groups->merge(*found);
    }
    if (rule.name) {
      auto found = rule.name->groups(name);
      if (!found) continue;
      groups->merge(*found);
    }
    return &rule;
  }
  return nullptr;
}

std::optional<std::string> RepositoryFinder::guess_version(const std::string& path,
                                                           const std::string& name) const {
  // What lies below the top directory says more than where that lies.
  auto version = version_in(slashed(path));
  return version ? version : version_in(slashed(name));
}

std::optional<std::string> RepositoryFinder::version_in(const std::string& slashed_name) const {
  for (const StoredVersion& version : state_.versions) {
    const bool is_rawhide = version.name == rules_.rawhide_version;
    if (has_component(slashed_name, is_rawhide ? kRawhide : std::string_view(version.name)))
      return version.name;
  }
  for (const Pattern& pattern : rules_.version_patterns) {
    auto version = pattern.first_group(slashed_name);
    if (version && !version->empty()) return version;
  }
  if (slashed_name.find(kRawhide) != std::string::npos) return rules_.rawhide_version;
  return std::nullopt;
}

std::string RepositoryFinder::guess_arch(const std::string& name) const {
  if (name.find("SRPMS") != std::string::npos) return std::string(kSourceArch);
  const std::string slashed_name = slashed(name);
  for (const StoredArch& arch : state_.arches) {
    if (has_component(slashed_name, arch.name)) return arch.name;
  }
  return contains_any(slashed_name, rules_.source_paths) ? std::string(kSourceArch) : std::string();
}

const StoredArch* RepositoryFinder::find_arch(std::string_view arch) const {
  const auto found = std::find_if(state_.arches.begin(), state_.arches.end(),
                                  [&](const StoredArch& stored) { return stored.name == arch; });
  return found == state_.arches.end() || arch.empty() ? nullptr : &*found;
}

std::string RepositoryFinder::prefix_of(const RepositoryRule& rule, Pattern::Groups groups,
                                        const std::string& path, const std::string& version,
                                        const std::string& arch) const {
  const std::string suffix = suffix_of(path);
  const auto aliased = [&](std::string text) {
    for (const auto& [from, to] : rules_.aliases) {
      if (text == from) return to;
    }
    return text;
  };
  if (rule.kind == RepositoryRule::Kind::kExact) {
    groups["version"] = version;
    groups["suffix"] = suffix;
    groups["arch"] = arch;
    return aliased(expand_template(rule.prefix, groups));
  }
  const std::string base = expand_template(rule.prefix, groups) + suffix;
  if (base.empty() || version == rules_.rawhide_version) return aliased(base);
  return aliased(base + "-") + rule.version_prefix + version;
}

std::string RepositoryFinder::suffix_of(const std::string& path) const {
  if (contains_any(slashed(path), rules_.source_paths)) return "-source";
  return contains_any(slashed(path), rules_.debug_paths) ? "-debug" : "";
}

void RepositoryFinder::need_version(const Claim& claim) {
  const std::string& version = claim.identity.version;
  if (!versions_.insert(version).second) return;
  const std::string name = slashed(claim.name);
  VersionInsert insert;
  insert.name = version;
  insert.is_test = contains_any(name, rules_.test_paths);
  insert.display = !contains_any(name, rules_.do_not_display_paths);
  if (version == rules_.rawhide_version) insert.display_name = std::string(kRawhide);
  plan_->new_versions.push_back(std::move(insert));
}

}  // namespace mirror

#include "scanner/tree_diff.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/core/text.h"
#include "scanner/file_sample.h"

namespace mirror {
namespace {

constexpr int64_t kSecondsPerDay = 86400;

// The file's rows by (directory, file name), in the order of their ids.
using DetailKey = std::pair<int64_t, std::string>;
using DetailsByFile = std::map<DetailKey, std::vector<const StoredDetail*>>;

DetailsByFile details_by_file(const CategoryState& state) {
  DetailsByFile by_file;
  for (const StoredDetail& detail : state.details) {
    by_file[{detail.directory_id, detail.file_name}].push_back(&detail);
  }
  return by_file;
}

bool is_same_detail(const StoredDetail& stored, const FileDetail& found) {
  if (stored.size != found.size || stored.sums != found.sums) return false;
  return found.file_name != kRepomd || stored.timestamp == found.timestamp;
}

// The sample with repomd.xml as it was when its checksums were taken.
std::string sample_text(const TreeDirectory& directory, const DirectoryDetails* details) {
  std::vector<TreeFile> sample = directory.sample;
  if (details != nullptr && details->repomd) {
    for (TreeFile& file : sample) {
      if (file.name == kRepomd) file = *details->repomd;
    }
  }
  return encode_sample(sample);
}

}  // namespace

std::optional<std::string> path_below(const std::string& topdir, const std::string& name) {
  if (topdir.empty()) return name;
  if (name == topdir) return std::string();
  if (name.size() <= topdir.size() + 1 || !name.starts_with(topdir) || name[topdir.size()] != '/')
    return std::nullopt;
  return name.substr(topdir.size() + 1);
}

KnownTree known_tree(const CategoryState& state) {
  const DetailsByFile details = details_by_file(state);
  const auto has_sums = [&](int64_t directory, const TreeFile& repomd) {
    const auto rows = details.find({directory, repomd.name});
    return rows != details.end() && rows->second.back()->size == repomd.size;
  };
  KnownTree known;
  known.reserve(state.directories.size());
  for (const StoredDirectory& stored : state.directories) {
    const auto path = path_below(state.topdir, stored.name);
    if (!path) continue;
    KnownDirectory& directory = known[*path];
    directory.ctime = stored.ctime.value_or(0);
    directory.must_list =
        directory.ctime == 0 || !stored.files || !looks_like_sample(*stored.files);
    if (base_name(*path) == kRepodata && !directory.must_list) {
      directory.repomd = find_in_sample(*stored.files, kRepomd);
      directory.must_list = directory.repomd && !has_sums(stored.id, *directory.repomd);
    }
  }
  for (const StoredDirectory& stored : state.directories) {
    const auto path = path_below(state.topdir, stored.name);
    if (!path || path->empty()) continue;
    const auto parent = known.find(std::string(parent_path(*path)));
    if (parent != known.end()) parent->second.children.emplace_back(base_name(*path));
  }
  for (auto& [path, directory] : known)
    std::sort(directory.children.begin(), directory.children.end());
  return known;
}

void compare_directories(const CategoryState& state, const Tree& tree,
                         const std::vector<DirectoryDetails>& details,
                         const std::vector<Pattern>& excludes, ChangePlan* plan,
                         Diagnostics* diagnostics) {
  std::unordered_map<std::string_view, const DirectoryDetails*> details_by_path;
  for (const DirectoryDetails& found : details) details_by_path[found.path] = &found;
  std::unordered_map<std::string_view, const StoredDirectory*> stored_by_name;
  for (const StoredDirectory& stored : state.directories) stored_by_name[stored.name] = &stored;
  std::set<int64_t> seen{state.topdir_id};

  plan->link_topdir = !state.topdir_linked;
  for (const TreeDirectory& directory : tree.directories) {
    const auto read = details_by_path.find(directory.path);
    const DirectoryDetails* found = read == details_by_path.end() ? nullptr : read->second;
    const int64_t ctime = found != nullptr && found->incomplete ? 0 : directory.ctime;
    std::string name = full_name(state.topdir, directory.path);
    const auto known = stored_by_name.find(name);
    if (known == stored_by_name.end()) {
      plan->new_directories.push_back(
          {std::move(name), sample_text(directory, found), directory.readable, ctime});
      continue;
    }
    const StoredDirectory& stored = *known->second;
    seen.insert(stored.id);
    DirectoryUpdate update{stored.id, directory.readable, ctime, std::nullopt};
    if (directory.listed) {
      std::string files = sample_text(directory, found);
      if (files != stored.files) update.files = std::move(files);
    }
    if (update.files || stored.readable != directory.readable || stored.ctime != ctime) {
      plan->changed_directories.push_back(std::move(update));
    }
  }

  for (const StoredDirectory& stored : state.directories) {
    if (seen.contains(stored.id)) continue;
    if (!path_below(state.topdir, stored.name)) {
      diagnostics->note(fmt::format(
          "{}: left alone, it belongs to the category but lies outside of its top directory {}",
          quote_for_message(stored.name), state.topdir));
    } else if (std::none_of(excludes.begin(), excludes.end(),
                            [&](const Pattern& pattern) { return pattern.matches(stored.name); })) {
      (state.shared.contains(stored.id) ? plan->unlinked_directories : plan->deleted_directories)
          .push_back(stored.id);
    }
  }
}

Result<void> check_deletions(const CategoryState& state, const ChangePlan& plan,
                             int64_t max_delete_percent) {
  const auto gone = plan.deleted_directories.size() + plan.unlinked_directories.size();
  const auto total = state.directories.size();
  if (gone * 100 <= total * static_cast<size_t>(max_delete_percent)) return {};
  return fail(ErrorKind::kRefused,
              "{} of its {} directories are gone from the tree, more than {} percent: is it "
              "mounted and complete? "
              "(--force deletes them, max_delete_percent in the rules file is the limit)",
              gone, total, max_delete_percent);
}

void compare_details(const CategoryState& state, const std::vector<DirectoryDetails>& details,
                     ChangePlan* plan) {
  std::unordered_map<std::string_view, int64_t> ids;
  for (const StoredDirectory& stored : state.directories) ids[stored.name] = stored.id;
  const DetailsByFile by_file = details_by_file(state);
  for (const DirectoryDetails& directory : details) {
    const std::string name = full_name(state.topdir, directory.path);
    const auto id = ids.find(name);
    for (const FileDetail& detail : directory.details) {
      const auto rows =
          id == ids.end() ? by_file.end() : by_file.find({id->second, detail.file_name});
      if (rows != by_file.end()) {
        if (is_same_detail(*rows->second.back(), detail)) continue;
        for (const StoredDetail* row : rows->second) {
          if (is_same_detail(*row, detail)) plan->replaced_details.push_back(row->id);
        }
      }
      plan->new_details.push_back({name, detail});
    }
  }
}

void age_details(const CategoryState& state, const AgingRules& rules, int64_t now,
                 ChangePlan* plan) {
  const std::set<int64_t> deleted(plan->deleted_directories.begin(),
                                  plan->deleted_directories.end());
  const std::set<int64_t> replaced(plan->replaced_details.begin(), plan->replaced_details.end());
  for (const auto& [file, rows] : details_by_file(state)) {
    if (deleted.contains(file.first)) continue;
    const int64_t current = rows.back()->id;
    std::vector<const StoredDetail*> newest_first = rows;
    std::erase_if(newest_first,
                  [&](const StoredDetail* row) { return replaced.contains(row->id); });
    std::sort(newest_first.begin(), newest_first.end(),
              [](const StoredDetail* a, const StoredDetail* b) {
                return std::pair(a->timestamp.value_or(0), a->id) >
                       std::pair(b->timestamp.value_or(0), b->id);
              });
    const int64_t newest = newest_first.front()->timestamp.value_or(0);
    const size_t candidates_from = now - newest > rules.propagation_days * kSecondsPerDay ? 1 : 2;
    for (size_t i = std::max(candidates_from, static_cast<size_t>(rules.keep));
         i < newest_first.size(); ++i) {
      const int64_t superseded = newest_first[i - 1]->timestamp.value_or(0);
      if (newest_first[i]->id != current && now - superseded > rules.stale_days * kSecondsPerDay)
        plan->aged_details.push_back(newest_first[i]->id);
    }
  }
  std::sort(plan->aged_details.begin(), plan->aged_details.end());
}

}  // namespace mirror

#include "compiler/snapshot_diff.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "base/core/http_date.h"
#include "base/core/text.h"
#include "compiler/comparison.h"
#include "compiler/dump.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {
namespace {

enum class Mark : uint8_t { kGone, kNew, kChanged };
constexpr std::array<std::string_view, 3> kMarkWords = {"gone", "new", "changed"};

// The lines about one sort of things; those that are not shown are never made.
class Section {
 public:
  Section(const DiffOptions& options, int indent) : options_(options), indent_(indent) {}

  template <typename Describe>
  void add(Mark mark, Describe describe) {
    auto& marked = marked_[static_cast<size_t>(mark)];
    if (marked.count++ < options_.shown_max)
      marked.lines.push_back(fmt::format("{:{}}{:<9}{}\n", "", indent_, word(mark), describe()));
  }
  [[nodiscard]] uint64_t count(Mark mark) const { return marked_[static_cast<size_t>(mark)].count; }
  [[nodiscard]] std::string text() const {
    std::string text;
    for (const Mark mark : {Mark::kGone, Mark::kNew, Mark::kChanged}) {
      const auto& marked = marked_[static_cast<size_t>(mark)];
      for (const auto& line : marked.lines) text += line;
      if (marked.count > marked.lines.size()) {
        text += fmt::format("{:{}}{:<9}... and {} more\n", "", indent_, word(mark),
                            marked.count - marked.lines.size());
      }
    }
    return text;
  }
  // `3 gone, 1 new, 2 changed`.
  [[nodiscard]] std::string summary() const {
    std::vector<std::string> parts;
    for (const Mark mark : {Mark::kGone, Mark::kNew, Mark::kChanged}) {
      if (count(mark) > 0) parts.push_back(fmt::format("{} {}", count(mark), word(mark)));
    }
    return parts.empty() ? "no change" : fmt::format("{}", fmt::join(parts, ", "));
  }

 private:
  static std::string_view word(Mark mark) { return kMarkWords[static_cast<size_t>(mark)]; }

  struct Marked {
    std::vector<std::string> lines;
    uint64_t count = 0;
  };
  const DiffOptions& options_;
  int indent_;
  std::array<Marked, kMarkWords.size()> marked_;
};

// `-"gone" +"new"` of two ascending lists; "" if they are equal.
template <typename Value, typename Show>
std::string list_change(const std::vector<Value>& before, const std::vector<Value>& after,
                        Show show) {
  std::vector<std::string> words;
  align_lists(
      before, after, [](const Value& value) { return value; },
      [&](uint32_t i, uint32_t j) {
        if (j == kNone) words.push_back("-" + show(before[i]));
        if (i == kNone) words.push_back("+" + show(after[j]));
      });
  return fmt::format("{}", fmt::join(words, " "));
}

std::string quote(std::string_view text) { return quote_for_message(text, kTextSizeMax); }

class Differ {
 public:
  Differ(const SnapshotView& before, const SnapshotView& after, const DiffOptions& options)
      : before_(before), after_(after), options_(options), carriers_(before, after) {}

  std::string run(std::span<const Canary> canaries) {
    diff_hosts();
    diff_repositories();
    diff_redirects();
    diff_directories();
    diff_netblocks();
    diff_asns();
    diff_countries();
    diff_places();
    if (!canaries.empty()) diff_canaries(canaries);
    return std::move(text_);
  }

 private:
  void add_section(std::string_view title, const AlignedSizes& sizes, const Section& section) {
    text_ += fmt::format("{}: {} -> {}: {}\n", title, sizes.before, sizes.after, section.summary());
    text_ += section.text();
  }
  template <typename Vector>
  AlignedSizes sizes(Vector vector) const {
    return sizes_of(before_.*vector, after_.*vector);
  }

  // ---- hosts

  void diff_hosts() {
    const auto urls_before = urls_of_hosts(before_, UrlsOf::kAll);
    const auto urls_after = urls_of_hosts(after_, UrlsOf::kAll);
    const auto shown_before = urls_of_hosts(before_, UrlsOf::kDirectories);
    const auto shown_after = urls_of_hosts(after_, UrlsOf::kDirectories);
    Section section(options_, 2);
    align_views(
        before_, after_, &SnapshotView::host_infos,
        [](const SnapshotView&, const fb::HostInfo& info) { return info.id(); },
        [&](uint32_t i, uint32_t j) {
          if (j == kNone) return section.add(Mark::kGone, [&] { return host_label(before_, i); });
          if (i == kNone) return section.add(Mark::kNew, [&] { return host_label(after_, j); });
          std::vector<std::string> changes = host_changes(i, j);
          if (auto urls = list_change(urls_before[i], urls_after[j], quote); !urls.empty())
            changes.push_back("URLs " + urls);
          if (shown_before[i].empty() != shown_after[j].empty()) {
            changes.emplace_back(shown_after[j].empty() ? "in no directory any more"
                                                        : "in a directory now");
          }
          if (changes.empty()) return;
          section.add(Mark::kChanged, [&] {
            return fmt::format("{}: {}", host_label(after_, j), fmt::join(changes, "; "));
          });
        });
    add_section("hosts", sizes(&SnapshotView::hosts), section);
  }

  std::vector<std::string> host_changes(uint32_t i, uint32_t j) const {
    const fb::Host& host_before = before_.hosts[i];
    const fb::Host& host_after = after_.hosts[j];
    const fb::HostInfo& info_before = before_.host_infos[i];
    const fb::HostInfo& info_after = after_.host_infos[j];
    std::vector<std::string> changes;
    const auto compare = [&changes](std::string_view what, const std::string& was,
                                    const std::string& is) {
      if (was != is) changes.push_back(fmt::format("{} {} -> {}", what, was, is));
    };
    compare("name", quote(before_.text(info_before.name())), quote(after_.text(info_after.name())));
    compare("site", quote(before_.text(info_before.site())), quote(after_.text(info_after.site())));
    compare("country", country(before_, host_before.country()),
            country(after_, host_after.country()));
    compare("bandwidth", fmt::to_string(host_before.weight()), fmt::to_string(host_after.weight()));
    if (info_before.flags() != info_after.flags())
      changes.push_back("flags" + flag_changes(info_before.flags(), info_after.flags()));
    const auto allowed =
        list_change(allowed_of(before_, host_before), allowed_of(after_, host_after), quote);
    if (!allowed.empty()) changes.push_back("countries allowed " + allowed);
    return changes;
  }

  static std::string country(const SnapshotView& view, uint32_t index) {
    return index == kNone ? "none" : quote(view.text(view.countries[index].name()));
  }
  static std::vector<std::string_view> allowed_of(const SnapshotView& view, const fb::Host& host) {
    std::vector<std::string_view> names;
    for (const uint32_t index : SnapshotView::part(view.allowed_countries, host.allowed()))
      names.push_back(view.text(view.countries[index].name()));
    return names;
  }
  static std::string flag_changes(uint32_t before, uint32_t after) {
    std::string words;
    for (size_t bit = 0; bit < kHostFlagWords.size(); ++bit) {
      const bool was = (before >> bit & 1) != 0;
      const bool is = (after >> bit & 1) != 0;
      if (was != is) words += fmt::format(" {}{}", is ? '+' : '-', kHostFlagWords[bit]);
    }
    return words;
  }

  // ---- repositories

  static std::string directory_name(const SnapshotView& view, uint32_t directory) {
    return directory == kNone ? "no directory"
                              : quote(view.text(view.directories[directory].name()));
  }

  void diff_repositories() {
    Section section(options_, 2);
    const auto label = [](const SnapshotView& view, uint32_t index) {
      const fb::Repository& repository = view.repositories[index];
      return fmt::format("{}: {}", quote(view.text(repository.key())),
                         directory_name(view, repository.directory()));
    };
    align_views(
        before_, after_, &SnapshotView::repositories,
        [](const SnapshotView& view, const fb::Repository& r) { return view.text(r.key()); },
        [&](uint32_t i, uint32_t j) {
          if (j == kNone) return section.add(Mark::kGone, [&] { return label(before_, i); });
          if (i == kNone) return section.add(Mark::kNew, [&] { return label(after_, j); });
          auto was = directory_name(before_, before_.repositories[i].directory());
          const auto is = directory_name(after_, after_.repositories[j].directory());
          if (was == is) return;
          section.add(Mark::kChanged, [&] {
            return fmt::format("{}: moved from {} to {}",
                               quote(after_.text(after_.repositories[j].key())), was, is);
          });
        });
    add_section("repositories", sizes(&SnapshotView::repositories), section);
  }

  static std::string prefix_state(const SnapshotView& view, uint32_t index) {
    const fb::Prefix& prefix = view.prefixes[index];
    std::vector<std::string> words;
    if (prefix.redirect().size() > 0)
      words.push_back("redirected to " + quote(view.text(prefix.redirect())));
    if (prefix.disabled() != 0) words.emplace_back("disabled");
    return fmt::format("{}", fmt::join(words, ", "));
  }

  void diff_redirects() {
    Section section(options_, 2);
    const auto label = [](const SnapshotView& view, uint32_t index) {
      return fmt::format("{}: {}", quote(view.text(view.prefixes[index].name())),
                         prefix_state(view, index));
    };
    align_views(
        before_, after_, &SnapshotView::prefixes,
        [](const SnapshotView& view, const fb::Prefix& p) { return view.text(p.name()); },
        [&](uint32_t i, uint32_t j) {
          if (j == kNone) return section.add(Mark::kGone, [&] { return label(before_, i); });
          if (i == kNone) return section.add(Mark::kNew, [&] { return label(after_, j); });
          if (prefix_state(before_, i) != prefix_state(after_, j))
            section.add(Mark::kChanged,
                        [&] { return label(after_, j) + "; before: " + prefix_state(before_, i); });
        });
    add_section("redirected or disabled prefixes", sizes(&SnapshotView::prefixes), section);
  }

  // ---- directories

  struct CategoryChange {
    explicit CategoryChange(const DiffOptions& options) : section(options, 4) {}
    std::string name;
    AlignedSizes sizes;
    uint64_t other_mirrors = 0, other_files = 0;
    uint64_t came = 0, went = 0;  // from and to other categories
    Section section;
  };
  // Directories without a category come last.
  using CategoryKey = std::pair<bool, int64_t>;

  CategoryChange& category(const SnapshotView& view, uint32_t directory) {
    const uint32_t index = view.directories[directory].category();
    const CategoryKey key =
        index == kNone ? CategoryKey(true, 0) : CategoryKey(false, view.categories[index].id());
    auto& change = categories_.try_emplace(key, options_).first->second;
    if (change.name.empty()) {
      change.name = index == kNone ? "no category"
                                   : fmt::format("category {}",
                                                 quote(view.text(view.categories[index].name())));
    }
    return change;
  }

  void diff_directories() {
    align_views(
        before_, after_, &SnapshotView::directories,
        [](const SnapshotView& view, const fb::Directory& d) { return view.text(d.name()); },
        [&](uint32_t i, uint32_t j) { diff_directory(i, j); });
    const auto all = sizes(&SnapshotView::directories);
    text_ += fmt::format("directories: {} -> {}\n", all.before, all.after);
    for (const auto& [key, change] : categories_) {
      const auto& section = change.section;
      text_ += fmt::format(
          "  {}: {} -> {}: {} gone, {} new, {} with other mirrors, {} with other "
          "checksums",
          change.name, change.sizes.before, change.sizes.after, section.count(Mark::kGone),
          section.count(Mark::kNew), change.other_mirrors, change.other_files);
      if (change.went > 0) text_ += fmt::format(", {} to other categories", change.went);
      if (change.came > 0) text_ += fmt::format(", {} from other categories", change.came);
      text_ += "\n";
      text_ += section.text();
    }
  }

  void diff_directory(uint32_t i, uint32_t j) {
    const auto mirrors =
        carriers_.compare(i == kNone ? kNone : before_.directories[i].carrier_set(),
                          j == kNone ? kNone : after_.directories[j].carrier_set());
    const auto name = [&] {
      return j == kNone ? directory_name(before_, i) : directory_name(after_, j);
    };
    if (i != kNone) ++category(before_, i).sizes.before;
    if (j == kNone) {
      return category(before_, i).section.add(Mark::kGone, [&] {
        return fmt::format("{}, {} mirrors", name(), mirrors.before);
      });
    }
    CategoryChange& change = category(after_, j);
    ++change.sizes.after;
    if (i == kNone) {
      return change.section.add(
          Mark::kNew, [&] { return fmt::format("{}, {} mirrors", name(), mirrors.after); });
    }
    std::vector<std::string> changes;
    if (!mirrors.same()) {
      ++change.other_mirrors;
      changes.push_back(fmt::format("{} -> {} mirrors, {} gone, {} new", mirrors.before,
                                    mirrors.after, mirrors.gone, mirrors.added()));
    }
    // A snapshot of a cache file knows no categories.
    const bool both_known =
        before_.directories[i].category() != kNone && after_.directories[j].category() != kNone;
    if (CategoryChange& old = category(before_, i); both_known && &old != &change) {
      ++old.went;
      ++change.came;
      changes.push_back("was in " + old.name);
    }
    if (!same_files(before_.directories[i], after_.directories[j])) {
      ++change.other_files;
      // Every new repository has other checksums: named only where everything is, and where a
      // client misses some.
      const auto missing = missing_files(before_.directories[i], after_.directories[j]);
      if (!missing.empty()) {
        changes.push_back("no checksums any more of " + missing);
      } else if (options_.shown_max == DiffOptions::kAll) {
        changes.emplace_back("other checksums");
      }
    }
    if (changes.empty()) return;
    change.section.add(Mark::kChanged,
                       [&] { return fmt::format("{}: {}", name(), fmt::join(changes, "; ")); });
  }

  // The first few of what has no checksums any more.
  [[nodiscard]] std::string missing_files(const fb::Directory& before,
                                          const fb::Directory& after) const {
    std::vector<std::string> missing;
    for (const auto& file : SnapshotView::part(before_.files, before.files())) {
      const auto file_name = before_.text(file.name());
      if (after_.find_file(after, file_name) == kNone) missing.push_back(quote(file_name));
      if (missing.size() == 3) break;
    }
    return fmt::format("{}", fmt::join(missing, ", "));
  }

  [[nodiscard]] bool same_files(const fb::Directory& before, const fb::Directory& after) const {
    return std::ranges::equal(SnapshotView::part(before_.files, before.files()),
                              SnapshotView::part(after_.files, after.files()),
                              [this](const auto& was, const auto& is) {
                                return before_.text(was.name()) == after_.text(is.name()) &&
                                       before_.text(was.block()) == after_.text(is.block());
                              });
  }

  // ---- netblocks

  static std::string host_of_id(const SnapshotView& view, int64_t id) {
    const auto at = std::ranges::lower_bound(view.host_infos, id, {},
                                             [](const fb::HostInfo& info) { return info.id(); });
    return host_label(view, static_cast<uint32_t>(at - view.host_infos.begin()));
  }

  void diff_netblocks() {
    const auto before = netblocks_of(before_);
    const auto after = netblocks_of(after_);
    Section section(options_, 2);
    const auto label = [](const SnapshotView& view, const HostNetblock& netblock) {
      return fmt::format("{} of {}", netblock.prefix.to_string(), host_of_id(view, netblock.host));
    };
    align_lists(
        before, after, [](const HostNetblock& netblock) { return netblock; },
        [&](uint32_t i, uint32_t j) {
          if (j == kNone) section.add(Mark::kGone, [&] { return label(before_, before[i]); });
          if (i == kNone) section.add(Mark::kNew, [&] { return label(after_, after[j]); });
        });
    add_section("netblocks", sizes_of(before, after), section);
  }

  void diff_asns() {
    const auto before = asns_of(before_);
    const auto after = asns_of(after_);
    Section section(options_, 2);
    align_lists(
        before, after, [](const KnownAsn& known) { return known.asn; },
        [&](uint32_t i, uint32_t j) {
          const auto label = [](const KnownAsn& known) { return fmt::format("AS{}", known.asn); };
          if (j == kNone) return section.add(Mark::kGone, [&] { return label(before[i]); });
          if (i == kNone) return section.add(Mark::kNew, [&] { return label(after[j]); });
          if (before[i].ranges == after[j].ranges) return;
          section.add(Mark::kChanged, [&] {
            return fmt::format("{}: {} -> {} ranges of addresses", label(before[i]),
                               before[i].ranges, after[j].ranges);
          });
        });
    add_section("AS numbers", sizes_of(before, after), section);
  }

  // ---- countries

  static std::string continent_of(const SnapshotView& view, const fb::Country& country) {
    return country.continent() == kNone
               ? "none"
               : quote(view.text(view.continents[country.continent()].name()));
  }

  void diff_countries() {
    Section section(options_, 2);
    align_views(
        before_, after_, &SnapshotView::countries,
        [](const SnapshotView& view, const fb::Country& c) { return view.text(c.name()); },
        [&](uint32_t i, uint32_t j) {
          const auto name = [&] {
            return i != kNone ? quote(before_.text(before_.countries[i].name()))
                              : quote(after_.text(after_.countries[j].name()));
          };
          if (j == kNone) return section.add(Mark::kGone, name);
          if (i == kNone) return section.add(Mark::kNew, name);
          const auto was = continent_of(before_, before_.countries[i]);
          const auto is = continent_of(after_, after_.countries[j]);
          if (was == is) return;
          section.add(Mark::kChanged,
                      [&] { return fmt::format("{}: continent {} -> {}", name(), was, is); });
        });
    add_section("countries", sizes(&SnapshotView::countries), section);
  }

  static bool begin_together(const fb::IpRange4& a, const fb::IpRange4& b) {
    return a.first() == b.first();
  }
  static bool begin_together(const fb::IpRange6& a, const fb::IpRange6& b) {
    return a.first_high() == b.first_high() && a.first_low() == b.first_low();
  }

  // Where the database places addresses, whatever GeoIP says.
  void diff_places() {
    const auto is_same = [this](const auto& before, const auto& after) {
      const auto name = [](const SnapshotView& view, uint32_t country) {
        return country == kNone ? std::string_view() : view.text(view.countries[country].name());
      };
      return std::ranges::equal(before, after, [&](const auto& was, const auto& is) {
        return begin_together(was, is) && name(before_, was.value()) == name(after_, is.value());
      });
    };
    const bool same = is_same(before_.netblock_countries4, after_.netblock_countries4) &&
                      is_same(before_.netblock_countries6, after_.netblock_countries6);
    text_ += fmt::format("netblocks with a country: {}\n", same ? "no change" : "changed");
  }

  // ---- canary questions

  void diff_canaries(std::span<const Canary> canaries) {
    text_ += fmt::format("canary questions: {}\n", canaries.size());
    CanaryAsker before(before_);
    CanaryAsker after(after_);
    for (const Canary& canary : canaries)
      diff_canary(canary, before.ask(canary), after.ask(canary));
  }

  void diff_canary(const Canary& canary, const CanaryAnswer& before, const CanaryAnswer& after) {
    Section section(options_, 4);
    align_lists(
        before.mirrors, after.mirrors, [](const CanaryAnswer::Mirror& mirror) { return mirror.id; },
        [&](uint32_t i, uint32_t j) {
          if (j == kNone) section.add(Mark::kGone, [&] { return before.mirrors[i].label; });
          if (i == kNone) section.add(Mark::kNew, [&] { return after.mirrors[j].label; });
        });
    text_ += fmt::format("  {} {}: {} -> {} mirrors: {}\n", canary.where, quote(canary.target),
                         before.mirrors.size(), after.mirrors.size(), section.summary());
    if (before.status != after.status)
      text_ += fmt::format("    status {} -> {}\n", before.status, after.status);
    const auto failed_before = fault_of(canary, before);
    const auto failed_after = fault_of(canary, after);
    if (failed_before != failed_after) {
      if (!failed_before.empty()) text_ += "    failed before: " + failed_before + "\n";
      if (failed_after.empty()) text_ += "    holds now\n";
    }
    if (!failed_after.empty()) text_ += "    fails now: " + failed_after + "\n";
    text_ += section.text();
  }

  const SnapshotView& before_;
  const SnapshotView& after_;
  const DiffOptions& options_;
  CarrierComparison carriers_;
  std::map<CategoryKey, CategoryChange> categories_;
  std::string text_;
};

struct Side {
  std::string label;
  Snapshot snapshot;
};

Result<Side> open_entry(const SnapshotDirectory& directory, std::string_view wanted) {
  MIRROR_TRY(const auto entries, directory.list());
  const auto number = parse_uint64(wanted);
  for (const auto& entry : entries) {
    if (entry.name.sequence != number && entry.name.to_string() != wanted) continue;
    MIRROR_TRY(auto snapshot, directory.open(entry));
    return Side{entry.name.to_string(), std::move(snapshot)};
  }
  return fail(ErrorKind::kNotFound,
              "{} has no snapshot {} (mirrorctl snapshot list shows what there is)",
              directory.path(), quote_for_message(wanted));
}

Result<Side> open_side(const std::string& wanted, const std::optional<std::string>& snapshots) {
  const bool is_name =
      parse_uint64(wanted) || wanted == "CURRENT" || SnapshotName::parse(wanted).has_value();
  if (!is_name || !snapshots) {
    if (auto snapshot = Snapshot::open(wanted))
      return Side{wanted, std::move(*snapshot)};
    else if (!is_name)
      return tl::unexpected(std::move(snapshot).error());
    else
      return with_context(std::move(snapshot).error(),
                          "without --snapshots DIRECTORY this is a file");
  }
  const SnapshotDirectory directory(*snapshots);
  if (wanted != "CURRENT") return open_entry(directory, wanted);
  MIRROR_TRY(const auto current, directory.current());
  MIRROR_TRY(auto snapshot, directory.open(current));
  return Side{current.name.to_string(), std::move(snapshot)};
}

std::string side_line(std::string_view word, const Side& side) {
  return fmt::format("{:<7} {}, created at {}\n", word, side.label,
                     utc_text(side.snapshot.view().created_at));
}

}  // namespace

std::string render_diff(const SnapshotView& before, const SnapshotView& after,
                        std::span<const Canary> canaries, const DiffOptions& options) {
  return Differ(before, after, options).run(canaries);
}

Result<std::string> diff_snapshots(const DiffRequest& request) {
  std::vector<Canary> canaries;
  if (request.canaries) {
    MIRROR_TRY(canaries, read_canaries(*request.canaries));
  }
  MIRROR_TRY(const auto before, open_side(request.before, request.snapshots));
  MIRROR_TRY(const auto after, open_side(request.after, request.snapshots));
  DiffOptions options;
  if (request.all) options.shown_max = DiffOptions::kAll;
  return side_line("before", before) + side_line("after", after) +
         render_diff(before.snapshot.view(), after.snapshot.view(), canaries, options);
}

}  // namespace mirror

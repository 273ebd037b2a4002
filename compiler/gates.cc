#include "compiler/gates.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "base/core/text.h"
#include "compiler/comparison.h"
#include "edge/answer/directory_choice.h"
#include "edge/answer/question.h"
#include "edge/answer/text_buffer.h"
#include "schema/snapshot/rendering.h"

namespace mirror {
namespace {

constexpr uint32_t kWhole = 10'000;

// What the edge looks at when it is asked for a repository: its own code decides, with redirects,
// prefixes that are disabled, and checksums that are not known.
class RepositoryAnswers {
 public:
  explicit RepositoryAnswers(const SnapshotView& view) : view_(view) {
    scratch_.allocate(kDirectoryScratchMax);
  }

  struct Answer {
    uint32_t carriers = kNone;   // kNone: it names no mirrors
    std::string_view directory;  // where they have it
  };
  [[nodiscard]] Answer ask(Resource resource, std::string_view key) {
    // The key of a repository has its architecture behind the last '+'; a longer one than a request
    // holds is asked for by nobody.
    const auto plus = key.rfind('+');
    if (plus == std::string_view::npos || key.size() > kTargetSizeMax) return {};
    Question question;
    question.resource = resource;
    question.has_repository = true;
    question.repository = key.substr(0, plus);
    question.arch = key.substr(plus + 1);
    scratch_.clear();
    const auto choice = choose_directory(view_, question, scratch_);
    if (!choice) return {};
    if (resource == Resource::kMetalink) {
      const auto file = find_metalink_file(view_, *choice);
      if (!file || !has_checksums(view_.text(view_.files[*file].block()))) return {};
    }
    const fb::Directory& directory = view_.directories[choice->directory];
    return {directory.carrier_set(), view_.text(directory.name())};
  }

 private:
  const SnapshotView& view_;
  TextBuffer scratch_;
};

class LossFinder {
 public:
  LossFinder(const SnapshotView& before, const SnapshotView& after)
      : before_(before),
        after_(after),
        carriers_(before, after),
        answers_before_(before),
        answers_after_(after) {}

  Losses run() {
    compare_hosts();
    compare_countries();
    compare_directories();
    compare_repositories();
    compare_netblocks();
    compare_asns();
    return std::move(losses_);
  }

 private:
  Loss& of(Kind kind) { return losses_[static_cast<size_t>(kind)]; }

  template <typename Describe>
  static void lose(Loss& loss, uint64_t count, Describe describe) {
    loss.lost += count;
    if (count > 0 && loss.examples.size() < kLossExamplesMax) loss.examples.push_back(describe());
  }

  void compare_hosts() {
    const auto urls_before = urls_of_hosts(before_, UrlsOf::kDirectories);
    const auto urls_after = urls_of_hosts(after_, UrlsOf::kDirectories);
    align_views(
        before_, after_, &SnapshotView::host_infos,
        [](const SnapshotView&, const fb::HostInfo& info) { return info.id(); },
        [&](uint32_t i, uint32_t j) {
          compare_host(i, i == kNone ? Urls() : Urls(urls_before[i]),
                       j == kNone ? Urls() : Urls(urls_after[j]));
        });
    // A few mirrors that get new names are everyday life.
    if (hosts_moved_ <= kSmallLoss) return;
    Loss& urls = of(Kind::kUrls);
    urls.lost += urls_moved_.lost;
    for (auto& example : urls_moved_.examples) {
      if (urls.examples.size() < kLossExamplesMax) urls.examples.push_back(std::move(example));
    }
  }

  using Urls = std::span<const std::string_view>;

  static bool is_listable_url(std::string_view base) { return is_listable(scheme_of(base)); }
  static std::string_view server_of(std::string_view base) {
    const auto begin = base.find("://") + std::string_view("://").size();
    return base.substr(begin, base.find('/', begin) - begin);
  }

  void compare_host(uint32_t host, Urls had, Urls has) {
    const bool was_listed = std::ranges::any_of(had, is_listable_url);
    const bool is_listed = std::ranges::any_of(has, is_listable_url);
    Loss& hosts = of(Kind::kHosts);
    hosts.before += was_listed ? 1 : 0;
    hosts.after += is_listed ? 1 : 0;
    lose(hosts, was_listed && !is_listed ? 1 : 0, [&] { return host_label(before_, host); });
    Loss& urls = of(Kind::kUrls);
    urls.before += had.size();
    urls.after += has.size();
    const auto fewer_than = [](size_t more, size_t less) { return more - std::min(more, less); };
    const auto listable = [](Urls all) {
      return static_cast<size_t>(std::ranges::count_if(all, is_listable_url));
    };
    const auto fewer =
        std::max(fewer_than(had.size(), has.size()), fewer_than(listable(had), listable(has)));
    std::set<std::string_view> servers;
    for (const auto is : has) servers.insert(server_of(is));
    const auto elsewhere = static_cast<size_t>(std::ranges::count_if(
        had, [&](std::string_view was) { return !servers.contains(server_of(was)); }));
    const auto tell = [&](size_t lost) {
      return fmt::format("{} of {} of {}", lost, had.size(), host_label(before_, host));
    };
    lose(urls, fewer, [&] { return tell(fewer); });
    if (elsewhere <= fewer) return;
    ++hosts_moved_;
    lose(urls_moved_, elsewhere - fewer,
         [&] { return tell(elsewhere) + " are of another server"; });
  }

  struct ServedCountry {
    std::string_view name, continent;  // "": on none
  };
  // Those whose clients are shown a mirror as one of their own, by name.
  static std::vector<ServedCountry> countries_of(const SnapshotView& view) {
    std::vector<bool> served(view.countries.size());
    for (const fb::CarrierSet& set : view.carrier_sets) {
      for (const auto& group : SnapshotView::part(view.country_groups, set.groups())) {
        if (served[group.country()]) continue;
        const auto members = SnapshotView::part(view.group_members, group.members());
        served[group.country()] = std::ranges::any_of(
            members, [&](uint32_t carrier) { return is_for_everybody(view, set, carrier); });
      }
    }
    std::vector<ServedCountry> countries;
    for (size_t i = 0; i < served.size(); ++i) {
      if (!served[i]) continue;
      const uint32_t continent = view.countries[i].continent();
      countries.push_back({view.text(view.countries[i].name()),
                           continent == kNone ? "" : view.text(view.continents[continent].name())});
    }
    return countries;
  }

  // Of a kind that both sides list in the order of its keys: is_lost(i, j), j perhaps kNone, tells
  // whether one that was there is lost, describe(i, j) whom that concerns.
  template <typename List, typename Key, typename IsLost, typename Describe>
  void compare_lists(Kind kind, const List& before, const List& after, Key key, IsLost is_lost,
                     Describe describe) {
    Loss& loss = of(kind);
    loss.before = before.size();
    loss.after = after.size();
    align_lists(before, after, key, [&](uint32_t i, uint32_t j) {
      if (i != kNone) lose(loss, is_lost(i, j) ? 1 : 0, [&] { return describe(i, j); });
    });
  }
  static bool is_missing(uint32_t, uint32_t j) { return j == kNone; }

  void compare_countries() {
    const auto before = countries_of(before_);
    const auto after = countries_of(after_);
    compare_lists(
        Kind::kCountries, before, after, [](const ServedCountry& served) { return served.name; },
        [&](uint32_t i, uint32_t j) {
          return j == kNone || before[i].continent != after[j].continent;
        },
        [&](uint32_t i, uint32_t j) {
          return quote_for_message(before[i].name) + (j == kNone ? "" : " is on another continent");
        });
  }

  // The mirrors of a directory of either side; kNone: it has none.
  CarrierComparison::Counts mirrors(uint32_t i, uint32_t j) {
    return carriers_.compare(i == kNone ? kNone : before_.directories[i].carrier_set(),
                             j == kNone ? kNone : after_.directories[j].carrier_set());
  }

  void compare_directories() {
    Loss& directories = of(Kind::kDirectories);
    Loss& listings = of(Kind::kListings);
    directories.before = before_.directories.size();
    directories.after = after_.directories.size();
    align_views(
        before_, after_, &SnapshotView::directories,
        [](const SnapshotView& view, const fb::Directory& d) { return view.text(d.name()); },
        [&](uint32_t i, uint32_t j) {
          const auto counts = mirrors(i, j);
          const auto name = [&] {
            return i == kNone ? "" : quote_for_message(before_.text(before_.directories[i].name()));
          };
          lose_listings(listings, counts, name);
          if (i == kNone) return;
          const std::string_view why = j == kNone ? "" : emptied(counts);
          lose(directories, j == kNone || !why.empty() ? 1 : 0,
               [&] { return fmt::format("{}{}", name(), why); });
        });
  }

  // "": it is not.
  static std::string_view emptied(const CarrierComparison::Counts& counts) {
    if (counts.emptied()) return " has no mirror any more";
    if (counts.emptied_for_everybody()) return " has no mirror for everybody any more";
    return "";
  }

  template <typename Name>
  static void lose_listings(Loss& listings, const CarrierComparison::Counts& counts, Name name) {
    listings.before += counts.before;
    listings.after += counts.after;
    const auto lost = counts.gone + counts.hidden;
    lose(listings, lost,
         [&] { return fmt::format("{} of {} mirrors of {}", lost, counts.before, name()); });
  }

  // Where the repositories led before, for each of kResources.
  static constexpr std::array kResources = {Resource::kMirrorlist, Resource::kMetalink};
  static constexpr std::array<std::string_view, 2> kAnswerNames = {"list", "metalink"};
  using Places = std::array<std::set<std::string_view>, kResources.size()>;

  void compare_repositories() {
    Loss& loss = of(Kind::kRepositories);
    loss.before = before_.repositories.size();
    loss.after = after_.repositories.size();
    Places places;
    for (const auto& repository : before_.repositories) {
      for (size_t r = 0; r < kResources.size(); ++r) {
        places[r].insert(
            answers_before_.ask(kResources[r], before_.text(repository.key())).directory);
      }
    }
    align_views(
        before_, after_, &SnapshotView::repositories,
        [](const SnapshotView& view, const fb::Repository& r) { return view.text(r.key()); },
        [&](uint32_t i, uint32_t j) {
          const auto key = i != kNone ? before_.text(before_.repositories[i].key())
                                      : after_.text(after_.repositories[j].key());
          const std::string why = compare_repository(key, places);
          if (i == kNone) return;
          lose(loss, j == kNone || !why.empty() ? 1 : 0,
               [&] { return quote_for_message(key) + (j == kNone ? "" : why); });
        });
  }

  // What it does not answer any more as it did; empty: nothing.
  std::string compare_repository(std::string_view key, const Places& places) {
    std::string why;
    for (size_t r = 0; r < kResources.size(); ++r) {
      const auto before = answers_before_.ask(kResources[r], key);
      const auto after = answers_after_.ask(kResources[r], key);
      const auto counts = carriers_.compare(before.carriers, after.carriers);
      lose_listings(of(Kind::kRepositoryListings), counts, [&] {
        return fmt::format("the {} of {}", kAnswerNames[r], quote_for_message(key));
      });
      if (!why.empty()) continue;
      if (counts.before > 0 && after.carriers == kNone) {
        why = fmt::format("'s {} is not to be had any more", kAnswerNames[r]);
      } else if (const auto how = emptied(counts); !how.empty()) {
        why = fmt::format("'s {}{}", kAnswerNames[r], how);
      } else if (before.carriers != kNone && after.carriers != kNone &&
                 before.directory != after.directory && places[r].contains(after.directory)) {
        // One that moves to a place of its own has not lost anything.
        why = fmt::format("'s {} leads to {}, which was another's", kAnswerNames[r],
                          quote_for_message(after.directory));
      }
    }
    return why;
  }

  void compare_netblocks() {
    const auto before = netblocks_of(before_);
    compare_lists(
        Kind::kNetblocks, before, netblocks_of(after_),
        [](const HostNetblock& netblock) { return netblock; }, is_missing,
        [&](uint32_t i, uint32_t) {
          return fmt::format("{} of host {}", before[i].prefix.to_string(), before[i].host);
        });
  }

  void compare_asns() {
    const auto before = asns_of(before_);
    compare_lists(
        Kind::kAsns, before, asns_of(after_), [](const KnownAsn& known) { return known.asn; },
        is_missing, [&](uint32_t i, uint32_t) { return fmt::format("AS{}", before[i].asn); });
  }

  const SnapshotView& before_;
  const SnapshotView& after_;
  CarrierComparison carriers_;
  RepositoryAnswers answers_before_, answers_after_;
  Loss urls_moved_;  // to another server
  uint64_t hosts_moved_ = 0;
  Losses losses_;
};

// `12.5%` -> 1250.
std::optional<uint32_t> parse_percentage(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const auto point = text.find('.');
  std::string digits(text.substr(0, point));
  if (digits.empty() || digits.size() > 3) return std::nullopt;
  std::string_view rest = point == std::string_view::npos ? "" : text.substr(point + 1);
  if (rest.size() > 2 || (point != std::string_view::npos && rest.empty())) return std::nullopt;
  digits += rest;
  digits.append(2 - rest.size(), '0');
  const auto value = parse_uint64(digits);
  if (!value || *value > kWhole) return std::nullopt;
  return static_cast<uint32_t>(*value);
}

std::string percentage_text(uint32_t part) {
  if (part % 100 == 0) return fmt::format("{}%", part / 100);
  if (part % 10 == 0) return fmt::format("{}.{}%", part / 100, part / 10 % 10);
  return fmt::format("{}.{:02}%", part / 100, part % 100);
}

struct Setting {
  size_t kind = 0;
  std::string_view value;
};
Result<Setting> parse_setting(std::string_view text) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  const auto* const at = std::ranges::find(kKindNames, name);
  if (equals == std::string_view::npos || at == kKindNames.end()) {
    return fail(ErrorKind::kInvalid, "{} does not begin with one of {} and '='",
                quote_for_message(text), fmt::join(kKindNames, ", "));
  }
  return Setting{static_cast<size_t>(at - kKindNames.begin()), text.substr(equals + 1)};
}

std::string examples_text(const Loss& loss) {
  return fmt::format("{}{}", fmt::join(loss.examples, ", "),
                     loss.examples.size() < kLossExamplesMax ? "" : ", ...");
}

}  // namespace

Losses find_losses(const SnapshotView& before, const SnapshotView& after) {
  return LossFinder(before, after).run();
}

Result<void> LossLimits::set_max_lost(std::string_view text) {
  MIRROR_TRY(const auto setting, parse_setting(text));
  Limit& limit = limits_[setting.kind];
  if (const auto part = parse_percentage(setting.value)) {
    limit.part_lost_max = *part;
    return {};
  }
  const auto count = parse_uint64(setting.value);
  if (!count) {
    return fail(ErrorKind::kInvalid, "{} does not end with a number or a percentage up to 100%",
                quote_for_message(text));
  }
  limit.lost_max = *count;
  return {};
}

Result<void> LossLimits::set_at_least(std::string_view text) {
  MIRROR_TRY(const auto setting, parse_setting(text));
  const auto count = parse_uint64(setting.value);
  if (!count)
    return fail(ErrorKind::kInvalid, "{} does not end with a number", quote_for_message(text));
  limits_[setting.kind].at_least = *count;
  return {};
}

uint64_t LossLimits::part_allowed(Kind kind, uint64_t before) const {
  // The file that `before` counts in has at most 1 GiB: nothing overflows.
  const uint64_t part = before * limits_[static_cast<size_t>(kind)].part_lost_max / kWhole;
  return std::max(part, std::min(before / 2, kSmallLoss));
}

std::vector<std::string> LossLimits::objections(const Losses& losses) const {
  std::vector<std::string> found;
  for (size_t kind = 0; kind < kKinds; ++kind) {
    const Loss& loss = losses[kind];
    const Limit& limit = limits_[kind];
    const auto name = kKindNames[kind];
    const auto object_to = [&](std::string_view value, uint64_t allowed) {
      found.push_back(fmt::format(
          "{}: {} before, {} now, {} lost, but --max-lost {}={} allows {}: {}", name, loss.before,
          loss.after, loss.lost, name, value, allowed, examples_text(loss)));
    };
    const uint64_t allowed = part_allowed(static_cast<Kind>(kind), loss.before);
    if (loss.lost > allowed) object_to(percentage_text(limit.part_lost_max), allowed);
    if (limit.lost_max && loss.lost > *limit.lost_max)
      object_to(fmt::to_string(*limit.lost_max), *limit.lost_max);
    if (loss.after < limit.at_least) {
      found.push_back(fmt::format("{}: {} are fewer than --at-least {}={}", name, loss.after, name,
                                  limit.at_least));
    }
  }
  return found;
}

}  // namespace mirror

#include "compiler/gates.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/core/text.h"
#include "compiler/comparison.h"
#include "edge/answer/directory_choice.h"
#include "edge/answer/question.h"
#include "edge/answer/text_buffer.h"

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

  // The set of carriers, kNone if the answer names no mirrors.
  [[nodiscard]] uint32_t carriers_of(Resource resource, std::string_view key) {
    // The key of a repository has its architecture behind the last '+'; a longer one than a request
    // holds is asked for by nobody.
    const auto plus = key.rfind('+');
    if (plus == std::string_view::npos || key.size() > kTargetSizeMax) return kNone;
    Question question;
    question.resource = resource;
    question.has_repository = true;
    question.repository = key.substr(0, plus);
    question.arch = key.substr(plus + 1);
    scratch_.clear();
    const auto choice = choose_directory(view_, question, scratch_);
    if (!choice) return kNone;
    if (resource == Resource::kMetalink && !find_metalink_file(view_, *choice)) return kNone;
    return view_.directories[choice->directory].carrier_set();
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
        carriers_(before, after, CarrierComparison::Count::kForEverybody),
        answers_before_(before),
        answers_after_(after) {}

  Losses run() {
    compare_hosts();
    compare_countries();
    compare_directories();
    compare_repositories();
    compare_netblocks();
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
          const size_t had = i == kNone ? 0 : urls_before[i].size();
          const size_t has = j == kNone ? 0 : urls_after[j].size();
          compare_host(i, had, has);
        });
  }

  void compare_host(uint32_t host, size_t had, size_t has) {
    Loss& hosts = of(Kind::kHosts);
    hosts.before += had > 0 ? 1 : 0;
    hosts.after += has > 0 ? 1 : 0;
    lose(hosts, had > 0 && has == 0 ? 1 : 0, [&] { return host_label(before_, host); });
    Loss& urls = of(Kind::kUrls);
    urls.before += had;
    urls.after += has;
    lose(urls, had - std::min(had, has),
         [&] { return fmt::format("{} of {} of {}", had - has, had, host_label(before_, host)); });
  }

  // The names of the countries whose clients are shown a mirror as one of their own.
  static std::vector<std::string_view> countries_of(const SnapshotView& view) {
    std::vector<bool> served(view.countries.size());
    for (const fb::CarrierSet& set : view.carrier_sets) {
      for (const auto& group : SnapshotView::part(view.country_groups, set.groups())) {
        if (served[group.country()]) continue;
        const auto members = SnapshotView::part(view.group_members, group.members());
        served[group.country()] = std::ranges::any_of(
            members, [&](uint32_t carrier) { return is_for_everybody(view, set, carrier); });
      }
    }
    std::vector<std::string_view> names;
    for (size_t i = 0; i < served.size(); ++i) {
      if (served[i]) names.push_back(view.text(view.countries[i].name()));
    }
    return names;
  }

  void compare_countries() {
    const auto before = countries_of(before_);
    const auto after = countries_of(after_);
    Loss& loss = of(Kind::kCountries);
    loss.before = before.size();
    loss.after = after.size();
    align(
        {static_cast<uint32_t>(before.size()), static_cast<uint32_t>(after.size())},
        [&](uint32_t i) { return before[i]; }, [&](uint32_t j) { return after[j]; },
        [&](uint32_t i, uint32_t j) {
          lose(loss, j == kNone ? 1 : 0, [&] { return quote_for_message(before[i]); });
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
          listings.before += counts.before;
          listings.after += counts.after;
          if (i == kNone) return;
          const auto name = [&] {
            return quote_for_message(before_.text(before_.directories[i].name()));
          };
          lose(directories, j == kNone || counts.emptied() ? 1 : 0, [&] {
            return name() + (j == kNone ? "" : " has no mirror for everybody any more");
          });
          lose(listings, counts.gone, [&] {
            return fmt::format("{} of {} mirrors of {}", counts.gone, counts.before, name());
          });
        });
  }

  void compare_repositories() {
    Loss& loss = of(Kind::kRepositories);
    loss.before = before_.repositories.size();
    loss.after = after_.repositories.size();
    align_views(
        before_, after_, &SnapshotView::repositories,
        [](const SnapshotView& view, const fb::Repository& r) { return view.text(r.key()); },
        [&](uint32_t i, uint32_t j) {
          if (i == kNone) return;
          const auto key = before_.text(before_.repositories[i].key());
          const std::string_view why = j == kNone ? "" : lost_of_repository(key);
          lose(loss, j == kNone || !why.empty() ? 1 : 0,
               [&] { return fmt::format("{}{}", quote_for_message(key), why); });
        });
  }

  // What the repository of both sides does not answer any more; empty: nothing.
  std::string_view lost_of_repository(std::string_view key) {
    const auto is_emptied = [&](Resource resource) {
      return carriers_
          .compare(answers_before_.carriers_of(resource, key),
                   answers_after_.carriers_of(resource, key))
          .emptied();
    };
    if (is_emptied(Resource::kMirrorlist)) return " has no mirror for everybody any more";
    if (is_emptied(Resource::kMetalink)) return " has no metalink for everybody any more";
    return {};
  }

  void compare_netblocks() {
    const auto before = netblocks_of(before_);
    const auto after = netblocks_of(after_);
    Loss& loss = of(Kind::kNetblocks);
    loss.before = before.size();
    loss.after = after.size();
    align(
        {static_cast<uint32_t>(before.size()), static_cast<uint32_t>(after.size())},
        [&](uint32_t i) { return before[i]; }, [&](uint32_t j) { return after[j]; },
        [&](uint32_t i, uint32_t j) {
          lose(loss, j == kNone ? 1 : 0, [&] {
            return fmt::format("{} of host {}", before[i].prefix.to_string(), before[i].host);
          });
        });
  }

  const SnapshotView& before_;
  const SnapshotView& after_;
  CarrierComparison carriers_;
  RepositoryAnswers answers_before_, answers_after_;
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

#include "edge/answer/mirror_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/core/text.h"
#include "edge/answer/prefetch.h"
#include "edge/answer/weighted_order.h"

namespace mirror {
namespace {

constexpr std::string_view kNetblockFragment = "Using preferred netblock ";
constexpr std::string_view kAsFragment = "Using ASN ";
constexpr std::string_view kGlobalFragment = "country = global ";

bool equals_any_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return upper_ascii(x) == upper_ascii(y); });
}

template <typename Element>
void prefetch_all(std::span<const Element> elements) {
  // More than any ordinary set needs; the rest of a larger one is read in order, which the
  // processor foresees.
  constexpr size_t kBytesMax = 8192;
  prefetch_lines(elements.data(), std::min(elements.size_bytes(), kBytesMax));
}

bool is_global(std::string_view name) { return equals_any_case(name, "global"); }

// The observer of an answer that nobody asks about; its calls vanish.
struct NoObserver {
  void on_country(AnswerGroup, uint32_t) {}
  void on_candidate(AnswerGroup, const ChoiceObserver::Candidate&) {}
  void on_skip(AnswerGroup, GroupSkip) {}
};

}  // namespace

void MirrorChooser::adopt(const SnapshotView& view) {
  view_ = &view;
  fragments_ = CountryFragments(view);
  uint32_t carriers = 0;
  uint32_t longest = 0;
  for (const fb::CarrierSet& set : view.carrier_sets) {
    carriers = std::max(carriers, set.carriers().count());
    uint32_t members = 0;
    for (const fb::CountryGroup& group : SnapshotView::part(view.country_groups, set.groups())) {
      members += group.members().count();
    }
    longest = std::max({longest, carriers, members});
  }
  for (const fb::Span& list : view.netblock_lists) longest = std::max(longest, list.count());
  for (const fb::AsnGroup& group : view.asn_groups)
    longest = std::max(longest, group.hosts().count());
  marks_.assign(carriers, Mark{});
  queue_.assign(carriers, 0);
  keys_.assign(longest, 0);
  sort_scratch_.assign(longest, 0);
  chosen_.assign(carriers, ChosenMirror{});
  stamp_ = 0;
}

size_t MirrorChooser::header_size_max() const {
  constexpr size_t kNumberMax = 20;
  const size_t others = kRequestedCountriesMax * (kGlobalFragment.size() + fragments_.total_size());
  return kNetblockFragment.size() + kAsFragment.size() + kNumberMax + 2 * kGlobalFragment.size() +
         2 * fragments_.total_size() + others;
}

void MirrorChooser::prefetch(uint32_t carrier_set) const {
  const fb::CarrierSet& set = view_->carrier_sets[carrier_set];
  const auto groups = SnapshotView::part(view_->country_groups, set.groups());
  prefetch_all(SnapshotView::part(view_->carriers, set.carriers()));
  prefetch_all(groups);
  if (groups.empty()) return;
  // The members of the groups of a set follow each other.
  const uint32_t begin = groups.front().members().begin();
  const uint32_t end = groups.back().members().begin() + groups.back().members().count();
  prefetch_all(view_->group_members.subspan(begin, end - begin));
}

// The state of one answer.
template <typename Observer>
class MirrorChooser::Run {
 public:
  Run(MirrorChooser& chooser, const Task& task, Random& random, Observer& observer)
      : c_(chooser),
        view_(*chooser.view_),
        task_(task),
        random_(random),
        observer_(observer),
        set_(view_.carrier_sets[task.carrier_set]),
        carriers_(SnapshotView::part(view_.carriers, set_.carriers())),
        groups_(SnapshotView::part(view_.country_groups, set_.groups())),
        first_only_(task.question.wants_redirect) {}

  Choice run() {
    add_netblocks();
    add_as_group();
    const bool only_country = add_requested_countries();
    if (!only_country) {
      add_client_country();
      add_client_continent();
      if (chosen_count_ < task_.minimum) {
        add_global();
      } else {
        observer_.on_skip(AnswerGroup::kGlobal, is_complete() ? GroupSkip::kRedirectHasMirror
                                                              : GroupSkip::kMinimumReached);
      }
    }
    return {{c_.chosen_.data(), chosen_count_}, group_};
  }

 private:
  // A redirect takes the first mirror of all: the groups after it need not be drawn.
  [[nodiscard]] bool is_complete() const { return first_only_ && chosen_count_ > 0; }

  void add_fragment(std::string_view fragment) {
    if (task_.header != nullptr) task_.header->append(fragment);
  }
  void add_country_fragment(uint32_t country) {
    if (task_.header != nullptr) c_.fragments_.append(view_, country, *task_.header);
  }

  // The carrier of a host, kNone if it does not carry the directory.
  [[nodiscard]] uint32_t carrier_of(uint32_t host) const {
    const auto begin = carriers_.begin();
    const auto by_host = [](const fb::Carrier& carrier, uint32_t wanted) {
      return carrier.host() < wanted;
    };
    const auto global_end = begin + set_.global_count();
    auto at = std::lower_bound(begin, global_end, host, by_host);
    if (at == global_end || at->host() != host) {
      at = std::lower_bound(global_end, carriers_.end(), host, by_host);
      if (at == carriers_.end() || at->host() != host) return kNone;
    }
    return static_cast<uint32_t>(at - begin);
  }

  // Hardly a mirror restricts its clients: that is decided without a call.
  [[nodiscard]] bool allows_client(const fb::Host& host) const {
    return host.restricted() == 0 || mirror::allows_client(view_, host, task_.place);
  }

  // True if the carrier is new in this answer and a URL of it is shown; remembers which.
  bool is_candidate(uint32_t place) {
    Mark& mark = c_.marks_[place];
    const uint32_t url_set = carriers_[place].url_set();
    if (mark.chosen_in == c_.stamp_ || url_set == kNone) return false;
    mark.pick = task_.filter.pick(url_set);
    return mark.pick != kNone;
  }

  // Gathers the weights of the candidates among the carriers place_of(0), ..., place_of(count - 1)
  // that allow the client. The loop keeps in registers what it can: it runs once for every mirror
  // of an answer.
  template <typename PlaceOf>
  void add_candidates(size_t count, const PlaceOf& place_of) {
    task_.filter.with_picker([&](const auto& pick) {
      Mark* const marks = c_.marks_.data();
      const fb::Carrier* const carriers = carriers_.data();
      const fb::Host* const hosts = view_.hosts.data();
      uint64_t* key = c_.keys_.data() + key_count_;
      const uint32_t stamp = c_.stamp_;
      for (size_t i = 0; i < count; ++i) {
        const uint32_t place = place_of(i);
        const fb::Carrier& carrier = carriers[place];
        if (carrier.url_set() == kNone || marks[place].chosen_in == stamp) continue;
        const uint32_t picked = pick(carrier.url_set());
        const fb::Host& host = hosts[carrier.host()];
        if (picked == kNone || !allows_client(host)) continue;
        marks[place].pick = picked;
        *key++ = uint64_t{host.weight()} << 32 | place;
      }
      key_count_ = static_cast<size_t>(key - c_.keys_.data());
    });
  }
  void add_members(const fb::CountryGroup& group) {
    const auto members = SnapshotView::part(view_.group_members, group.members());
    add_candidates(members.size(), [at = members.data()](size_t i) { return at[i]; });
  }

  // Takes the mirrors of the keys gathered so far over into the answer, in the order of the keys.
  void take_keys(AnswerGroup group) {
    std::span<uint64_t> keys(c_.keys_.data(), key_count_);
    if (chosen_count_ == 0 && !keys.empty()) group_ = group;
    if (first_only_ && !keys.empty()) {
      keys[0] = *std::min_element(keys.begin(), keys.end());
      keys = keys.first(1);
    }
    sort_keys(keys, c_.sort_scratch_);
    for (const uint64_t key : keys) {
      const auto place = static_cast<uint32_t>(key);
      Mark& mark = c_.marks_[place];
      if (mark.chosen_in == c_.stamp_) continue;
      mark.chosen_in = c_.stamp_;
      c_.chosen_[chosen_count_++] = {mark.pick, place};
    }
    key_count_ = 0;
  }
  void take_weighted(AnswerGroup group) {
    const std::span<uint64_t> elements(c_.keys_.data(), key_count_);
    for (const uint64_t element : elements) {
      observer_.on_candidate(
          group, {static_cast<uint32_t>(element), static_cast<uint32_t>(element >> 32)});
    }
    if (first_only_ && !elements.empty()) {
      elements[0] = draw_first(elements, random_);
      key_count_ = 1;
    } else {
      draw_weighted(elements, random_);
    }
    take_keys(group);
  }

  void add_netblocks() {
    constexpr uint64_t kShorter = 255;
    bool any = false;
    for (const fb::NetblockMatch& match : task_.place.netblocks) {
      const uint32_t place = carrier_of(match.host());
      if (place == kNone || carriers_[place].url_set() == kNone) continue;
      any = true;
      if (!is_candidate(place)) continue;
      observer_.on_candidate(AnswerGroup::kNetblock, {place, match.prefix_length()});
      const uint64_t order = ((kShorter - match.prefix_length()) << 24) | (random_.next() >> 40);
      c_.keys_[key_count_++] = (order << 32) | place;
    }
    if (any) add_fragment(kNetblockFragment);
    take_keys(AnswerGroup::kNetblock);
  }

  void add_as_group() {
    if (is_complete()) observer_.on_skip(AnswerGroup::kAsn, GroupSkip::kRedirectHasMirror);
    if (task_.place.as_group == nullptr || task_.place.as_group->hosts().count() == 0) return;
    if (task_.header != nullptr) {
      const fmt::format_int number(task_.place.as_group->asn());
      add_fragment(kAsFragment);
      add_fragment({number.data(), number.size()});
      add_fragment(" ");
    }
    for (const uint32_t host : SnapshotView::part(view_.asn_hosts, task_.place.as_group->hosts())) {
      const uint32_t place = carrier_of(host);
      if (place == kNone || !is_candidate(place)) continue;
      observer_.on_candidate(AnswerGroup::kAsn, {place, 1});
      c_.keys_[key_count_++] = place;
    }
    draw_uniform({c_.keys_.data(), key_count_}, random_);
    take_keys(AnswerGroup::kAsn);
  }

  [[nodiscard]] const fb::CountryGroup* group_of(uint32_t country) const {
    if (country == kNone) return nullptr;
    const auto at = std::lower_bound(
        groups_.begin(), groups_.end(), country,
        [](const fb::CountryGroup& group, uint32_t wanted) { return group.country() < wanted; });
    return at != groups_.end() && at->country() == country ? &*at : nullptr;
  }

  void queue(uint32_t place) {
    Mark& mark = c_.marks_[place];
    if (mark.queued_in != c_.stamp_) {
      mark.queued_in = c_.stamp_;
      mark.times = 0;
      c_.queue_[queue_count_++] = place;
    }
    ++mark.times;
  }
  void queue_group(const fb::CountryGroup& group) {
    for (const uint32_t place : SnapshotView::part(view_.group_members, group.members()))
      queue(place);
  }

  // Calls visit(group) for the groups of the other countries on the continent of `country`,
  // alphabetically.
  template <typename Visit>
  void for_each_neighbour(uint32_t country, const Visit& visit) const {
    if (country == kNone) return;
    const uint32_t continent = view_.countries[country].continent();
    if (continent == kNone) return;
    for (const fb::CountryGroup& group : groups_) {
      if (group.country() != country && view_.countries[group.country()].continent() == continent)
        visit(group);
    }
  }

  // Whether this name was in the list before, in upper or lower case: it must not give its mirrors
  // twice.
  [[nodiscard]] bool is_repeated(size_t index) const {
    const auto names = task_.question.countries;
    return std::any_of(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(index),
                       [&](std::string_view name) { return equals_any_case(name, names[index]); });
  }

  [[nodiscard]] bool queue_allows_client() const {
    return std::any_of(c_.queue_.begin(), c_.queue_.begin() + queue_count_, [this](uint32_t place) {
      return allows_client(view_.hosts[carriers_[place].host()]);
    });
  }

  // Queues the mirrors of the countries by name. False if there are none. `global` throws out at
  // once who does not allow the client, so that it may leave none.
  bool queue_countries() {
    bool any = false;
    const auto names = task_.question.countries;
    for (size_t i = 0; i < names.size(); ++i) {
      const bool repeated = is_repeated(i);
      if (is_global(names[i])) {
        for (uint32_t place = 0; place < set_.global_count() && !repeated; ++place) queue(place);
        any = queue_allows_client();
        observer_.on_country(AnswerGroup::kCountry, kNone);
        add_fragment(kGlobalFragment);
      }
      const fb::CountryGroup* group = group_of(find_country_any_case(view_, names[i]));
      if (group == nullptr) continue;
      any = true;
      if (!repeated) queue_group(*group);
      observer_.on_country(AnswerGroup::kCountry, group->country());
      if (task_.header != nullptr) CountryFragments::append_name(names[i], *task_.header);
    }
    return any;
  }

  bool queue_continents() {
    bool any = false;
    const auto names = task_.question.countries;
    for (size_t i = 0; i < names.size(); ++i) {
      const bool repeated = is_repeated(i);
      for_each_neighbour(find_country_any_case(view_, names[i]),
                         [&](const fb::CountryGroup& group) {
                           any = true;
                           if (!repeated) queue_group(group);
                           observer_.on_country(AnswerGroup::kContinent, group.country());
                           add_country_fragment(group.country());
                         });
    }
    return any;
  }

  void forget_queue() {
    for (size_t i = 0; i < queue_count_; ++i) c_.marks_[c_.queue_[i]].queued_in = 0;
    queue_count_ = 0;
  }

  // True if the countries that were asked for decide alone, even if nothing of them is left in the
  // end.
  bool add_requested_countries() {
    if (task_.question.countries.empty()) {
      observer_.on_skip(AnswerGroup::kCountry, GroupSkip::kNoCountryRequested);
      return false;
    }
    AnswerGroup group = AnswerGroup::kCountry;
    bool any = queue_countries();
    if (!any) {
      forget_queue();
      group = AnswerGroup::kContinent;
      any = queue_continents();
    }
    add_candidates(queue_count_, [at = c_.queue_.data()](size_t i) { return at[i]; });
    for (size_t i = 0; i < key_count_; ++i) {
      c_.keys_[i] += (c_.keys_[i] >> 32) * (c_.marks_[static_cast<uint32_t>(c_.keys_[i])].times - 1)
                     << 32;
    }
    take_weighted(group);
    if (any) skip_after_requested(group);
    return any;
  }

  void skip_after_requested(AnswerGroup decided) {
    for (const auto group : {AnswerGroup::kGeoIp, AnswerGroup::kContinent, AnswerGroup::kGlobal}) {
      if (group != decided) observer_.on_skip(group, GroupSkip::kRequestedCountries);
    }
  }

  void add_client_country() {
    if (is_complete()) {
      return observer_.on_skip(AnswerGroup::kGeoIp, GroupSkip::kRedirectHasMirror);
    }
    const fb::CountryGroup* group = group_of(task_.place.country_index);
    if (group == nullptr) return;
    observer_.on_country(AnswerGroup::kGeoIp, group->country());
    if (task_.header != nullptr) CountryFragments::append_name(task_.place.country, *task_.header);
    add_members(*group);
    take_weighted(AnswerGroup::kGeoIp);
  }

  void add_client_continent() {
    if (is_complete()) {
      return observer_.on_skip(AnswerGroup::kContinent, GroupSkip::kRedirectHasMirror);
    }
    for_each_neighbour(task_.place.country_index, [this](const fb::CountryGroup& group) {
      observer_.on_country(AnswerGroup::kContinent, group.country());
      add_country_fragment(group.country());
      add_members(group);
    });
    take_weighted(AnswerGroup::kContinent);
  }

  void add_global() {
    if (is_complete()) {
      return observer_.on_skip(AnswerGroup::kGlobal, GroupSkip::kRedirectHasMirror);
    }
    observer_.on_country(AnswerGroup::kGlobal, kNone);
    add_fragment(kGlobalFragment);
    add_candidates(set_.global_count(), [](size_t i) { return static_cast<uint32_t>(i); });
    take_weighted(AnswerGroup::kGlobal);
  }

  MirrorChooser& c_;
  const SnapshotView& view_;
  const Task& task_;
  Random& random_;
  Observer& observer_;
  const fb::CarrierSet& set_;
  std::span<const fb::Carrier> carriers_;
  std::span<const fb::CountryGroup> groups_;
  const bool first_only_;
  size_t key_count_ = 0;
  size_t queue_count_ = 0;
  size_t chosen_count_ = 0;
  AnswerGroup group_ = AnswerGroup::kNoMirror;
};

template <typename Observer>
MirrorChooser::Choice MirrorChooser::run(const Task& task, Random& random, Observer& observer) {
  if (++stamp_ == 0) {
    std::fill(marks_.begin(), marks_.end(), Mark{});
    stamp_ = 1;
  }
  return Run<Observer>(*this, task, random, observer).run();
}

MirrorChooser::Choice MirrorChooser::choose(const Task& task, Random& random) {
  NoObserver nobody;
  return run(task, random, nobody);
}

MirrorChooser::Choice MirrorChooser::choose(const Task& task, Random& random,
                                            ChoiceObserver& observer) {
  return run(task, random, observer);
}

}  // namespace mirror

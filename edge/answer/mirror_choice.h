// Which mirrors an answer names, and in which order.
//
// Groups, each in a random order of its own, in this sequence; a mirror stands where it comes
// first:
//   netblock   mirrors that claim the client's network; longest prefix first, uniform among equals
//   AS         mirrors that claim the client's autonomous system; uniform
//   country    mirrors of the countries that were asked for, or of their continents; weighted
//   GeoIP      mirrors of the client's country; weighted
//   continent  mirrors of the other countries of its continent; weighted
//   global     all public mirrors, if fewer than the minimum were found so far; weighted
// A mirror counts only if a URL of it is shown in this very answer. Mirrors that restrict the
// countries of their clients are left out of all groups but the first two.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/core/random.h"
#include "edge/answer/answer_group.h"
#include "edge/answer/country_fragments.h"
#include "edge/answer/place.h"
#include "edge/answer/question.h"
#include "edge/answer/text_buffer.h"
#include "edge/answer/url_filter.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

struct ChosenMirror {
  uint32_t pick;     // see UrlFilter::pick
  uint32_t carrier;  // its place in the set's carriers; from global_count on they are private
};

// Why a group of an answer was not looked at.
enum class GroupSkip : uint8_t {
  kCountryParameter,    // netblock, AS: the question names countries
  kNetblockParameter,   // netblock, AS: the question does not want them
  kNoCountryRequested,  // country: the question names none
  kRequestedCountries,  // the countries that were asked for, or their continents, decide alone
  kRedirectHasMirror,   // a redirect takes one mirror, and an earlier group has it
  kMinimumReached,      // global: so many mirrors were found before
};

// Hears what a choice does, in the order in which it does it: for those who ask why an answer is as
// it is (explanation.h). The choice for an answer has no observer and is compiled without the
// calls.
class ChoiceObserver {
 public:
  struct Candidate {
    uint32_t carrier;  // its place in the carriers of the set
    // netblock: the length of the prefix; AS: 1; other groups: its weight, times how often the
    // countries that were asked for hold it.
    uint32_t share;
  };

  virtual ~ChoiceObserver() = default;
  // The group looks at the mirrors of this country; kNone: at all public mirrors.
  virtual void on_country(AnswerGroup group, uint32_t country) = 0;
  // The mirror takes part in the group's draw: it is in no group before and a URL of it is shown.
  // One that claims several of the client's networks takes part by each of them, longest first.
  virtual void on_candidate(AnswerGroup group, const Candidate& candidate) = 0;
  // The group does not count, whatever candidates of it are told of afterwards.
  virtual void on_skip(AnswerGroup group, GroupSkip why) = 0;
};

// One object a thread. Holds marks and keys for the largest set of carriers; they are allocated by
// adopt() only.
class MirrorChooser {
 public:
  // `view` must outlive the next call of adopt().
  void adopt(const SnapshotView& view);

  // Asks for the memory that choose() is going to read: it comes while the client is located.
  void prefetch(uint32_t carrier_set) const;

  struct Task {
    const Question& question;
    const Place& place;
    const UrlFilter& filter;
    uint32_t carrier_set = 0;
    uint32_t minimum = 0;
    TextBuffer* header = nullptr;  // null: the fragments of the first line are not wanted
  };
  struct Choice {
    std::span<const ChosenMirror> mirrors;       // valid until the next choose()
    AnswerGroup group = AnswerGroup::kNoMirror;  // of the first mirror
  };
  [[nodiscard]] Choice choose(const Task& task, Random& random);
  // The same choice, told to an observer while it is made.
  [[nodiscard]] Choice choose(const Task& task, Random& random, ChoiceObserver& observer);

  // The most bytes that choose() appends to a header, apart from names that the client sent.
  [[nodiscard]] size_t header_size_max() const;

 private:
  // What is known of a carrier during one answer; each fact counts only if its stamp is of this
  // answer.
  struct Mark {
    uint32_t chosen_in = 0;
    uint32_t pick = 0;
    uint32_t queued_in = 0;
    uint32_t times = 0;  // how often it was queued: each one is a ticket of its own in the draw
  };
  template <typename Observer>
  class Run;
  template <typename Observer>
  [[nodiscard]] Choice run(const Task& task, Random& random, Observer& observer);

  const SnapshotView* view_ = nullptr;
  CountryFragments fragments_;
  std::vector<Mark> marks_;
  std::vector<uint32_t> queue_;  // carriers of requested countries, each once
  std::vector<uint64_t> keys_;
  std::vector<uint64_t> sort_scratch_;
  std::vector<ChosenMirror> chosen_;
  uint32_t stamp_ = 0;
};

}  // namespace mirror

// What the choice of one answer's mirrors has done, kept for those who ask why. A plain collection;
// it may allocate.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "edge/answer/answer_group.h"
#include "edge/answer/mirror_choice.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// The groups in the order in which an answer holds them.
inline constexpr std::array kGroupsInOrder = {AnswerGroup::kNetblock,  AnswerGroup::kAsn,
                                              AnswerGroup::kCountry,   AnswerGroup::kGeoIp,
                                              AnswerGroup::kContinent, AnswerGroup::kGlobal};

class ChoiceRecord final : public ChoiceObserver {
 public:
  struct Group {
    std::optional<GroupSkip> skip;      // why it was not looked at; empty: it was
    std::vector<uint32_t> countries;    // whose mirrors were looked at, each once, in order
    bool everybody = false;             // all public mirrors were looked at
    std::vector<Candidate> candidates;  // as they were told of; none if it was skipped
  };

  [[nodiscard]] const Group& of(AnswerGroup group) const {
    return groups_[static_cast<size_t>(group)];
  }

  void on_country(AnswerGroup group, uint32_t country) override {
    Group& record = at(group);
    if (country == kNone) {
      record.everybody = true;
    } else if (std::find(record.countries.begin(), record.countries.end(), country) ==
               record.countries.end()) {
      record.countries.push_back(country);
    }
  }
  void on_candidate(AnswerGroup group, const Candidate& candidate) override {
    if (!at(group).skip) at(group).candidates.push_back(candidate);
  }
  void on_skip(AnswerGroup group, GroupSkip why) override { at(group).skip = why; }

 private:
  Group& at(AnswerGroup group) { return groups_[static_cast<size_t>(group)]; }

  std::array<Group, kGroupsInOrder.size() + 1> groups_;  // with kNoMirror
};

}  // namespace mirror

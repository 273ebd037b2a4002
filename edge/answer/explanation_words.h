// The sentences of an explanation. Pure; what the client sent is quoted in them.
#pragma once

#include <string>
#include <vector>

#include "edge/answer/choice_record.h"
#include "edge/answer/directory_choice.h"
#include "edge/answer/explanation.h"
#include "edge/answer/place.h"
#include "edge/answer/question.h"
#include "edge/answer/refusal.h"

namespace mirror {

// A text that may be shown as it is, or else quoted and escaped.
[[nodiscard]] std::string shown(std::string_view text);

// What the parameters of a question mean, apart from where it leads.
[[nodiscard]] std::vector<std::string> parameter_notes(const Question& question,
                                                       const AnswerOptions& options);
// Where path=, or repo= and arch=, lead and why; as far as the explanation already knows.
[[nodiscard]] std::vector<std::string> place_notes(const Question& question,
                                                   const ExplainedQuestion& read);

// REQUIRES: `target` is what was refused.
[[nodiscard]] std::string refusal_sentence(const Refusal& refusal, std::string_view target);

struct GroupContext {
  const ChoiceRecord& record;
  const Place& networks;  // with the networks, even if the question does not want them
  uint32_t minimum = 0;
  size_t found_before = 0;  // mirrors in the groups before
};
[[nodiscard]] std::string group_sentence(AnswerGroup group, const GroupContext& context);

}  // namespace mirror

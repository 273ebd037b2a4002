// /-/explain of the admin listener: why an answer is as it is (edge/answer/explanation.h). A
// question with /-/explain before it, exactly as a client would send it:
//
//   /-/explain/mirrorlist?repo=NAME&arch=ARCH&ip=ADDRESS
//
// Two parameters in its query are not the question's but ours; of several the last counts:
//   client=ADDRESS   who asks, where ip= does not say it; 127.0.0.1 otherwise
//   format=json      or text, which is the default
//
// Called on the control thread, which may allocate.
#pragma once

#include <cstddef>
#include <string_view>

#include "edge/answer/answerer.h"
#include "edge/serve/admin_reply.h"
#include "edge/serve/generation.h"

namespace mirror {

// Bytes that such a target may be longer than its question: the path, an address with every byte
// percent-encoded, and the names of the parameters.
inline constexpr size_t kExplainTargetExtra = 256;

[[nodiscard]] bool is_explain_target(std::string_view target);

// `generation`: what is served; may be null.
[[nodiscard]] AdminReply answer_explain(std::string_view target, const Generation* generation,
                                        const AnswerOptions& options);

}  // namespace mirror

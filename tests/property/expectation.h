// Compares an answer with what the oracle permits.
#pragma once

#include <string>

#include "edge/answer/answerer.h"
#include "tests/property/oracle.h"

namespace mirror {

// "" if the reply is one of the permitted answers, else what is wrong with it.
[[nodiscard]] std::string difference(const OracleAnswer& want, const Reply& got);

// An answer to a question that holds bytes which must not be echoed: "" if it is a refusal, or
// holds none of them.
[[nodiscard]] std::string unsafe_part(const Reply& got);

// Both answers in full, for a message.
[[nodiscard]] std::string describe(const OracleAnswer& want, const Reply& got);

// The same group in the edge's words.
[[nodiscard]] AnswerGroup group_of(OracleGroupKind kind);

}  // namespace mirror

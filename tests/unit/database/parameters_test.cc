#include "schema/database/parameters.h"

#include <gtest/gtest.h>

namespace mirror {
namespace {

struct Example {
  std::string_view sqlite, postgresql;
};

class DollarParametersTest : public ::testing::TestWithParam<Example> {};

TEST_P(DollarParametersTest, TurnsNumbersAndNothingElse) {
  EXPECT_EQ(dollar_parameters(GetParam().sqlite), GetParam().postgresql);
}

INSTANTIATE_TEST_SUITE_P(
    Examples, DollarParametersTest,
    ::testing::Values(
        Example{"", ""}, Example{"SELECT ?1, ?12", "SELECT $1, $12"}, Example{"?2?1", "$2$1"},
        Example{"a ? b, ?", "a ? b, ?"}, Example{"'?1' || ?1", "'?1' || $1"},
        Example{"'it''s ?1' ?1", "'it''s ?1' $1"},
        Example{"\"a?1\"\"b?2\" ?3", "\"a?1\"\"b?2\" $3"}, Example{"-- ?1\n?1", "-- ?1\n$1"},
        Example{"-- ?1", "-- ?1"}, Example{"/* ?1 /* ?2 */ ?3 */ ?4", "/* ?1 /* ?2 */ ?3 */ $4"},
        Example{"/* ?1", "/* ?1"}, Example{"'?1", "'?1"}, Example{"$$ ?1 $$ ?1", "$$ ?1 $$ $1"},
        Example{"$a$ ?1 $b$ ?1 $a$ ?1", "$a$ ?1 $b$ ?1 $a$ $1"}, Example{"$ ?1 $", "$ $1 $"},
        Example{"$1 ?1", "$1 $1"}, Example{"$a$ ?1", "$a$ ?1"},
        Example{"- ?1 / ?2 *", "- $1 / $2 *"}));

}  // namespace
}  // namespace mirror

// What the admin listener makes of /-/explain: the question in it, and the parameters that are
// ours.
#include "edge/serve/explain_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/serve/test_snapshots.h"

namespace mirror {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ExplainEndpoint : public testing::Test {
 protected:
  ExplainEndpoint() {
    publish_snapshot(directory_.path(), make_snapshot("a"));
    const SnapshotDirectory snapshots(directory_.path());
    auto snapshot = snapshots.open(*snapshots.current());
    EXPECT_TRUE(snapshot.has_value());
    generation_.sequence = 42;
    generation_.snapshot = std::make_shared<const Snapshot>(std::move(*snapshot));
  }
  AdminReply ask(const std::string& target) {
    EXPECT_TRUE(is_explain_target(target)) << target;
    return answer_explain(target, &generation_, {});
  }

  TemporaryDirectory directory_;
  Generation generation_;
};

TEST_F(ExplainEndpoint, KnowsItsTargets) {
  for (const char* target : {"/-/explain", "/-/explain?x", "/-/explain/mirrorlist?path=a"})
    EXPECT_TRUE(is_explain_target(target));
  for (const char* target : {"/-/explained", "/-/status", "", "/mirrorlist?path=/-/explain"})
    EXPECT_FALSE(is_explain_target(target));
}

TEST_F(ExplainEndpoint, TheQuestionIsWhatFollowsWithoutOurParameters) {
  const AdminReply text =
      ask("/-/explain/a/mirrorlist?path=no&client=192.0.2.1&ip=x&format=text&&");
  EXPECT_EQ(text.status, 200);
  EXPECT_EQ(text.content_type, "text/plain");
  EXPECT_THAT(text.body, AllOf(StartsWith("question    \"/a/mirrorlist?path=no&ip=x&&\"\n"),
                               HasSubstr("generation  42, digest "), HasSubstr("invalid_path")));
  const AdminReply json = ask("/-/explain/mirrorlist?format=json&path=no");
  EXPECT_EQ(json.content_type, "application/json");
  EXPECT_THAT(json.body,
              AllOf(HasSubstr("\"target\": \"/mirrorlist?path=no\""), HasSubstr("\"sequence\": 42"),
                    HasSubstr(generation_.snapshot->digest().hex())));
  EXPECT_THAT(ask("/-/explain/mirrorlist").body, HasSubstr("parameters_missing"));
  EXPECT_THAT(ask("/-/explain/nothing?format=json").body, HasSubstr("unknown_resource"));
}

TEST_F(ExplainEndpoint, OurParametersAreDecodedLikeThoseOfAQuestion) {
  const AdminReply decoded =
      ask("/-/explain/mirrorlist?path=no&client=2001%3adb8%3A%3a1&format=js%6fn");
  EXPECT_EQ(decoded.status, 200);
  EXPECT_EQ(decoded.body, ask("/-/explain/mirrorlist?path=no&client=2001:db8::1&format=json").body);
  // What belongs to the question stays as it was sent.
  EXPECT_THAT(ask("/-/explain/mirrorlist?path=%6eo").body, HasSubstr("?path=%6eo\""));
}

TEST_F(ExplainEndpoint, WhatIsNoQuestionIsRefused) {
  for (const char* target : {"/-/explain", "/-/explain?path=no", "/-/explain/x?format=xml",
                             "/-/explain/x?client=", "/-/explain/x?client=10.0.0.256%0a\x1b"}) {
    EXPECT_EQ(ask(target).status, 400) << target;
    EXPECT_THAT(ask(target).body, Not(HasSubstr("\x1b")));
  }
  EXPECT_EQ(answer_explain("/-/explain/mirrorlist?path=no", nullptr, {}).status, 503);
}

}  // namespace
}  // namespace mirror

#include "compiler/snapshot_source.h"

#include <gtest/gtest.h>

namespace mirror {
namespace {

SnapshotSource source() {
  return {"0000000042-00000000000000010000000000000002.mls",
          "postgresql://mirror@db/mm",
          "123-abc",
          {7, 8},
          1'700'000'000};
}

TEST(SnapshotSource, IsReadAsItWasWritten) {
  EXPECT_EQ(SnapshotSource::parse(source().to_string()), source());
}

TEST(SnapshotSource, WhatIsNotWholeIsNothing) {
  const auto whole = source().to_string();
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(SnapshotSource::parse(whole.substr(0, size))) << size;
  EXPECT_FALSE(SnapshotSource::parse(whole + "more\n"));
  auto other_format = whole;
  other_format.replace(other_format.find(" 1\n"), 3, " 2\n");
  EXPECT_FALSE(SnapshotSource::parse(other_format));
  auto no_token = source();
  no_token.token.clear();
  EXPECT_FALSE(SnapshotSource::parse(no_token.to_string()));
}

TEST(SnapshotSource, InputsThatDifferHaveOtherDigests) {
  const std::string one[] = {"1", "23"}, other[] = {"12", "3"};
  const auto digest = digest_inputs(one, {});
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(*digest, *digest_inputs(one, {}));
  EXPECT_NE(*digest, *digest_inputs(other, {}));
  const std::string missing[] = {"/no/such/file"};
  EXPECT_EQ(digest_inputs(one, missing).error().system_errno, ENOENT);
}

}  // namespace
}  // namespace mirror

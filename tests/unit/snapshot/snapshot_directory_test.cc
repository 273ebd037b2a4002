#include "schema/snapshot/snapshot_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "compiler/publish.h"
#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

// A snapshot file whose contents depend on `weight`.
std::string file_of(int64_t weight, uint64_t created_at = 1'700'000'000) {
  auto rows = simple_rows();
  rows.hosts[0].bandwidth = weight;
  SmallInputs inputs;
  inputs.created_at = created_at;
  const auto snapshot = compile_rows(rows, inputs);
  return {snapshot.bytes.begin(), snapshot.bytes.end()};
}

class Directory : public ::testing::Test {
 protected:
  Directory() : path_(fs::temp_directory_path() / fmt::format("mirror_snapshots_{}", ::getpid())) {
    fs::remove_all(path_);
    directory_.emplace(path_.string());
  }
  ~Directory() override { fs::remove_all(path_); }

  void write(const std::string& name, std::string_view text) {
    fs::create_directories(path_);
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  std::string current_error() {
    const auto current = directory_->current();
    return current ? "" : current.error().message;
  }
  Current publish(int64_t weight) {
    auto writer = directory_->lock();
    EXPECT_TRUE(writer);
    const auto current = writer->add(file_of(weight));
    EXPECT_TRUE(current) << (current ? "" : current.error().message);
    EXPECT_TRUE(writer->publish(*current));
    return *current;
  }
  Result<Published> compile(int64_t weight, const PublishOptions& options = {}) {
    return publish_snapshot(*directory_, file_of(weight), options, log_);
  }

  fs::path path_;
  std::optional<SnapshotDirectory> directory_;
  Log log_{"test", LogLevel::kError};
};

TEST_F(Directory, NamesAndCurrentRoundTrip) {
  const auto current = publish(1);
  EXPECT_EQ(current.name.sequence, 1u);
  EXPECT_EQ(*SnapshotName::parse(current.name.to_string()), current.name);
  EXPECT_EQ(*Current::parse(current.to_string()), current);
  EXPECT_EQ(*directory_->current(), current);
  const auto snapshot = directory_->open(current);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->digest(), current.name.digest);
  EXPECT_EQ(current.created_at, 1'700'000'000u);
}

TEST_F(Directory, NamesAreStrict) {
  const std::string digest(32, 'a');
  EXPECT_TRUE(SnapshotName::parse("0000000001-" + digest + ".mls"));
  for (const auto& name :
       {"0000000000-" + digest + ".mls", "1-" + digest + ".mls",
        "0000000001-" + digest + ".mls.tmp", "000000000x-" + digest + ".mls",
        "-000000001-" + digest + ".mls", "0000000001_" + digest + ".mls",
        "0000000001-" + std::string(32, 'A') + ".mls", std::string("LOCK"), std::string()}) {
    EXPECT_FALSE(SnapshotName::parse(name)) << name;
  }
}

TEST_F(Directory, AMissingCurrentIsNotAFault) {
  EXPECT_EQ(directory_->current().error().kind, ErrorKind::kNotFound);
  fs::create_directories(path_);
  EXPECT_EQ(directory_->current().error().kind, ErrorKind::kNotFound);
}

TEST_F(Directory, AHostileCurrentIsRefusedWithAReason) {
  const auto good = publish(1).to_string();
  for (size_t size = 0; size < good.size(); ++size) {
    write("CURRENT", good.substr(0, size));
    EXPECT_THAT(current_error(), HasSubstr("CURRENT")) << size;
  }
  for (const auto& text :
       {std::string("garbage\n"), std::string(5000, 'x'), std::string(5, '\0'), good + good,
        " " + good, good.substr(0, good.rfind(' ')) + " 1099511627777\n",
        std::string("../../etc/passwd 1 2 3\n")}) {
    write("CURRENT", text);
    EXPECT_THAT(current_error(), HasSubstr("CURRENT"));
  }
  fs::remove(path_ / "CURRENT");
  fs::create_directory(path_ / "CURRENT");
  EXPECT_THAT(current_error(), HasSubstr("not a regular file"));
}

TEST_F(Directory, WhatCurrentNamesMustBeThereWhole) {
  const auto current = publish(1);
  auto other = current;
  other.size += 1;
  EXPECT_THAT(directory_->open(other).error().message, HasSubstr("instead of the"));
  fs::resize_file(directory_->path_of(current.name), 100);
  EXPECT_FALSE(directory_->open(current));
  fs::remove(directory_->path_of(current.name));
  EXPECT_EQ(directory_->open(current).error().system_errno, ENOENT);
  EXPECT_FALSE(directory_->lock()->publish(current));
}

// Another snapshot under the name of this one.
TEST_F(Directory, TheDigestIsCompared) {
  const auto one = publish(1);
  const auto two = publish(2);
  ASSERT_EQ(one.size, two.size);
  fs::copy_file(directory_->path_of(two.name), directory_->path_of(one.name),
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(directory_->open(one).error().message, HasSubstr("its digest is"));
  const auto entries = directory_->list();
  EXPECT_TRUE(directory_->open(entries->front()));
  EXPECT_THAT(directory_->open(entries->back()).error().message, HasSubstr("its digest is"));
}

TEST_F(Directory, SequenceNumbersAreNeverUsedTwice) {
  EXPECT_EQ(publish(1).name.sequence, 1u);
  EXPECT_EQ(publish(2).name.sequence, 2u);
  fs::remove(path_ / "SEQUENCE");
  EXPECT_EQ(publish(3).name.sequence, 3u);
  // A killed writer's temporary file counts, too.
  write("0000000007-" + std::string(32, 'a') + ".mls.tmp", "half");
  fs::remove(path_ / "SEQUENCE");
  EXPECT_EQ(publish(4).name.sequence, 8u);
  write("SEQUENCE", "20\n");
  EXPECT_EQ(publish(5).name.sequence, 21u);
  write("SEQUENCE", "twenty\n");
  EXPECT_THAT(directory_->lock()->add(file_of(6)).error().message,
              HasSubstr("SEQUENCE holds no number"));
  write("SEQUENCE", "9999999999\n");
  EXPECT_EQ(directory_->lock()->add(file_of(6)).error().kind, ErrorKind::kLimit);
}

TEST_F(Directory, AnInvalidFileLeavesNothingBehind) {
  auto bytes = file_of(1);
  bytes.back() ^= 1;
  auto writer = directory_->lock();
  EXPECT_FALSE(writer->add(bytes));
  EXPECT_FALSE(writer->add("short"));
  EXPECT_TRUE(directory_->list()->empty());
  for (const auto& entry : fs::directory_iterator(path_))
    EXPECT_THAT(entry.path().string(), ::testing::Not(HasSubstr(".mls")));
}

TEST_F(Directory, OneWriterAtATimeUntilItDies) {
  auto writer = directory_->lock();
  ASSERT_TRUE(writer);
  const auto second = directory_->lock();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr(fmt::format("process {}", ::getpid())));
  writer = fail(ErrorKind::kInvalid, "released");
  EXPECT_TRUE(directory_->lock());

  const pid_t child = ::fork();
  if (child == 0) {
    auto held = directory_->lock();
    ::_exit(held ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(directory_->lock());
}

TEST_F(Directory, CollectKeepsTheNewestTheLiveAndTheHeld) {
  std::vector<Current> all;
  for (int64_t i = 1; i <= 6; ++i) all.push_back(publish(i));
  write("0000000099-" + std::string(32, 'a') + ".mls.tmp", "half");
  write("CURRENT.tmp", "half");
  write("notes.txt", "not ours");
  auto writer = directory_->lock();
  ASSERT_TRUE(writer->publish(all[1]));
  ASSERT_TRUE(writer->delete_leftovers());
  ASSERT_TRUE(writer->collect(2));
  std::vector<uint64_t> left;
  const auto entries = directory_->list();
  for (const auto& entry : *entries) left.push_back(entry.name.sequence);
  EXPECT_THAT(left, ::testing::ElementsAre(6, 5, 2));
  EXPECT_TRUE(fs::exists(path_ / "notes.txt"));
  EXPECT_FALSE(fs::exists(path_ / "CURRENT.tmp"));
  ASSERT_TRUE(writer->set_hold({"me", 1, "why"}));
  ASSERT_TRUE(writer->collect(1));
  EXPECT_EQ(directory_->list()->size(), 3u);
  ASSERT_TRUE(writer->release_hold());
  ASSERT_TRUE(writer->collect(1));
  EXPECT_EQ(directory_->list()->size(), 2u);
}

TEST_F(Directory, AnyFileHoldIsAHold) {
  fs::create_directories(path_);
  EXPECT_FALSE(*directory_->hold());
  write("HOLD", "");
  EXPECT_TRUE(*directory_->hold());
  write("HOLD", "who: me\nwhen: 18446744073709551615\n");
  EXPECT_EQ((*directory_->hold())->when, 0u);
  auto writer = directory_->lock();
  ASSERT_TRUE(writer->set_hold({"me@here", 42, "two\nlines\x01"}));
  const auto hold = directory_->hold();
  ASSERT_TRUE(hold && *hold);
  EXPECT_EQ((*hold)->who, "me@here");
  EXPECT_EQ((*hold)->when, 42u);
  EXPECT_EQ((*hold)->why, "two lines");
  EXPECT_TRUE(*writer->release_hold());
  EXPECT_FALSE(*writer->release_hold());
}

TEST_F(Directory, EqualContentsPublishNothing) {
  const auto first = compile(1);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->outcome, PublishOutcome::kPublished);
  constexpr uint64_t kRenewed = 1'700'000'000 + kRenewAfterSeconds;
  const auto again = publish_snapshot(*directory_, file_of(1, kRenewed - 1), {}, log_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->outcome, PublishOutcome::kUnchanged);
  EXPECT_EQ(again->snapshot, first->snapshot);
  EXPECT_EQ(directory_->list()->size(), 1u);
  // Unless the live one is old, so that age does not look like a fault,
  const auto renewed = publish_snapshot(*directory_, file_of(1, kRenewed), {}, log_);
  ASSERT_TRUE(renewed);
  EXPECT_EQ(renewed->outcome, PublishOutcome::kPublished);
  EXPECT_EQ(directory_->current()->created_at, kRenewed);
  // or is damaged.
  fs::resize_file(directory_->path_of(renewed->snapshot.name), 100);
  EXPECT_EQ(compile(1)->outcome, PublishOutcome::kPublished);
}

TEST_F(Directory, WithoutAWholeSnapshotToCompareWithTheGatesStayShut) {
  const auto first = compile(1);
  ASSERT_TRUE(first);
  fs::resize_file(directory_->path_of(first->snapshot.name), 100);
  const auto refused = compile(2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRefused);
  PublishOptions forced;
  forced.force_reason = "restored from a backup";
  EXPECT_EQ(compile(2, forced)->outcome, PublishOutcome::kPublished);
}

TEST_F(Directory, EveryCompileDeletesLeftovers) {
  const auto leftover = path_ / ("0000000099-" + std::string(32, 'a') + ".mls.tmp");
  for (const auto outcome : {PublishOutcome::kPublished, PublishOutcome::kUnchanged}) {
    write(leftover.filename(), "half");
    const auto done = compile(1);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->outcome, outcome);
    EXPECT_FALSE(fs::exists(leftover));
  }
}

TEST_F(Directory, HoldKeepsCurrentWhereItIs) {
  const auto live = compile(1)->snapshot;
  ASSERT_TRUE(directory_->lock()->set_hold({"me", 1, "why"}));
  const auto held = compile(2);
  ASSERT_TRUE(held);
  EXPECT_EQ(held->outcome, PublishOutcome::kHeld);
  EXPECT_EQ(*directory_->current(), live);
  EXPECT_EQ(directory_->list()->size(), 2u);
  EXPECT_EQ(compile(2)->outcome, PublishOutcome::kHeld);
  EXPECT_EQ(directory_->list()->size(), 2u);
  // Unless the one that waits is damaged.
  fs::resize_file(directory_->path_of(held->snapshot.name), 100);
  const auto anew = compile(2);
  ASSERT_TRUE(anew);
  EXPECT_EQ(anew->outcome, PublishOutcome::kHeld);
  EXPECT_EQ(anew->snapshot.name.sequence, 3u);
  EXPECT_TRUE(directory_->open(anew->snapshot));
  EXPECT_TRUE(*directory_->lock()->release_hold());
  EXPECT_EQ(compile(2)->outcome, PublishOutcome::kPublished);
}

TEST_F(Directory, TheGateRefusesGreatLosses) {
  const Log quiet("test", LogLevel::kNothing);
  const auto live = compile(1);
  ASSERT_TRUE(live);
  auto rows = simple_rows();
  rows.host_category_urls.clear();
  const auto poor = compile_rows(rows);
  const std::string file(poor.bytes.begin(), poor.bytes.end());
  const auto refused = publish_snapshot(*directory_, file, {}, quiet);
  ASSERT_FALSE(refused);
  EXPECT_EQ(exit_code(refused.error()), kExitRefused);
  EXPECT_THAT(refused.error().message, HasSubstr("generation 1 stays live"));
  EXPECT_EQ(directory_->list()->size(), 1u);
  EXPECT_EQ(*directory_->current(), live->snapshot);
  PublishOptions by_force;
  by_force.force_reason = "they are moving";
  const auto forced = publish_snapshot(*directory_, file, by_force, quiet);
  ASSERT_TRUE(forced);
  EXPECT_EQ(forced->outcome, PublishOutcome::kPublished);
  EXPECT_EQ(directory_->current()->name.sequence, 2u);
}

TEST_F(Directory, CanariesAndLeastCountsHoldForTheFirstSnapshotToo) {
  const Log quiet("test", LogLevel::kNothing);
  PublishOptions options;
  ASSERT_TRUE(options.limits.set_at_least("hosts=3"));
  const auto small = publish_snapshot(*directory_, file_of(1), options, quiet);
  ASSERT_FALSE(small);
  EXPECT_THAT(small.error().message, HasSubstr("nothing is published"));
  ASSERT_TRUE(options.limits.set_at_least("hosts=2"));
  options.canaries = *parse_canaries("/mirrorlist?repo=os&arch=x86_64 min=3", "canaries");
  EXPECT_EQ(publish_snapshot(*directory_, file_of(1), options, quiet).error().kind,
            ErrorKind::kRefused);
  EXPECT_TRUE(directory_->list()->empty());
  EXPECT_FALSE(directory_->current());
  options.canaries[0].min = 2;
  EXPECT_TRUE(publish_snapshot(*directory_, file_of(1), options, quiet));
}

}  // namespace
}  // namespace mirror

// Which generation is served, step by step, on real files and with a clock of the test's own.
#include "edge/serve/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/core/unique_fd.h"
#include "edge/serve/limits.h"
#include "tests/unit/answer/mmdb_writer.h"
#include "tests/unit/serve/test_snapshots.h"

namespace mirror {
namespace {

using testing::HasSubstr;

class PublisherTest : public testing::Test {
 protected:
  void start(const std::string& geoip = "") {
    publisher_ = std::make_unique<Publisher>(Publisher::Options{directory_.path(), geoip, 120000},
                                             clock_, log_, sink_);
    const auto started = publisher_->start();
    ASSERT_TRUE(started.has_value()) << started.error().message;
  }
  Current publish(const std::string& mark) {
    return publish_snapshot(directory_.path(), make_snapshot(mark));
  }
  std::string path_of(const Current& current) const {
    return SnapshotDirectory(directory_.path()).path_of(current.name);
  }
  std::string served() const { return sink_.posted == nullptr ? "nothing" : sink_.posted->label(); }
  GenerationState state_of(const std::string& label) const {
    for (const auto& record : publisher_->records()) {
      if (record.label == label) return record.state;
    }
    ADD_FAILURE() << "no record of " << label;
    return GenerationState::kRefused;
  }
  // Makes the second snapshot bad in some way, under its own name, and points CURRENT there.
  void publish_bad(const std::string& bytes) {
    auto current = add_snapshot(directory_.path(), make_snapshot("bad"));
    std::filesystem::remove(path_of(current));
    write_bytes(path_of(current), bytes);
    current.size = bytes.size();
    point_current_to(directory_.path(), current);
  }
  void expect_refused_and_old_served(const std::string& reason) {
    const auto before = publisher_->refused_count();
    publisher_->look(false);
    EXPECT_EQ(served(), "1");
    ASSERT_EQ(publisher_->refused_count(), before + 1);
    EXPECT_THAT(publisher_->refusals().front().reason, HasSubstr(reason));
    // A hint changes nothing; an operator's SIGHUP tries again.
    publisher_->look(false);
    EXPECT_EQ(publisher_->refused_count(), before + 1);
    publisher_->look(true);
    EXPECT_EQ(publisher_->refused_count(), before + 2);
    EXPECT_EQ(served(), "1");
    // And what comes next is served.
    const auto next = publish("next");
    publisher_->look(false);
    EXPECT_EQ(served(), std::to_string(next.name.sequence));
  }

  TemporaryDirectory directory_;
  TestClock clock_;
  const Log log_{"test", LogLevel::kError};
  TestSink sink_;
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(PublisherTest, NothingIsPublishedYet) {
  start();
  EXPECT_EQ(served(), "nothing");
  EXPECT_EQ(publisher_->current(), nullptr);
  EXPECT_FALSE(publisher_->wanted().has_value());
  EXPECT_EQ(publisher_->refused_count(), 0u);
  publish("a");
  publisher_->look(false);
  EXPECT_EQ(served(), "1");
  EXPECT_EQ(state_of("1"), GenerationState::kCurrent);
}

TEST_F(PublisherTest, AGenerationGoesWhenTheLastWorkerHasLeftIt) {
  publish("a");
  start();
  sink_.adopt();
  publish("b");
  publisher_->look(false);
  EXPECT_EQ(served(), "2");
  EXPECT_EQ(state_of("1"), GenerationState::kCooling);
  EXPECT_TRUE(publisher_->cooling());
  EXPECT_NE(publisher_->find(1), nullptr);
  publisher_->collect();
  EXPECT_EQ(state_of("1"), GenerationState::kCooling);
  sink_.adopt();
  publisher_->collect();
  EXPECT_EQ(state_of("1"), GenerationState::kRetired);
  EXPECT_EQ(publisher_->find(1), nullptr);
  EXPECT_FALSE(publisher_->cooling());
}

TEST_F(PublisherTest, LookingAgainPublishesNothing) {
  publish("a");
  start();
  for (int i = 0; i < 5; ++i) publisher_->look(i % 2 == 0);
  EXPECT_EQ(publisher_->published_count(), 1u);
}

TEST_F(PublisherTest, ARollbackIsServed) {
  const auto first = publish("a");
  start();
  publish("b");
  publisher_->look(false);
  point_current_to(directory_.path(), first);
  publisher_->look(false);
  EXPECT_EQ(served(), "1");
  EXPECT_EQ(sink_.posted->ordinal, 3u);
}

TEST_F(PublisherTest, ManySwapsKeepFewRecords) {
  start();
  for (int i = 0; i < 40; ++i) {
    publish(std::to_string(i));
    publisher_->look(false);
    sink_.adopt();
    publisher_->collect();
  }
  EXPECT_EQ(served(), "40");
  EXPECT_EQ(publisher_->records().size(), kRecordsKept);
  EXPECT_EQ(state_of("40"), GenerationState::kCurrent);
}

// --- bad snapshots

TEST_F(PublisherTest, Truncated) {
  publish("a");
  start();
  const auto bytes = make_snapshot("bad");
  publish_bad(bytes.substr(0, bytes.size() / 2));
  expect_refused_and_old_served("bytes of payload instead of");
}

TEST_F(PublisherTest, Empty) {
  publish("a");
  start();
  publish_bad("");
  expect_refused_and_old_served("empty");
}

TEST_F(PublisherTest, OneFlippedBit) {
  publish("a");
  start();
  auto bytes = make_snapshot("bad");
  for (size_t at = 0; at < bytes.size(); at += 61) {
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    publish_bad(bytes);
    const auto before = publisher_->refused_count();
    publisher_->look(false);
    EXPECT_EQ(publisher_->refused_count(), before + 1) << "byte " << at;
    EXPECT_EQ(served(), "1");
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  }
}

TEST_F(PublisherTest, UnknownFormatVersion) {
  publish("a");
  start();
  auto bytes = make_snapshot("bad");
  bytes[8] = 99;  // SnapshotHeader::format; the checksum of the header must be right to reach it
  const auto checksum = digest64(std::string_view(bytes).substr(0, 56));
  for (int i = 0; i < 8; ++i) bytes[56 + i] = static_cast<char>(checksum >> (8 * i));
  publish_bad(bytes);
  expect_refused_and_old_served("99");
}

TEST_F(PublisherTest, ADirectory) {
  publish("a");
  start();
  const auto current = add_snapshot(directory_.path(), make_snapshot("bad"));
  std::filesystem::remove(path_of(current));
  std::filesystem::create_directory(path_of(current));
  auto small = current;
  small.size = 1;
  point_current_to(directory_.path(), small);
  expect_refused_and_old_served("regular");
}

TEST_F(PublisherTest, GarbageInCurrent) {
  publish("a");
  start();
  const auto old = read_bytes(directory_.file("CURRENT"));
  for (const std::string garbage :
       {"", "\n", "garbage", "../../etc/passwd 1 2 3\n", "\xff\xfe\x01"}) {
    write_bytes(directory_.file("CURRENT"), garbage);
    const auto before = publisher_->refused_count();
    publisher_->look(false);
    publisher_->look(false);
    EXPECT_EQ(publisher_->refused_count(), before + 1) << garbage;
    EXPECT_EQ(served(), "1");
    write_bytes(directory_.file("CURRENT"), old);
    publisher_->look(false);
    EXPECT_EQ(publisher_->published_count(), 1u);
  }
}

TEST_F(PublisherTest, CurrentGone) {
  publish("a");
  start();
  std::filesystem::remove(directory_.file("CURRENT"));
  publisher_->look(false);
  publisher_->look(false);
  EXPECT_EQ(publisher_->refused_count(), 1u);
  EXPECT_EQ(served(), "1");
}

// --- passing faults

// No descriptor is left for anything that needs two at once, as the copy of a file does.
class OneDescriptor {
 public:
  OneDescriptor() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const UniqueFd next(::dup(0));
    rlimit files = before_;
    files.rlim_cur = static_cast<rlim_t>(next.get()) + 1;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  }
  ~OneDescriptor() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  OneDescriptor(const OneDescriptor&) = delete;
  OneDescriptor& operator=(const OneDescriptor&) = delete;

 private:
  rlimit before_{};
};

TEST_F(PublisherTest, WithoutDescriptorsItIsTriedAgain) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UndefinedBehaviorSanitizer needs descriptors of its own to check types";
#endif
  publish("a");
  start();
  publish("b");
  {
    const OneDescriptor scarce;
    for (uint64_t i = 1; i <= 2; ++i) {
      publisher_->look(false);
      EXPECT_EQ(publisher_->refused_count(), i);
      EXPECT_EQ(served(), "1");
    }
    EXPECT_THAT(publisher_->refusals().front().reason, HasSubstr("Too many open files"));
  }
  publisher_->look(false);
  EXPECT_EQ(served(), "2");
}

// --- files that are not whole yet

TEST_F(PublisherTest, AFileThatComesAfterCurrentIsAwaited) {
  publish("a");
  start();
  const auto bytes = make_snapshot("b");
  const auto current = add_snapshot(directory_.path(), bytes);
  std::filesystem::remove(path_of(current));
  point_current_to(directory_.path(), current);
  publisher_->look(false);
  EXPECT_TRUE(publisher_->waiting());
  EXPECT_EQ(state_of("2"), GenerationState::kAwaited);
  EXPECT_EQ(served(), "1");
  clock_.advance_ms(60000);
  write_bytes(path_of(current), bytes.substr(0, bytes.size() - 1));
  publisher_->look(false);
  EXPECT_TRUE(publisher_->waiting());
  EXPECT_EQ(publisher_->refused_count(), 0u);
  write_bytes(path_of(current), bytes);
  publisher_->look(false);
  EXPECT_FALSE(publisher_->waiting());
  EXPECT_EQ(served(), "2");
  EXPECT_EQ(publisher_->refused_count(), 0u);
}

TEST_F(PublisherTest, WaitingEnds) {
  publish("a");
  start();
  const auto bytes = make_snapshot("b");
  const auto current = add_snapshot(directory_.path(), bytes);
  std::filesystem::remove(path_of(current));
  point_current_to(directory_.path(), current);
  publisher_->look(false);
  clock_.advance_ms(119999);
  publisher_->look(false);
  EXPECT_TRUE(publisher_->waiting());
  clock_.advance_ms(1);
  publisher_->look(false);
  EXPECT_FALSE(publisher_->waiting());
  EXPECT_EQ(publisher_->refused_count(), 1u);
  EXPECT_EQ(state_of("2"), GenerationState::kRefused);
  publisher_->look(false);
  EXPECT_FALSE(publisher_->waiting());
  // Better late than never.
  write_bytes(path_of(current), bytes);
  publisher_->look(false);
  EXPECT_EQ(served(), "2");
}

TEST_F(PublisherTest, CurrentMovesOnWhileWaiting) {
  publish("a");
  start();
  const auto current = add_snapshot(directory_.path(), make_snapshot("b"));
  std::filesystem::remove(path_of(current));
  point_current_to(directory_.path(), current);
  publisher_->look(false);
  EXPECT_TRUE(publisher_->waiting());
  publish("c");
  publisher_->look(false);
  EXPECT_FALSE(publisher_->waiting());
  EXPECT_EQ(served(), "3");
  for (const auto& record : publisher_->records())
    EXPECT_NE(record.state, GenerationState::kAwaited);
}

// --- GeoIP

class PublisherGeoTest : public PublisherTest {
 protected:
  static std::string database(const std::string& country) {
    MmdbWriter writer(4);
    writer.add("192.0.2.0/24", country);
    return writer.bytes();
  }
  // Directory events, the poll: a look, and another one after the file has stood still.
  void look_twice() {
    publisher_->look(false);
    clock_.advance_ms(1000);
    publisher_->look(false);
  }
  std::string country() const {
    return std::string(sink_.posted->geo->country(*IpAddress::parse("192.0.2.1")));
  }
  std::string geoip_ = directory_.file("country.mmdb");
};

TEST_F(PublisherGeoTest, ANewDatabaseIsANewRevision) {
  publish("a");
  write_bytes(geoip_, database("SE"));
  start(geoip_);
  EXPECT_EQ(country(), "SE");
  EXPECT_EQ(served(), "1");
  write_bytes(geoip_, database("DE"));
  publisher_->look(false);
  EXPECT_EQ(served(), "1") << "it may still be written";
  EXPECT_TRUE(publisher_->waiting());
  clock_.advance_ms(1000);
  publisher_->look(false);
  EXPECT_EQ(served(), "1.1");
  EXPECT_EQ(country(), "DE");
  EXPECT_FALSE(publisher_->waiting());
  publish("b");
  publisher_->look(false);
  EXPECT_EQ(served(), "2");
}

TEST_F(PublisherGeoTest, ABadDatabaseIsRefusedOnce) {
  publish("a");
  write_bytes(geoip_, database("SE"));
  start(geoip_);
  for (const std::string bad : {"", "no database"}) {
    write_bytes(geoip_, bad);
    const auto before = publisher_->refused_count();
    look_twice();
    look_twice();
    EXPECT_EQ(publisher_->refused_count(), before + 1);
    EXPECT_EQ(served(), "1");
    EXPECT_EQ(country(), "SE");
  }
  std::filesystem::remove(geoip_);
  look_twice();
  EXPECT_EQ(country(), "SE");
  write_bytes(geoip_, database("DE"));
  look_twice();
  EXPECT_EQ(country(), "DE");
}

TEST_F(PublisherGeoTest, WithoutDescriptorsItIsTriedAgain) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UndefinedBehaviorSanitizer needs descriptors of its own to check types";
#endif
  publish("a");
  write_bytes(geoip_, database("SE"));
  start(geoip_);
  write_bytes(geoip_, database("DE"));
  {
    const OneDescriptor scarce;
    look_twice();
    EXPECT_EQ(publisher_->refused_count(), 1u);
    EXPECT_EQ(country(), "SE");
  }
  look_twice();
  EXPECT_EQ(country(), "DE");
}

TEST_F(PublisherGeoTest, TheFirstDatabaseMustBeGood) {
  write_bytes(geoip_, "no database");
  Publisher publisher({directory_.path(), geoip_, 120000}, clock_, log_, sink_);
  const auto started = publisher.start();
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().message, HasSubstr(geoip_));
}

// Loads when the test says so.
class HeldLoader final : public SnapshotLoader {
 public:
  void load(Job job, Done done) override {
    job_ = std::move(job);
    done_ = std::move(done);
  }
  void dispose(std::shared_ptr<const Generation>) override {}
  void finish() { std::exchange(done_, nullptr)(job_()); }

 private:
  Job job_;
  Done done_;
};

// What comes while a snapshot is loaded is looked at afterwards, and whoever looks after the time
// hears that something is waited for now.
TEST_F(PublisherTest, WhatComesDuringALoad) {
  HeldLoader loader;
  publish("one");
  publisher_ = std::make_unique<Publisher>(Publisher::Options{directory_.path(), "", 120000},
                                           clock_, log_, sink_, &loader);
  ASSERT_TRUE(publisher_->start());
  publish("two");
  publisher_->look(false);
  EXPECT_EQ(served(), "1");
  const auto third = add_snapshot(directory_.path(), make_snapshot("three"));
  const auto hidden = path_of(third) + ".hidden";
  std::filesystem::rename(path_of(third), hidden);
  point_current_to(directory_.path(), third);
  publisher_->look(false);
  EXPECT_FALSE(publisher_->waiting());
  loader.finish();
  EXPECT_EQ(served(), "2");
  EXPECT_TRUE(publisher_->waiting());
  EXPECT_EQ(sink_.loads_ended, 1u);
  std::filesystem::rename(hidden, path_of(third));
  publisher_->look(false);
  loader.finish();
  EXPECT_EQ(served(), "3");
  EXPECT_EQ(sink_.loads_ended, 2u);
}

}  // namespace
}  // namespace mirror

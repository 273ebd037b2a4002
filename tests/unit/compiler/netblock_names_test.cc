// Names are resolved side by side, by a bounded number of threads, and nobody waits longer than the
// deadline, whatever the resolver does.
#include "compiler/netblock_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Addresses = std::vector<IpAddress>;

constexpr std::chrono::milliseconds kLong{100'000};
constexpr std::chrono::milliseconds kShort{50};

std::vector<std::string> many_names(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(fmt::format("m{}.example", i));
  return names;
}

// A resolver whose look-ups wait until the test opens it. The look-ups share it, so that one that
// outlives its test finds it.
class Gate {
 public:
  Result<Addresses> pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    most_ = std::max(most_, inside_);
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    --inside_;
    changed_.notify_all();
    return Addresses{*IpAddress::parse("192.0.2.1")};
  }
  // Opens as soon as so many wait.
  void open_at(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= count; });
    open_ = true;
    changed_.notify_all();
  }
  void wait_until_empty() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ == 0; });
  }
  size_t most() {
    const std::lock_guard lock(mutex_);
    return most_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t inside_ = 0, most_ = 0;
  bool open_ = false;
};

// All of them must be inside of the resolver at once before the first one is answered: one after
// the other would end at the deadline.
TEST(NetblockNames, AreResolvedSideBySideByABoundedNumberOfThreads) {
  const auto gate = std::make_shared<Gate>();
  const auto resolver =
      make_parallel_resolver([gate](const std::string&) { return gate->pass(); }, kLong);
  const auto names = many_names(10 * kResolverThreadsMax);
  std::thread opener([&] { gate->open_at(kResolverThreadsMax); });
  const auto results = resolver->resolve(names);
  opener.join();
  ASSERT_EQ(results.size(), names.size());
  for (const auto& result : results) EXPECT_TRUE(result);
  EXPECT_EQ(gate->most(), kResolverThreadsMax);
}

TEST(NetblockNames, EachResultBelongsToItsName) {
  const auto resolver = make_parallel_resolver(
      [](const std::string& name) -> Result<Addresses> {
        if (name.ends_with("3.example")) return fail(ErrorKind::kNotFound, "{}: unknown", name);
        return Addresses{IpAddress::from_ipv4(static_cast<uint32_t>(name.size()))};
      },
      kLong);
  const auto names = many_names(200);
  const auto results = resolver->resolve(names);
  for (size_t i = 0; i < names.size(); ++i) {
    if (i % 10 == 3) {
      ASSERT_FALSE(results[i]);
      EXPECT_THAT(results[i].error().message, HasSubstr(names[i] + ": unknown"));
    } else {
      ASSERT_TRUE(results[i]);
      EXPECT_THAT(*results[i],
                  ElementsAre(IpAddress::from_ipv4(static_cast<uint32_t>(names[i].size()))));
    }
  }
}

// The look-ups end only after resolve() has returned: if it waited for them, this test would never
// end. A thousand names cost one deadline, not a thousand.
TEST(NetblockNames, NobodyWaitsLongerThanTheDeadline) {
  const auto gate = std::make_shared<Gate>();
  const auto resolver = make_parallel_resolver(
      [gate](const std::string& name) -> Result<Addresses> {
        if (name == "quick.example") return Addresses{*IpAddress::parse("192.0.2.7")};
        return gate->pass();
      },
      kShort);
  auto names = many_names(1000);
  names.insert(names.begin(), "quick.example");
  const auto begin = std::chrono::steady_clock::now();
  const auto results = resolver->resolve(names);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, kShort);
  EXPECT_LT(took, 300 * kShort);
  ASSERT_TRUE(results[0]);
  EXPECT_THAT(*results[0], ElementsAre(*IpAddress::parse("192.0.2.7")));
  for (size_t i = 1; i < names.size(); ++i) {
    ASSERT_FALSE(results[i]);
    EXPECT_EQ(results[i].error().message, names[i] + ": no answer within 50 ms");
  }
  gate->open_at(0);
  gate->wait_until_empty();
  // Those that had not begun never do.
  EXPECT_LE(gate->most(), kResolverThreadsMax);
}

class Named : public ::testing::Test {
 protected:
  std::vector<std::string> add(NetblockResolver& resolver) {
    World world;
    const auto fresh =
        add_named_netblocks(netblocks_, remembered_, resolver, 1'700'000'000, world, diagnostics_);
    remembered_count_ = fresh.size();
    std::vector<std::string> all;
    for (const auto& netblock : world.netblocks)
      all.push_back(fmt::format("{} {}", netblock.prefix.to_string(), netblock.host));
    return all;
  }

  std::vector<NamedNetblock> netblocks_ = {
      {1, "known.example", 4}, {2, "new.example", 5}, {3, "known.example", 6}};
  RememberedNames remembered_ = {{"known.example", {{*IpAddress::parse("192.0.2.9")}, 1}}};
  Diagnostics diagnostics_;
  size_t remembered_count_ = 0;
};

TEST_F(Named, ASilentResolverLeavesTheLastGoodAnswersAndWarnings) {
  const auto gate = std::make_shared<Gate>();
  const auto resolver =
      make_parallel_resolver([gate](const std::string&) { return gate->pass(); }, kShort);
  EXPECT_THAT(add(*resolver), ElementsAre("192.0.2.9/32 4", "192.0.2.9/32 6"));
  EXPECT_EQ(remembered_count_, 0u);
  EXPECT_EQ(diagnostics_.count("host_netblock",
                               "names could not be resolved; the last good answer is used"),
            2u);
  EXPECT_EQ(
      diagnostics_.count("host_netblock", "names could not be resolved and never were; left out"),
      1u);
  gate->open_at(0);
  gate->wait_until_empty();
}

// An empty memory is none: the netblock is gone, and not in silence.
TEST_F(Named, AnEmptyMemoryIsNoAnswer) {
  remembered_["known.example"].addresses.clear();
  const auto resolver = make_parallel_resolver(
      [](const std::string&) -> Result<Addresses> { return fail(ErrorKind::kNotFound, "no"); },
      kLong);
  EXPECT_TRUE(add(*resolver).empty());
  EXPECT_EQ(
      diagnostics_.count("host_netblock", "names could not be resolved and never were; left out"),
      3u);
}

TEST_F(Named, ThoseThatWaitLongestAreAskedFirst) {
  class Recorder final : public NetblockResolver {
   public:
    std::vector<std::string> asked;
    std::vector<Result<Addresses>> resolve(std::span<const std::string> names) override {
      asked.assign(names.begin(), names.end());
      return std::vector<Result<Addresses>>(names.size(), Addresses{});
    }
  } recorder;
  netblocks_.push_back({4, "aged.example", 1});
  remembered_["aged.example"].resolved_at = 0;
  (void)add(recorder);
  EXPECT_THAT(recorder.asked, ElementsAre("new.example", "aged.example", "known.example"));
}

}  // namespace
}  // namespace mirror

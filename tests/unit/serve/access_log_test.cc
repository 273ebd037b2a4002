#include "edge/serve/access_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>

namespace mirror {
namespace {

using std::chrono::steady_clock;

constexpr uint64_t kNever = 1'000'000'000;

class AccessLogTest : public testing::Test {
 protected:
  ~AccessLogTest() override { ::unlink(path_.c_str()); }

  static void push(LineRing& ring, std::string_view line) {
    const std::array<std::string_view, 1> pieces = {line};
    ASSERT_TRUE(ring.push(pieces));
  }
  [[nodiscard]] size_t written() const {
    struct stat file {};
    return ::stat(path_.c_str(), &file) == 0 ? static_cast<size_t>(file.st_size) : 0;
  }

  [[nodiscard]] std::string text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::string path_ = testing::TempDir() + "/access_log_test." + std::to_string(::getpid());
  const Log log_{"access_log_test", LogLevel::kError};
};

// Without being told that a ring fills it would not look before its pause is over.
TEST_F(AccessLogTest, WritesWithoutAPauseWhatFillsARing) {
  const std::string line = std::string(999, 'x') + "\n";
  const std::array<std::string_view, 1> pieces = {line};
  auto log = AccessLog::open(path_, 2, log_, kNever);
  ASSERT_TRUE(log.has_value());
  const auto end = steady_clock::now() + std::chrono::seconds(30);
  size_t pushed = 0;
  while (pushed < 10 * kLogRingBytes && steady_clock::now() < end) {
    if ((*log)->ring(1).push(pieces)) {
      pushed += line.size();
    } else {
      std::this_thread::yield();
    }
  }
  EXPECT_GE(pushed, 10 * kLogRingBytes);
  log->reset();
  EXPECT_EQ(written(), pushed);
}

TEST_F(AccessLogTest, WritesTheLinesOfEveryRingAtItsEnd) {
  {
    auto log = AccessLog::open(path_, 2, log_, kNever);
    ASSERT_TRUE(log.has_value());
    push((*log)->ring(0), "a\n");
    push((*log)->ring(1), "b\n");
    push((*log)->ring(0), "c\n");
  }
  std::ifstream file(path_);
  std::multiset<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.insert(line);
  EXPECT_EQ(lines, (std::multiset<std::string>{"a", "b", "c"}));
}

TEST_F(AccessLogTest, WritesAfterThePause) {
  auto log = AccessLog::open(path_, 1, log_, 1);
  ASSERT_TRUE(log.has_value());
  push((*log)->ring(0), "a\n");
  const auto end = steady_clock::now() + std::chrono::seconds(30);
  while (written() < 2 && steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(written(), 2u);
}

// A limit of the file's size is like a disk that is full: some bytes of a line still fit.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &limit_), 0);
    const rlimit small{bytes, limit_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    ::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  sighandler_t handler_;
  rlimit limit_{};
};

TEST_F(AccessLogTest, ACutLineEndsBeforeTheNextOneHoweverManyAreLost) {
  auto log = AccessLog::open(path_, 1, log_, 1);
  ASSERT_TRUE(log.has_value());
  const auto lost = [&](uint64_t lines) {
    const auto end = steady_clock::now() + std::chrono::seconds(30);
    while ((*log)->lines_lost() < lines && steady_clock::now() < end) std::this_thread::yield();
    return (*log)->lines_lost();
  };
  {
    const FullDisk disk(10);
    push((*log)->ring(0), "first..\n");
    push((*log)->ring(0), "second.\n");
    ASSERT_EQ(lost(1), 1u);
    push((*log)->ring(0), "third..\n");
    push((*log)->ring(0), "fourth.\n");
    ASSERT_EQ(lost(3), 3u);
  }
  push((*log)->ring(0), "fifth..\n");
  log->reset();
  EXPECT_EQ(text(), "first..\nse\nfifth..\n");
}

TEST_F(AccessLogTest, ALineThatAnotherProcessLeftEndsBeforeTheFirstOne) {
  std::ofstream(path_) << "whole\ncut";
  for (int i = 0; i < 2; ++i) {
    auto log = AccessLog::open(path_, 1, log_, kNever);
    ASSERT_TRUE(log.has_value());
    push((*log)->ring(0), "next\n");
  }
  EXPECT_EQ(text(), "whole\ncut\nnext\nnext\n");
}

}  // namespace
}  // namespace mirror

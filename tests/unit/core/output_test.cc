#include "base/core/output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace mirror {
namespace {

// Prints with `descriptor` in place of stdout.
Result<void> print_to(int descriptor, std::string_view text) {
  std::fflush(stdout);
  const int kept = ::dup(STDOUT_FILENO);
  ::dup2(descriptor, STDOUT_FILENO);
  auto printed = print_out(text);
  __fpurge(stdout);
  ::dup2(kept, STDOUT_FILENO);
  ::close(kept);
  return printed;
}

TEST(PrintOut, WritesEverythingAtOnce) {
  ::testing::internal::CaptureStdout();
  const std::string text = std::string(100'000, 'x') + "\n";
  EXPECT_TRUE(print_out(text));
  EXPECT_TRUE(print_out(""));
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), text);
}

TEST(PrintOut, AFullDiskIsAnError) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  for (const size_t size : {size_t{1}, size_t{1'000'000}}) {
    const auto printed = print_to(full, std::string(size, 'x'));
    ASSERT_FALSE(printed);
    EXPECT_EQ(printed.error().system_errno, ENOSPC);
    EXPECT_THAT(printed.error().message, ::testing::HasSubstr("standard output"));
  }
  ::close(full);
}

TEST(PrintOut, AClosedPipeIsAnErrorAndNotTheEnd) {
  make_closed_pipes_errors();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ::close(ends[0]);
  const auto printed = print_to(ends[1], "lost");
  ::close(ends[1]);
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error().system_errno, EPIPE);
}

}  // namespace
}  // namespace mirror

#include "edge/serve/thread.h"

#include <gtest/gtest.h>

#include <string>

namespace mirror {
namespace {

TEST(StartThread, NamesItAndKeepsSignalsAway) {
  std::string name(16, '\0');
  int masked = -1;
  auto thread = start_thread("some-name", [&] {
    pthread_getname_np(pthread_self(), name.data(), name.size());
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    masked = sigismember(&mask, SIGTERM);
  });
  ASSERT_TRUE(thread);
  thread->join();
  EXPECT_EQ(name.substr(0, name.find('\0')), "some-name");
  EXPECT_EQ(masked, 1);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
}

}  // namespace
}  // namespace mirror

#include "edge/serve/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <csignal>
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

TEST(StartThread, SaysSoWhereThereIsNoRoomForOne) {
  pthread_attr_t before;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  pthread_attr_t huge;
  pthread_attr_init(&huge);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, size_t{1} << 46), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  const auto thread = start_thread("some-name", [] {});
  pthread_setattr_default_np(&before);
  ASSERT_FALSE(thread);
  EXPECT_NE(thread.error().message.find("some-name"), std::string::npos);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
}

}  // namespace
}  // namespace mirror

// The new process's side of a hand-over, where the old one does not do its part. The rest needs two
// processes: tests/system/edge/hand_over_test.py.
#include "edge/serve/hand_over.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "base/core/unique_fd.h"

namespace mirror {
namespace {

class TakeOverTest : public testing::Test {
 protected:
  ~TakeOverTest() override { ::unlink(path_.c_str()); }
  const std::string path_ = testing::TempDir() + "/take_over." + std::to_string(::getpid());
};

TEST_F(TakeOverTest, NobodyThereIsNothingToTakeOver) {
  const auto taken = TakeOver::begin(path_, 1);
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken, nullptr);
}

// A process that is stopped: first one waits in its queue, then the queue is full.
TEST_F(TakeOverTest, DoesNotWaitForEverForWhoAcceptsNobody) {
  const auto old_one = open_hand_over_socket(path_);
  ASSERT_TRUE(old_one) << old_one.error().message;
  ASSERT_EQ(::listen(old_one->fd.get(), 0), 0);
  const auto in_the_queue = TakeOver::begin(path_, 20);
  ASSERT_FALSE(in_the_queue);
  EXPECT_EQ(in_the_queue.error().message.find("accepted nobody"), std::string::npos)
      << in_the_queue.error().message;
  const auto before_it = TakeOver::begin(path_, 20);
  ASSERT_FALSE(before_it);
  EXPECT_NE(before_it.error().message.find("accepted nobody for 20 ms"), std::string::npos)
      << before_it.error().message;
}

}  // namespace
}  // namespace mirror

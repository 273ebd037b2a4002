// The holders of a worker's memory: blocks, rings, lists.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/core/random.h"
#include "edge/serve/block_pool.h"
#include "edge/serve/connection.h"
#include "edge/serve/line_ring.h"
#include "tests/unit/answer/seed.h"

namespace mirror {
namespace {

TEST(BlockPool, GivesEachBlockOnce) {
  BlockPool pool({64, 10});
  std::set<char*> taken;
  for (int i = 0; i < 10; ++i) {
    char* block = pool.take();
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(taken.insert(block).second);
  }
  EXPECT_EQ(pool.take(), nullptr);
  EXPECT_EQ(pool.available(), 0u);
  char* last = *taken.begin();
  pool.give_back(last);
  EXPECT_EQ(pool.take(), last);
}

TEST(LineRing, WholeLinesOrNone) {
  LineRing ring(16);
  const std::array<std::string_view, 3> line = {"abc", std::string_view(), "def\n"};
  EXPECT_TRUE(ring.push(line));
  EXPECT_TRUE(ring.push(line));
  EXPECT_FALSE(ring.push(line));
  EXPECT_EQ(ring.peek()[0], "abcdef\nabcdef\n");
  ring.consume(7);
  EXPECT_TRUE(ring.push(line));
  const auto parts = ring.peek();
  EXPECT_EQ(std::string(parts[0]) + std::string(parts[1]), "abcdef\nabcdef\n");
  EXPECT_FALSE(parts[1].empty());
}

TEST(LineRing, SaysOnceThatItIsHalfFull) {
  int calls = 0;
  LineRing ring(16, [&calls] { ++calls; });
  const std::array<std::string_view, 1> line = {"abc\n"};
  for (const int expected : {0, 0, 1, 1}) {
    EXPECT_TRUE(ring.push(line));
    EXPECT_EQ(calls, expected);
  }
  EXPECT_FALSE(ring.push(line));
  ring.consume(8);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(ring.push(line));
  EXPECT_EQ(calls, 2);
}

TEST(LineRing, BetweenTwoThreads) {
  LineRing ring(1024);
  constexpr int kLines = 3000;
  const uint64_t seed = test_seed();
  std::string expected;
  Random lengths(seed);
  std::vector<std::string> lines;
  for (int i = 0; i < kLines; ++i) {
    lines.push_back(std::to_string(i) + std::string(lengths.below(40), 'x') + "\n");
    expected += lines.back();
  }
  std::thread writer([&] {
    for (const auto& line : lines) {
      const std::array<std::string_view, 1> pieces = {line};
      while (!ring.push(pieces)) std::this_thread::yield();
    }
  });
  std::string got;
  while (got.size() < expected.size()) {
    const auto parts = ring.peek();
    for (const auto part : parts) got += part;
    ring.consume(parts[0].size() + parts[1].size());
  }
  writer.join();
  EXPECT_EQ(got, expected);
}

TEST(ConnectionList, KeepsOrder) {
  std::array<Connection, 4> connections;
  ConnectionList list;
  for (auto& connection : connections) list.push_back(&connection);
  EXPECT_EQ(list.front(), &connections[0]);
  list.remove(&connections[1]);
  list.remove(&connections[0]);
  EXPECT_EQ(list.front(), &connections[2]);
  list.push_back(&connections[0]);
  list.remove(&connections[2]);
  list.remove(&connections[3]);
  EXPECT_EQ(list.front(), &connections[0]);
  EXPECT_EQ(list.size(), 1u);
  list.remove(&connections[0]);
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace mirror

// Many histories of an edge, each from a seed. MIRROR_SEED sets the first one, MIRROR_SEEDS how
// many there are.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/simulation.h"
#include "tests/unit/answer/seed.h"

namespace mirror::sim {
namespace {

constexpr uint64_t kSeeds = 200;
constexpr uint64_t kRepeated = 5;

// Of the history that is under way. What is checked by an assertion within it aborts the program.
char current_seed[64];

void say_seed(int) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, current_seed, sizeof current_seed);
}

uint64_t seed_count() {
  const char* text = std::getenv("MIRROR_SEEDS");
  return text == nullptr ? kSeeds : std::strtoull(text, nullptr, 10);
}

TEST(EdgeSimulation, EveryHistoryIsRight) {
  const Library library;
  const uint64_t first = test_seed() % 1'000'000'000;
  std::signal(SIGABRT, say_seed);
  Simulation::Totals totals;
  for (uint64_t seed = first; seed < first + seed_count(); ++seed) {
    std::snprintf(current_seed, sizeof current_seed,
                  "the history of MIRROR_SEED=%ju MIRROR_SEEDS=1\n", uintmax_t{seed});
    Simulation simulation(seed, library);
    const auto fault = simulation.run();
    ASSERT_EQ(fault, "") << "MIRROR_SEED=" << seed << " MIRROR_SEEDS=1";
    totals.clients += simulation.totals().clients;
    totals.answers += simulation.totals().answers;
    totals.swaps += simulation.totals().swaps;
    totals.refusals += simulation.totals().refusals;
    totals.excused += simulation.totals().excused;
  }
  std::cout << totals.clients << " clients, " << totals.answers << " answers, " << totals.swaps
            << " swaps, " << totals.refusals << " refusals, " << totals.excused
            << " clients cut off for a reason" << std::endl;
  EXPECT_GT(2 * totals.answers, totals.clients);
  EXPECT_GT(totals.swaps, 0u);
}

TEST(EdgeSimulation, OneSeedOneHistory) {
  const Library library;
  for (uint64_t seed = 1; seed <= kRepeated; ++seed) {
    Simulation once(seed, library);
    Simulation again(seed, library);
    EXPECT_EQ(once.run(), "");
    EXPECT_EQ(again.run(), "");
    EXPECT_EQ(once.history(), again.history());
  }
}

}  // namespace
}  // namespace mirror::sim

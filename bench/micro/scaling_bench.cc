// What a second worker gains: answers of the edge's own request path on one thread and on two,
// against what pure arithmetic gains from a second core of this machine in the same run. Workers
// that wrote a shared cache line for each request, or waited for each other, would gain less than
// arithmetic does; a core that is shared or slowed down takes the same from both.
//
// There are no sockets in this: on two cores a load generator would need one of them. Each thread
// has what a worker has (handler, counters, log ring) and its own core; the snapshot, the GeoIP
// database and the questions are shared, as in an edge, and the edge's own log thread empties the
// rings, into /dev/null. It runs in all measurements, on whichever core, and finds nothing to do in
// those of arithmetic. One thread is measured on either core, and
// their mean counts. Speeds are items a second of CPU time, which other programs on the machine
// disturb least, and of wall-clock time; rounds alternate the measurements, and the median of the
// rounds' ratios counts. Four additions to one shared counter for each answer, put in as a trial,
// lowered the ratio by 0.05; other programs, which use up the caches, lower it as much. Therefore a
// round in which they took more than a twentieth of a core is repeated, at most four times as often
// as there are rounds, and it is said if that was not enough.
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <barrier>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/core/command_line.h"
#include "base/core/log.h"
#include "base/core/random.h"
#include "bench/micro/replay_world.h"
#include "edge/serve/access_log.h"

namespace mirror::bench {
namespace {

constexpr size_t kThreads = 2;
constexpr double kShareLeast = 0.95;
constexpr int64_t kAttempts = 5;  // for each round

struct Options {
  ReplayWorld::Paths paths;
  int64_t rounds = 9;
  int64_t milliseconds = 300;
};

// Items a second.
struct Speed {
  double by_cpu = 0;
  double by_wall = 0;
  double share = 1;  // of its core that the thread got; of several, the least
};

// Does some items and returns how many, on the thread with this number.
using Work = std::function<uint64_t(size_t thread)>;

int64_t now_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::vector<int> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

class Stopwatch {
 public:
  explicit Stopwatch(int64_t milliseconds) : wanted_ns_(milliseconds * 1'000'000) {
    const auto cores = usable_cores();
    for (size_t i = 0; i < kThreads; ++i) cores_.push_back(cores[i % cores.size()]);
    if (cores.size() < kThreads)
      fmt::print(stderr, "scaling_bench: only one core, so there is nothing to gain\n");
  }

  // The speeds of all threads together.
  [[nodiscard]] Speed measure_together(const Work& work) const {
    Speed speeds[kThreads];
    std::barrier start(kThreads);
    std::vector<std::thread> running;
    for (size_t i = 0; i < kThreads; ++i) {
      running.emplace_back([&, i] {
        pin(i);
        start.arrive_and_wait();
        speeds[i] = measure_here(i, work);
      });
    }
    for (auto& thread : running) thread.join();
    return sum(speeds);
  }
  // The speed of one thread: the mean of each alone on its core.
  [[nodiscard]] Speed measure_alone(const Work& work) const {
    Speed speeds[kThreads];
    for (size_t i = 0; i < kThreads; ++i) {
      std::thread([&] {
        pin(i);
        speeds[i] = measure_here(i, work);
      }).join();
    }
    const Speed both = sum(speeds);
    return {both.by_cpu / kThreads, both.by_wall / kThreads, both.share};
  }

 private:
  [[nodiscard]] static Speed sum(std::span<const Speed> speeds) {
    Speed sum;
    for (const Speed& speed : speeds) {
      sum.by_cpu += speed.by_cpu;
      sum.by_wall += speed.by_wall;
      sum.share = std::min(sum.share, speed.share);
    }
    return sum;
  }
  void pin(size_t thread) const {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cores_[thread], &set);
    ::sched_setaffinity(0, sizeof set, &set);
  }

  [[nodiscard]] Speed measure_here(size_t thread, const Work& work) const {
    const int64_t begin = now_ns(CLOCK_MONOTONIC);
    const int64_t cpu_begin = now_ns(CLOCK_THREAD_CPUTIME_ID);
    uint64_t items = 0;
    while (now_ns(CLOCK_MONOTONIC) - begin < wanted_ns_) items += work(thread);
    const auto cpu = static_cast<double>(now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_begin);
    const auto wall = static_cast<double>(now_ns(CLOCK_MONOTONIC) - begin);
    return {static_cast<double>(items) * 1e9 / cpu, static_cast<double>(items) * 1e9 / wall,
            cpu / wall};
  }

  const int64_t wanted_ns_;
  std::vector<int> cores_;
};

// Several operations a cycle and no memory, like code that is bound by its core alone.
class Arithmetic {
 public:
  uint64_t operator()(size_t thread) {
    Random random(thread);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < kItems; ++i) sum += random.next();
    // The result is kept, so that the work is; a thread has its own cache line for it.
    results_[thread].value = sum;
    return kItems;
  }

 private:
  static constexpr uint64_t kItems = 100'000;
  struct alignas(64) Result {
    uint64_t value = 0;
  };
  Result results_[kThreads];
};

class Answers {
 public:
  Answers(const ReplayWorld& world, AccessLog& log) : world_(world) {
    for (size_t i = 0; i < kThreads; ++i) {
      threads_.push_back(std::make_unique<Thread>(world, i, log.ring(i)));
      threads_.back()->next = world.questions().size() / kThreads * i;
    }
  }
  uint64_t operator()(size_t number) {
    Thread& thread = *threads_[number];
    for (uint64_t i = 0; i < kItems; ++i) {
      thread.bytes += thread.replayer.answer(thread.next).slices[0].size();
      if (++thread.next == world_.questions().size()) thread.next = 0;
    }
    return kItems;
  }
  // Lines that found their ring full, of all. A worker that drops lines has less to do.
  [[nodiscard]] double share_dropped() const {
    uint64_t dropped = 0;
    uint64_t all = 0;
    for (const auto& thread : threads_) {
      const WorkerCounters& counters = thread->replayer.counters();
      dropped += counters.log_lines_dropped.get();
      all += counters.log_lines.get() + counters.log_lines_dropped.get();
    }
    return all == 0 ? 0 : static_cast<double>(dropped) / static_cast<double>(all);
  }

 private:
  static constexpr uint64_t kItems = 64;
  struct alignas(64) Thread {
    Thread(const ReplayWorld& world, size_t number, LineRing& log)
        : replayer(world, {true, number, &log}) {}
    Replayer replayer;
    size_t next = 0;
    uint64_t bytes = 0;
  };
  const ReplayWorld& world_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// What a kind of work reached with one thread and with two.
struct Pair {
  Speed one, two;

  Pair(const Stopwatch& watch, const Work& work)
      : one(watch.measure_alone(work)), two(watch.measure_together(work)) {}
  [[nodiscard]] double gain(double Speed::*by) const { return two.*by / (one.*by); }
  [[nodiscard]] bool quiet() const { return std::min(one.share, two.share) >= kShareLeast; }
};

struct Round {
  Pair edge, arithmetic;
  [[nodiscard]] bool quiet() const { return edge.quiet() && arithmetic.quiet(); }
};

template <typename Value>
double median_of(const std::vector<Round>& rounds, Value value) {
  std::vector<double> values;
  for (const Round& round : rounds) values.push_back(value(round));
  return median(std::move(values));
}

void print(const char* clock, const std::vector<Round>& rounds, double Speed::*by) {
  const auto ratio = [by](const Round& round) {
    return round.edge.gain(by) / round.arithmetic.gain(by);
  };
  const auto [least, most] =
      std::minmax_element(rounds.begin(), rounds.end(),
                          [&](const Round& a, const Round& b) { return ratio(a) < ratio(b); });
  fmt::print(
      "by {}: 1 thread {:.0f} answers/s, 2 threads {:.0f}; gain of the edge {:.3f}, of arithmetic "
      "{:.3f}, ratio {:.3f} (least {:.3f}, most {:.3f})\n",
      clock, median_of(rounds, [by](const Round& round) { return round.edge.one.*by; }),
      median_of(rounds, [by](const Round& round) { return round.edge.two.*by; }),
      median_of(rounds, [by](const Round& round) { return round.edge.gain(by); }),
      median_of(rounds, [by](const Round& round) { return round.arithmetic.gain(by); }),
      median_of(rounds, ratio), ratio(*least), ratio(*most));
}

Result<void> run(const Options& options) {
  MIRROR_TRY(const auto world, ReplayWorld::open(options.paths));
  const Stopwatch watch(options.milliseconds);
  const Log log("scaling_bench", LogLevel::kError);
  MIRROR_TRY(const auto access_log, AccessLog::open("/dev/null", kThreads, log));
  Answers answers(*world, *access_log);
  Arithmetic arithmetic;
  // Both threads have touched everything before they are measured.
  static_cast<void>(watch.measure_together(std::ref(answers)));
  std::vector<Round> rounds, quiet;
  for (int64_t i = 0; i < options.rounds * kAttempts; ++i) {
    const Pair edge(watch, std::ref(answers));
    rounds.push_back({edge, Pair(watch, std::ref(arithmetic))});
    if (rounds.back().quiet()) quiet.push_back(rounds.back());
    if (static_cast<int64_t>(quiet.size()) == options.rounds) break;
  }
  const bool enough = static_cast<int64_t>(quiet.size()) == options.rounds;
  fmt::print("{} of {} rounds were left alone by other programs{}\n", quiet.size(), rounds.size(),
             enough ? "" : "; the figures are of all rounds, and not the edge's alone");
  fmt::print("{:.2f} % of the log lines were dropped\n", 100 * answers.share_dropped());
  print("CPU time", enough ? quiet : rounds, &Speed::by_cpu);
  print("wall clock", enough ? quiet : rounds, &Speed::by_wall);
  return {};
}

}  // namespace
}  // namespace mirror::bench

int main(int argc, char** argv) {
  mirror::CommandLine line("scaling_bench", "What a second worker gains, without sockets.");
  mirror::bench::Options options;
  options.paths.declare(line);
  line.option("--rounds", &options.rounds, 1, 1000, "Alternations; medians count");
  line.option("--milliseconds", &options.milliseconds, 1, 100'000, "Length of a measurement");
  if (const auto code = line.parse(argc, argv)) return *code;
  if (const auto done = mirror::bench::run(options); !done) {
    fmt::print(stderr, "scaling_bench: {}\n", done.error().message);
    return mirror::exit_code(done.error());
  }
  return 0;
}

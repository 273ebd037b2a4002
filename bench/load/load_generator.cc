// The command line of load.h: asks the questions of a world, prints one line of key=value pairs,
// and fails loudly if any answer failed.
#include <algorithm>
#include <cstdio>
#include <string>

#include "base/core/command_line.h"
#include "bench/load/load.h"

namespace mirror::bench {
namespace {

constexpr const char* kFooter =
    "Prints one line of key=value pairs. Times are microseconds from the moment at which a "
    "request\n"
    "was due to the last byte of its answer; p99_quiet_us is the p99 of those that were due while\n"
    "the --disturber did not run, quiet_percent of all, and missing if there were none; "
    "lag_p99_us\n"
    "is how late the generator itself was: as long as it is not small against the p99, the "
    "generator was measured. cpu_us_per_answer is "
    "CPU\n"
    "time of the server's process by its own clock. failed_KIND counts failures of a kind.\n"
    "Exit codes: 0 every answer was good, 1 some were not or no load could be made, 2 usage.";

struct Command {
  LoadOptions load;
  std::string targets;
};

void declare(CommandLine& line, Command& command) {
  LoadOptions& load = command.load;
  line.option("--port", &load.port, 0, 65535, "Port of the server on 127.0.0.1");
  line.option("--unix", &load.unix_path, "Unix socket of the server, instead of a port");
  line.option("--targets", &command.targets,
              "File with lines TARGET<tab>CLIENT<tab>STATUS; the latter two are optional");
  line.option("--rate", &load.rate, 1, 1'000'000, "Requests a second");
  line.option("--seconds", &load.seconds, 1, 3600, "Length of what is counted");
  line.option("--requests", &load.requests, 0, 1'000'000'000,
              "How many are counted, instead of --seconds");
  line.option("--warm-up", &load.warm_up_seconds, 0, 3600,
              "Seconds before that, which are not counted");
  line.option("--connections", &load.connections, 1, 20000, "Kept-alive connections");
  line.option("--one-shot", &load.one_shot_percent, 0, 100,
              "Percent of requests that open a connection of their own and have it closed");
  line.option("--pid", &load.pid, 0, 1 << 30, "Process of the server, to read its CPU time");
  line.option("--disturber", &load.disturber, 0, 1 << 30,
              "Process that takes cores away now and then and is not to be measured");
  line.option("--seed", &load.seed, 0, INT64_MAX, "Seed of the mix");
  line.option("--patience", &load.patience_seconds, 1, 3600,
              "Seconds to wait for answers after the last request was due");
  line.flag("--sleep", &load.sleep, "Sleep between events instead of spinning");
  line.flag("--reconnect", &load.reconnect,
            "Open idle connections again that the server closes, as HTTP clients do");
  line.flag("--generations", &load.check_generations,
            "Check that x-mirrorlist-generation is there and never goes back on a connection");
  line.option("--generation-lowest", &load.generation_lowest, 0, INT64_MAX,
              "The lowest that --generations accepts");
  line.option("--generation-highest", &load.generation_highest, 0, INT64_MAX,
              "The highest that --generations accepts");
  line.require("--targets");
  line.footer(kFooter);
}

double quantile_us(const std::vector<int64_t>& sorted, double quantile) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<size_t>(quantile * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[at]) / 1e3;
}

void print(const LoadOptions& options, const LoadResult& result) {
  const auto answers = result.latencies_ns.size();
  const auto count = static_cast<double>(std::max<size_t>(answers, 1));
  fmt::print("answers={} failed={} seconds={:.2f} rate={:.0f} bytes_per_answer={:.0f}", answers,
             result.failed(), result.seconds, static_cast<double>(answers) / result.seconds,
             static_cast<double>(result.bytes) / count);
  fmt::print(" p50_us={:.0f} p90_us={:.0f} p99_us={:.0f} p999_us={:.0f} max_us={:.0f}",
             quantile_us(result.latencies_ns, 0.5), quantile_us(result.latencies_ns, 0.9),
             quantile_us(result.latencies_ns, 0.99), quantile_us(result.latencies_ns, 0.999),
             quantile_us(result.latencies_ns, 1));
  if (!result.quiet_ns.empty())
    fmt::print(" p99_quiet_us={:.0f}", quantile_us(result.quiet_ns, 0.99));
  fmt::print(" quiet_percent={:.0f}", 100 * static_cast<double>(result.quiet_ns.size()) / count);
  fmt::print(" lag_p99_us={:.0f}", quantile_us(result.lags_ns, 0.99));
  if (options.pid > 0) {
    fmt::print(" cpu_us_per_answer={:.2f}",
               static_cast<double>(result.cpu_ns) / 1e3 /
                   static_cast<double>(std::max<uint64_t>(result.cpu_answers, 1)));
  }
  if (options.one_shot_percent > 0) fmt::print(" one_shots={}", result.one_shots);
  if (options.reconnect) fmt::print(" reconnects={} retries={}", result.reconnects, result.retries);
  if (options.check_generations) fmt::print(" generation_changes={}", result.generation_changes);
  for (size_t i = 0; i < kLoadFailures; ++i) {
    if (result.failures[i] > 0)
      fmt::print(" failed_{}={}", name_of(static_cast<LoadFailure>(i)), result.failures[i]);
  }
  fmt::print("\n");
}

int run(const Command& command) {
  const auto questions = WorldQuestions::read(command.targets);
  if (!questions) {
    fmt::print(stderr, "load_generator: {}\n", questions.error().message);
    return exit_code(questions.error());
  }
  const auto result = make_load(command.load, *questions);
  if (!result) {
    fmt::print(stderr, "load_generator: {}\n", result.error().message);
    return exit_code(result.error());
  }
  print(command.load, *result);
  if (result->failed() == 0) return kExitDone;
  fmt::print(stderr, "load_generator: {} failed; the first: {}\n", result->failed(),
             result->first_failure);
  return kExitFailed;
}

}  // namespace
}  // namespace mirror::bench

int main(int argc, char** argv) {
  mirror::CommandLine line("load_generator", "Open-loop HTTP load on loopback.");
  mirror::bench::Command command;
  mirror::bench::declare(line, command);
  if (const auto code = line.parse(argc, argv)) return *code;
  const auto& load = command.load;
  if ((load.port == 0) == load.unix_path.empty())
    return line.usage_error("either --port or --unix is needed");
  return mirror::bench::run(command);
}

// Replays the questions of a world through the edge's own request path, without sockets: CPU time
// and bytes of an answer by kind, on real data and with its cache misses, and a digest of all
// answers, by which two builds can be told to have given the same ones.
//
// Each kind is replayed alone, in the order of the file, and then all questions as they stand: that
// is dearer than the sum of the kinds by what they take from each other's caches. The bytes are not
// copied anywhere: that is the kernel's work. One thread, CPU time of that thread, median of the
// rounds.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "base/core/command_line.h"
#include "base/core/digest.h"
#include "base/core/files.h"
#include "base/core/text.h"
#include "bench/micro/replay_world.h"

namespace mirror::bench {
namespace {

struct Options {
  ReplayWorld::Paths paths;
  std::string sizes;  // "": not wanted
  int64_t rounds = 5;
  bool parse = false;
};

// A part of the questions, and what it cost.
struct Part {
  std::string_view name;
  std::vector<uint32_t> questions;
  uint64_t bytes = 0;
  std::vector<double> ns;  // an answer, a round each
};

int64_t thread_cpu_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

std::vector<Part> parts_of(const ReplayWorld& world) {
  std::vector<Part> parts(kReplayKinds + 1);
  for (size_t i = 0; i < kReplayKinds; ++i) parts[i].name = name_of(static_cast<ReplayKind>(i));
  Part& all = parts[kReplayKinds];
  all.name = "all";
  all.questions.resize(world.questions().size());
  std::iota(all.questions.begin(), all.questions.end(), 0u);
  for (const uint32_t i : all.questions)
    parts[static_cast<size_t>(world.kind(i))].questions.push_back(i);
  std::erase_if(parts, [](const Part& part) { return part.questions.empty(); });
  return parts;
}

void replay(Replayer& replayer, Part& part) {
  uint64_t bytes = 0;
  const int64_t begin = thread_cpu_ns();
  for (const uint32_t i : part.questions) {
    for (const auto slice : replayer.answer(i).slices) bytes += slice.size();
  }
  const int64_t end = thread_cpu_ns();
  part.bytes = bytes;
  part.ns.push_back(static_cast<double>(end - begin) / static_cast<double>(part.questions.size()));
}

// Every answer from a fresh seed, chained; an answer with another status than its question expects
// is an error.
Result<uint64_t> digest_of(const ReplayWorld& world, bool parse) {
  Replayer replayer(world, {parse, 42});
  uint64_t digest = 0;
  std::string bytes;
  for (size_t i = 0; i < world.questions().size(); ++i) {
    bytes.assign(reinterpret_cast<const char*>(&digest), sizeof digest);
    for (const auto slice : replayer.answer(i).slices) bytes += slice;
    digest = digest64(bytes);
    const WorldQuestion& question = world.questions()[i];
    // "HTTP/1.1 200", after the digest so far.
    const auto status = parse_uint64(std::string_view(bytes).substr(sizeof digest + 9, 3));
    if (question.status != 0 && status != question.status) {
      return fail(ErrorKind::kInvalid, "{}: status {}, expected {}", question.target,
                  status.value_or(0), question.status);
    }
  }
  return digest;
}

// A target a question, `/BYTES/SLICES` of its answer, and its client: what baseline_server answers.
// Slashes, which it passes over, make it as long as the question's target.
Result<void> write_sizes(const ReplayWorld& world, const std::string& path) {
  Replayer replayer(world, {});
  std::string lines;
  for (size_t i = 0; i < world.questions().size(); ++i) {
    size_t bytes = 0;
    size_t slices = 0;
    for (const auto slice : replayer.answer(i).slices) {
      bytes += slice.size();
      slices += slice.empty() ? 0 : 1;
    }
    const auto& question = world.questions()[i];
    auto target = fmt::format("/{}/{}", bytes, slices);
    target.resize(std::max(target.size(), question.target.size()), '/');
    lines += fmt::format("{}\t{}\n", target, question.client);
  }
  return replace_file(path, lines);
}

void print(Part& part) {
  std::sort(part.ns.begin(), part.ns.end());
  fmt::print("{:9} {:7} answers {:8.0f} bytes {:9.0f} ns an answer (least {:.0f}, most {:.0f})\n",
             part.name, part.questions.size(),
             static_cast<double>(part.bytes) / static_cast<double>(part.questions.size()),
             part.ns[part.ns.size() / 2], part.ns.front(), part.ns.back());
}

Result<void> run(const Options& options) {
  MIRROR_TRY(const auto world, ReplayWorld::open(options.paths));
  if (!options.sizes.empty()) return write_sizes(*world, options.sizes);
  // First, since it also warms every page.
  MIRROR_TRY(const uint64_t digest, digest_of(*world, options.parse));
  auto parts = parts_of(*world);
  Replayer replayer(*world, {options.parse, 42});
  for (int64_t round = 0; round < options.rounds; ++round) {
    for (Part& part : parts) replay(replayer, part);
  }
  for (Part& part : parts) print(part);
  fmt::print("digest of the answers: {:016x}\n", digest);
  return {};
}

}  // namespace
}  // namespace mirror::bench

int main(int argc, char** argv) {
  mirror::CommandLine line("replay_bench", "Replays questions through the edge's request path.");
  mirror::bench::Options options;
  options.paths.declare(line);
  line.option("--rounds", &options.rounds, 1, 1000, "How often; the median counts");
  line.option("--sizes", &options.sizes,
              "Only write the sizes of the answers to this file, as targets for baseline_server");
  line.flag("--parse", &options.parse, "Read the bytes of each request with the HTTP parser, too");
  if (const auto code = line.parse(argc, argv)) return *code;
  if (const auto done = mirror::bench::run(options); !done) {
    fmt::print(stderr, "replay_bench: {}\n", done.error().message);
    return mirror::exit_code(done.error());
  }
  return 0;
}

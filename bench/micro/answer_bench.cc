// What one answer costs, in CPU time of one core, and its parts: locate (who is the client), choose
// (which mirrors, in which order), render.
//
// Estimate, at 3 GHz and 3 instructions a cycle: a question of 60 bytes is parsed in 150 ns; a
// directory is found by a hash and one cache miss or two, 100 ns; locate is three searches of 12 to
// 17 steps, 100 ns. A mirror costs about 60 instructions to be considered, drawn and sorted, and
// about 50 to be copied into a list (60 bytes of base, 60 of path) or 80 into a metalink (200
// bytes): 100 mirrors take 1.2 us, a list of them 1.9 us in all, a metalink of 130 mirrors with 170
// URLs 2.5 us.
//
// --smoke: a small world and few iterations, for the tests.
// --answers=N: exactly so many of each benchmark of whole answers, and no answer besides, for
// whoever counts instructions (bench/micro/instructions).
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/digest.h"
#include "base/core/text.h"
#include "bench/micro/answer_world.h"
#include "edge/answer/answerer.h"
#include "edge/answer/directory_choice.h"
#include "edge/answer/list_reply.h"
#include "edge/answer/metalink_reply.h"
#include "edge/answer/mirror_choice.h"
#include "edge/answer/place.h"
#include "edge/answer/question.h"
#include "edge/answer/url_filter.h"

namespace mirror::bench {
namespace {

constexpr uint64_t kSeed = 42;

const IpAddress& client() {
  static const IpAddress address = *IpAddress::parse(AnswerWorld::kClient);
  return address;
}

// The whole way, from a target to the bytes of a reply.
void whole_answer(benchmark::State& state, const AnswerWorld& world, const std::string& target) {
  Answerer answerer({}, kSeed);
  answerer.adopt(&world.view(), nullptr);
  size_t bytes = 0;
  int status = 0;
  for (auto _ : state) {
    const Reply reply = answerer.answer({target, client(), 1'700'000'000});
    bytes = reply.body_size() + reply.location.size();
    status = reply.status;
    benchmark::DoNotOptimize(bytes);
  }
  if (status >= 400) state.SkipWithError(fmt::format("status {}", status).c_str());
  state.counters["bytes"] = static_cast<double>(bytes);
}

// The parts of an answer, held ready so that one of them can be repeated.
struct Parts {
  Parts(const SnapshotView& snapshot, const std::string& target) : view(snapshot), random(kSeed) {
    scratch.allocate(kDirectoryScratchMax);
    header.allocate(1 << 16);
    body.allocate(view.body_size_max + kTargetSizeMax);
    tail.allocate();
    chooser.adopt(view);
    question = reader.read(target).value();
    directory = choose_directory(view, question, scratch).value();
    Locator locator;
    locator.adopt(view, nullptr);
    place = locator.locate(client(), question.use_networks);
  }
  MirrorChooser::Choice choose(const UrlFilter& filter) {
    header.clear();
    const uint32_t set = view.directories[directory.directory].carrier_set();
    return chooser.choose({question, place, filter, set, 5, &header}, random);
  }

  const SnapshotView& view;
  Random random;
  QuestionReader reader;
  MirrorChooser chooser;
  TextBuffer scratch, header, body;
  UrlTail tail;
  Question question;
  DirectoryChoice directory;
  Place place;
};

void locate_client(benchmark::State& state, const AnswerWorld& world) {
  Random random(kSeed);
  std::vector<IpAddress> clients(4096);
  for (IpAddress& address : clients) {
    address = IpAddress::from_ipv4(static_cast<uint32_t>(random.next()));
  }
  Locator locator;
  locator.adopt(world.view(), nullptr);
  size_t at = 0;
  for (auto _ : state) {
    const Place place = locator.locate(clients[at++ & 4095], true);
    benchmark::DoNotOptimize(place.country_index);
  }
}

void read_question(benchmark::State& state, const AnswerWorld& world, const std::string& target) {
  Parts parts(world.view(), target);
  for (auto _ : state) {
    parts.scratch.clear();
    const auto question = parts.reader.read(target);
    const auto directory = choose_directory(parts.view, *question, parts.scratch);
    benchmark::DoNotOptimize(directory->directory);
  }
}

void choose_mirrors(benchmark::State& state, const AnswerWorld& world, const std::string& target) {
  Parts parts(world.view(), target);
  const UrlFilter filter(parts.view, parts.question);
  size_t mirrors = 0;
  for (auto _ : state) {
    mirrors = parts.choose(filter).mirrors.size();
    benchmark::DoNotOptimize(mirrors);
  }
  state.counters["mirrors"] = static_cast<double>(mirrors);
}

void render_list(benchmark::State& state, const AnswerWorld& world, const std::string& target) {
  Parts parts(world.view(), target);
  const UrlFilter filter(parts.view, parts.question);
  const auto choice = parts.choose(filter);
  for (auto _ : state) {
    parts.body.clear();
    parts.tail.set_plain(parts.view, parts.directory, "\n");
    append_list_urls(parts.view, filter, choice.mirrors, parts.tail, parts.body);
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = static_cast<double>(parts.body.size());
}

void render_metalink(benchmark::State& state, const AnswerWorld& world, const std::string& target) {
  Parts parts(world.view(), target);
  const UrlFilter filter(parts.view, parts.question);
  const auto choice = parts.choose(filter);
  for (auto _ : state) {
    parts.body.clear();
    parts.tail.set_xml(parts.view, parts.directory, kMetalinkTailEnd);
    append_metalink_urls(parts.view, {filter, choice.mirrors, kNone, parts.tail}, parts.body);
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = static_cast<double>(parts.body.size());
}

std::string repository_target(const char* resource, uint32_t size) {
  return fmt::format("/{}?repo=answers-{}&arch=x86_64", resource, size);
}

std::string path_target(uint32_t size, const char* file) {
  return fmt::format(
      "/mirrorlist?path=pub/fedora/linux/answers/{}/Everything/x86_64/os/{}&redirect=1", size,
      file);
}

// `answers`: how many of each whole answer; 0: as many as it takes to time them.
void register_all(const AnswerWorld& world, int64_t answers) {
  using benchmark::RegisterBenchmark;
  const std::string list10 = repository_target("mirrorlist", 10);
  const std::string list100 = repository_target("mirrorlist", 100);
  const std::string metalink130 = repository_target("metalink", 130);
  const std::string redirect100 = path_target(100, "file.iso");
  const auto register_whole = [&](const char* name, const std::string& target) {
    auto* const added = RegisterBenchmark(name, whole_answer, std::cref(world), target);
    if (answers > 0) added->Iterations(answers);
  };
  register_whole("answer/list/10", list10);
  register_whole("answer/list/100", list100);
  register_whole("answer/metalink/130", metalink130);
  register_whole("answer/redirect/100", redirect100);
  RegisterBenchmark("question", read_question, std::cref(world), list100);
  RegisterBenchmark("locate", locate_client, std::cref(world));
  RegisterBenchmark("choose/10", choose_mirrors, std::cref(world), list10);
  RegisterBenchmark("choose/100", choose_mirrors, std::cref(world), list100);
  RegisterBenchmark("choose/130", choose_mirrors, std::cref(world), metalink130);
  RegisterBenchmark("render/list/100", render_list, std::cref(world), list100);
  RegisterBenchmark("render/metalink/130", render_metalink, std::cref(world), metalink130);
}

// A hash of what was answered: two runs that differ in it did not measure the same thing.
void print_digest(const AnswerWorld& world) {
  Answerer answerer({}, kSeed);
  answerer.adopt(&world.view(), nullptr);
  std::string all;
  for (const uint32_t size : AnswerWorld::kAnswerSizes) {
    for (const std::string& target :
         {repository_target("mirrorlist", size), repository_target("metalink", size),
          path_target(size, "file.iso")}) {
      const Reply reply = answerer.answer({target, client(), 1'700'000'000});
      for (const std::string_view part : reply.body) all += part;
      all += reply.location;
    }
  }
  fmt::print("digest of the answers: {:016x}\n", digest64(all));
}

}  // namespace
}  // namespace mirror::bench

int main(int argc, char** argv) {
  constexpr std::string_view kAnswers = "--answers=";
  mirror::bench::AnswerWorldOptions options;
  std::vector<char*> arguments;
  std::string few = "--benchmark_min_time=0.001";
  int64_t answers = 0;
  for (char* const text : std::span(argv, static_cast<size_t>(argc))) {
    const std::string_view argument = text;
    if (argument == "--smoke") {
      options.directory_count = 100;
      options.prefix_count = 1000;
      arguments.push_back(few.data());
    } else if (argument.starts_with(kAnswers)) {
      answers =
          static_cast<int64_t>(mirror::parse_uint64(argument.substr(kAnswers.size())).value_or(0));
    } else {
      arguments.push_back(text);
    }
  }
  auto count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  const mirror::bench::AnswerWorld world(options);
  mirror::bench::register_all(world, answers);
  benchmark::RunSpecifiedBenchmarks();
  if (answers == 0) mirror::bench::print_digest(world);
  return 0;
}

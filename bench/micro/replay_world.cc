#include "bench/micro/replay_world.h"

#include <algorithm>
#include <array>

#include "base/core/assert.h"
#include "base/core/command_line.h"
#include "edge/serve/limits.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror::bench {
namespace {

RequestHandler::Options handler_options(const ReplayWorld& world, LineRing& log, uint64_t seed) {
  RequestHandler::Options options;
  options.trusted_proxies = &world.trusted_proxies();
  options.log = &log;
  options.seed = seed;
  return options;
}

// All answers are of one second, so that the same seed gives the same bytes.
constexpr int64_t kNow = 1'790'000'000;
// A line has at most 12 KB, a usual one 80 bytes: the ring has room for the usual ones.
constexpr uint32_t kLinesKept = 4096;

std::vector<IpPrefix> loopback() {
  return {*IpPrefix::parse("127.0.0.0/8"), *IpPrefix::parse("::1")};
}

ReplayKind kind_of(std::string_view target) {
  if (target.starts_with("/metalink?")) return ReplayKind::kMetalink;
  if (target.find("redirect") != std::string_view::npos) return ReplayKind::kRedirect;
  const bool plain = std::count(target.begin(), target.end(), '&') == 1;
  return plain && target.starts_with("/mirrorlist?repo=dist") ? ReplayKind::kList
                                                              : ReplayKind::kOther;
}

}  // namespace

std::string_view name_of(ReplayKind kind) {
  constexpr std::array<std::string_view, kReplayKinds> kNames = {"metalink", "list", "redirect",
                                                                 "others"};
  return kNames[static_cast<size_t>(kind)];
}

void ReplayWorld::Paths::declare(CommandLine& line) {
  line.option("--snapshots", &snapshots, "Directory that mirror-compile published to");
  line.option("--geoip", &geoip, "MaxMind DB file with the countries of clients");
  line.option("--requests", &questions, "Questions, as make_world --inputs writes them");
  line.require("--snapshots");
  line.require("--requests");
}

ReplayWorld::ReplayWorld(WorldQuestions questions)
    : trusted_proxies_(loopback()), questions_(std::move(questions)) {
  for (const WorldQuestion& question : questions_.all()) {
    begins_.push_back(requests_.size());
    question.append_request(false, requests_);
    kinds_.push_back(kind_of(question.target));
  }
  begins_.push_back(requests_.size());
}

Result<std::unique_ptr<ReplayWorld>> ReplayWorld::open(const Paths& paths) {
  MIRROR_TRY(WorldQuestions questions, WorldQuestions::read(paths.questions));
  std::unique_ptr<ReplayWorld> world(new ReplayWorld(std::move(questions)));
  const SnapshotDirectory directory(paths.snapshots);
  MIRROR_TRY(const Current current, directory.current());
  MIRROR_TRY(Snapshot snapshot, directory.open(current));
  world->generation_.ordinal = 1;
  world->generation_.sequence = current.name.sequence;
  world->generation_.snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  if (!paths.geoip.empty()) {
    MIRROR_TRY(world->generation_.geo, GeoDatabase::open(paths.geoip));
  }
  return world;
}

Replayer::Replayer(const ReplayWorld& world, const Options& options)
    : world_(world),
      options_(options),
      peer_{IpAddress::from_ipv4(0x7f000001), false},
      own_log_(options.log == nullptr ? std::make_unique<LineRing>(kLogRingBytes) : nullptr),
      handler_(handler_options(world, own_log_ ? *own_log_ : *options.log, options.seed),
               counters_) {
  handler_.adopt(world.generation());
  handler_.set_time(kNow);
  head_.keep_alive = true;
  head_.forwarded_for_count = 1;
}

Response Replayer::answer(size_t index) {
  if (options_.parse) {
    const auto outcome = http_.parse(world_.request(index), &head_);
    MIRROR_ASSERT(outcome == HttpConnection::Outcome::kRequest);
  } else {
    const WorldQuestion& question = world_.questions()[index];
    head_.target = question.target;
    head_.forwarded_for_values[0] = question.client;
  }
  if (own_log_ && ++unread_lines_ == kLinesKept) {
    unread_lines_ = 0;
    const auto lines = own_log_->peek();
    own_log_->consume(lines[0].size() + lines[1].size());
  }
  return handler_.respond(head_, peer_, false);
}

}  // namespace mirror::bench

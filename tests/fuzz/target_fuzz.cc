// Any bytes as the target of a request, asked of an edge that holds a random world: what it answers
// is what the oracle permits, and never holds bytes that could break a list, a header or a log.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/core/assert.h"
#include "base/core/text.h"
#include "edge/answer/answerer.h"
#include "edge/answer/limits.h"
#include "tests/fuzz/fuzz_world.h"
#include "tests/property/expectation.h"

namespace {

using namespace mirror;

struct Setting {
  AlignedBytes bytes{fuzz_world().compiled.file};
  SnapshotView view = *validate(bytes.bytes());
  Answerer answerer{AnswerOptions{fuzz_world().world.minimum, true}, 1};
  OracleWorld oracle{&fuzz_world().world.rows,
                     fuzz_world().world.country_continent_csv,
                     fuzz_world().world.global_netblocks,
                     {},
                     fuzz_world().world.names};
  Setting() {
    answerer.adopt(&view, nullptr);
    oracle.minimum = fuzz_world().world.minimum;
    oracle.created_at = view.created_at;
  }
};

// Whether HTTP lets such a target through to the answerer.
bool can_be_a_target(std::string_view target) {
  return (target.starts_with('/') || target.starts_with("http://")) &&
         std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7f; }) &&
         target.find_first_of("\"<>") == std::string_view::npos;
}

// Beyond the limits of edge/answer/limits.h the oracle, which has none, need not agree.
bool is_within_limits(std::string_view target) {
  return target.size() <= 4096 && std::count(target.begin(), target.end(), ',') < 16 &&
         target.find("%2c") == target.npos && target.find("%2C") == target.npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Setting setting;
  const std::string target(reinterpret_cast<const char*>(data), size);
  const IpAddress client = *IpAddress::parse("10.0.1.1");
  const Reply reply = setting.answerer.answer({target, client, 1'700'000'000});
  const std::string unsafe = unsafe_part(reply);
  if (can_be_a_target(target)) MIRROR_ASSERT(unsafe.empty());
  MIRROR_ASSERT(std::all_of(reply.location.begin(), reply.location.end(),
                            [](char c) { return c > ' ' && c < 0x7f; }));
  for (const std::string_view field : {reply.log_country, reply.log_repo, reply.log_arch})
    MIRROR_ASSERT(!reply.logged || field.find_first_of(" ;\r\n") == field.npos);
  MIRROR_ASSERT(reply.body_size() <= setting.view.body_size_max + 64 * (size + 64));
  if (!can_be_a_target(target) || !is_within_limits(target) || reply.status == 400) return 0;

  const OracleAnswer want = oracle_answer(setting.oracle, {target, client, 1'700'000'000});
  const std::string said = difference(want, reply);
  const bool long_name = reply.status == 404 && target.size() > kFileNameMax;
  if (!said.empty() && !long_name)
    std::fprintf(stderr, "%s: %s\n%s\n", target.c_str(), said.c_str(),
                 describe(want, reply).c_str());
  MIRROR_ASSERT(said.empty() || long_name);
  return 0;
}

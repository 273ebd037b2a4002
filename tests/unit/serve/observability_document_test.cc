// edge/OBSERVABILITY.md against what the edge says: its tables name every metric, status field,
// explanation field and code, and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "edge/answer/explanation.h"
#include "edge/serve/metrics_report.h"
#include "edge/serve/status_report.h"
#include "tests/unit/answer/mmdb_writer.h"
#include "tests/unit/serve/test_snapshots.h"

namespace mirror {
namespace {

using testing::ContainerEq;

using Words = std::set<std::string>;

// What stands in backquotes in the first column of the table whose first column is called `head`.
// `.x` after `a.b` means `a.x`.
Words documented(const std::string& head, const std::string& file = "edge/OBSERVABILITY.md") {
  const char* source = std::getenv("MIRROR_SOURCE");
  const std::string text = read_bytes((source == nullptr ? "." : source) + ("/" + file));
  const size_t begin = text.find("\n| " + head + " |");
  EXPECT_NE(begin, std::string::npos) << file << " has no table of " << head;
  if (begin == std::string::npos) return {};
  std::istringstream lines(text.substr(begin + 1));
  std::string line, full;
  std::getline(lines, line);
  std::getline(lines, line);
  Words words;
  while (std::getline(lines, line) && line.starts_with('|')) {
    std::istringstream pieces(line.substr(0, line.find('|', 1)));
    std::string between, word;
    while (std::getline(pieces, between, '`') && std::getline(pieces, word, '`')) {
      full = word.starts_with('.') ? full.substr(0, full.rfind('.')) + word : word;
      EXPECT_TRUE(words.insert(full).second) << full << " stands twice in the table of " << head;
    }
  }
  return words;
}

// Whether an enumeration has this value: the compiler writes one that it does not have as a cast.
template <auto kValue>
consteval bool is_enumerator() {
  return std::string_view(__PRETTY_FUNCTION__).find("= (") == std::string_view::npos;
}

template <typename Enum, size_t kValue = 0>
void add_codes(Words& out) {
  constexpr auto kEnumerator = static_cast<Enum>(kValue);
  if constexpr (is_enumerator<kEnumerator>()) {
    if constexpr (requires { code_of(kEnumerator); }) {
      out.emplace(code_of(kEnumerator));
    } else {
      out.emplace(name_of(kEnumerator));
    }
    add_codes<Enum, kValue + 1>(out);
  }
}

template <typename Enum>
Words codes() {
  Words words;
  add_codes<Enum>(words);
  return words;
}

// Every value of a document, as `object.array[].name`; those of objects and arrays that are empty
// or null are missing, so that a test must fill them.
void add_paths(const rapidjson::Value& value, const std::string& path, Words& out) {
  if (value.IsObject()) {
    for (const auto& member : value.GetObject()) {
      const std::string name(member.name.GetString(), member.name.GetStringLength());
      add_paths(member.value, path.empty() ? name : path + "." + name, out);
    }
  } else if (value.IsArray()) {
    for (const auto& element : value.GetArray()) add_paths(element, path + "[]", out);
  } else {
    out.insert(path);
  }
}

Words paths_of(const std::string& json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  EXPECT_FALSE(document.HasParseError()) << json;
  Words paths;
  add_paths(document, "", paths);
  return paths;
}

// An edge with everything that it may tell of: a snapshot, a GeoIP database, an access log, a
// refusal.
class TalkativeEdge {
 public:
  TalkativeEdge() {
    MmdbWriter writer(4);
    writer.add("192.0.2.0/24", "DE");
    write_bytes(directory_.file("geoip.mmdb"), writer.bytes());
    publish_snapshot(directory_.path(), make_snapshot("a"));
    EXPECT_TRUE(publisher_.start().has_value());
    write_bytes(directory_.file("geoip.mmdb"), "nonsense");
    publisher_.look(true);
    auto log = AccessLog::open(directory_.file("access.log"), 1, log_);
    EXPECT_TRUE(log.has_value());
    access_log_ = std::move(*log);
    limits_.connections = 1;
    limits_.read_buffers = 1;
    Worker::Options options;
    options.handler.trusted_proxies = &proxies_;
    options.limits = limits_;
    options.clock = &clock_;
    options.control = &control_;
    auto worker = Worker::create(options, {});
    EXPECT_TRUE(worker.has_value());
    workers_.push_back(std::move(*worker));
  }
  [[nodiscard]] StatusInput input() const {
    return {publisher_, workers_, access_log_.get(), urls_, {200, "200 ready\n"}, limits_};
  }

 private:
  TemporaryDirectory directory_;
  TestClock clock_;
  const Log log_{"test", LogLevel::kNothing};
  TestSink sink_;
  UvLoop loop_;
  Wakeup control_{loop_.get(), [] {}};
  const TrustedProxies proxies_{{}};
  const std::vector<std::string> urls_ = {"http://127.0.0.1:3000"};
  Publisher publisher_{{directory_.path(), directory_.file("geoip.mmdb"), 0}, clock_, log_, sink_};
  std::unique_ptr<AccessLog> access_log_;
  WorkerLimits limits_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

// One with something in every field; no real one is refused and has mirrors of every kind.
Explanation full_explanation() {
  Explanation told;
  told.generation.geoip_type = "a type";
  told.question.emplace();
  told.question->countries = {"DE"};
  told.question->notes = {"a note"};
  told.directory.emplace().has_category = true;
  told.client.emplace();
  told.client->netblocks.emplace_back();
  told.client->asn_hosts.emplace_back();
  told.refusal.emplace();
  ExplainedGroup& group = told.groups.emplace_back();
  group.countries = {"DE"};
  group.mirrors.emplace_back().urls = {"http://a.example/"};
  told.absences.emplace_back().reasons.emplace_back();
  return told;
}

TEST(ObservabilityDocumentTest, Metrics) {
  const TalkativeEdge edge;
  std::istringstream lines(render_metrics(edge.input()));
  std::string line;
  Words said;
  while (std::getline(lines, line)) {
    constexpr std::string_view kType = "# TYPE mirror_edge_";
    if (!line.starts_with(kType)) continue;
    std::istringstream words(line.substr(kType.size()));
    std::string name, type;
    words >> name >> type;
    said.insert(name);
    // As the document says it.
    EXPECT_EQ(type, name.ends_with("_total")              ? "counter"
                    : name.ends_with("_duration_seconds") ? "histogram"
                                                          : "gauge")
        << name;
  }
  EXPECT_THAT(documented("metric"), ContainerEq(said));
}

TEST(ObservabilityDocumentTest, Labels) {
  EXPECT_THAT(documented("`resource`"),
              ContainerEq(Words(kCountedResourceNames.begin(), kCountedResourceNames.end())));
  EXPECT_THAT(documented("`group`"), ContainerEq(codes<AnswerGroup>()));
  EXPECT_THAT(documented("`reason`"),
              ContainerEq(Words(kRequestFaultNames.begin(), kRequestFaultNames.end())));
  Words statuses;
  for (const uint16_t status : kStatuses) statuses.insert(std::to_string(status));
  EXPECT_THAT(documented("`status`"), ContainerEq(statuses));
}

TEST(ObservabilityDocumentTest, StatusFields) {
  const TalkativeEdge edge;
  Words said = paths_of(render_status(edge.input()));
  // The document names these names once, among the metrics.
  const auto fold = [&said](const std::string& object, const auto& names) {
    for (const auto& name : names) {
      EXPECT_EQ(said.erase(object + std::string(name)), 1) << object << name;
    }
    said.insert(object + "*");
  };
  std::vector<std::string_view> counters;
  for (const NamedCounter& counter : named_counters()) counters.push_back(counter.name);
  fold("workers[].", counters);
  fold("counters.", counters);
  fold("counters.groups.", kAnswerGroupNames);
  fold("counters.refused_requests.", kRequestFaultNames);
  EXPECT_THAT(documented("status field"), ContainerEq(said));
  EXPECT_THAT(documented("`state`"), ContainerEq(codes<GenerationState>()));
}

TEST(ObservabilityDocumentTest, ExplanationFields) {
  EXPECT_THAT(documented("explanation field"),
              ContainerEq(paths_of(render_json(full_explanation()))));
}

TEST(ObservabilityDocumentTest, ExplanationCodes) {
  EXPECT_THAT(documented("`source`"), ContainerEq(codes<ClientSource>()));
  EXPECT_THAT(documented("`country_source`"), ContainerEq(codes<CountrySource>()));
  EXPECT_THAT(documented("`not_reached_because`"), ContainerEq(codes<GroupSkip>()));
  EXPECT_THAT(documented("refusal code"), ContainerEq(codes<Refusal::Reason>()));
  EXPECT_THAT(documented("reason", "README.md"), ContainerEq(codes<AbsenceReason>()));
}

TEST(ObservabilityDocumentTest, EnumerationsAreSeenToTheirEnd) {
  EXPECT_TRUE(is_enumerator<AbsenceReason::kRedirectHasMirror>());
  EXPECT_FALSE(is_enumerator<static_cast<AbsenceReason>(kAbsenceReasons)>());
  EXPECT_EQ(codes<AbsenceReason>().size(), kAbsenceReasons);
  EXPECT_EQ(codes<AnswerGroup>().size(), kAnswerGroups);
}

}  // namespace
}  // namespace mirror

// The conformance pack's fixture (its README says what the fields mean), put to the Answerer
// without HTTP: the rows that only an HTTP server can answer (methods, malformed targets) are left
// to the server's test. Exits with 77 if the pack is not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/clock.h"
#include "base/core/files.h"
#include "compiler/protobuf_import.h"
#include "compiler/tables.h"
#include "edge/answer/answerer.h"
#include "edge/answer/client_address.h"
#include "tests/unit/answer/answer_world.h"
#include "tests/unit/answer/seed.h"

namespace mirror {
namespace {

using Json = rapidjson::Value;

std::string fixture_folder() {
  const char* shared = std::getenv("MIRROR_SHARED");
  return std::string(shared == nullptr ? "../shared" : shared) + "/conformance/fixture";
}

template <typename T>
T must(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << result.error().message;
  return std::move(*result);
}

SnapshotInMemory import_fixture(const std::string& folder) {
  Diagnostics diagnostics;
  SystemClock clock;
  World world = must(import_protobuf(folder + "/world.proto", clock, true, diagnostics));
  ModelInputs inputs;
  inputs.country_continents =
      must(read_country_continents(folder + "/country_continent.csv", diagnostics));
  inputs.prefix_asns = must(read_prefix_asns(folder + "/netblocks.txt", diagnostics));
  inputs.created_at = world.created_at.value_or(0);
  return must(SnapshotInMemory::make(std::move(world), inputs));
}

// rapidjson's comparison operators call each other for ever in C++20.
std::string_view text_at(const Json& value) {
  return value.IsString() ? std::string_view(value.GetString(), value.GetStringLength())
                          : std::string_view();
}

// What an answer is compared with: the peer's fields, replaced by those that `ours` names.
struct Wanted {
  const Json& row;
  const Json* ours;
  [[nodiscard]] const Json& operator[](const char* name) const {
    return ours != nullptr && ours->HasMember(name) ? (*ours)[name] : row[name];
  }
};

bool contains(const Json& list, std::string_view text) {
  for (const Json& entry : list.GetArray()) {
    if (text_at(entry) == text) return true;
  }
  return false;
}

std::string text_of(const Reply& reply) {
  std::string text;
  for (const std::string_view part : reply.body) text += part;
  constexpr std::string_view kPubdate = "pubdate=\"";
  const size_t at = text.find(kPubdate);
  if (at == std::string::npos) return text;
  const size_t begin = at + kPubdate.size();
  return text.replace(begin, text.find('"', begin) - begin, "P");
}

std::string problem_of(const Reply& reply, const Wanted& wanted) {
  if (reply.status != wanted["status"].GetInt()) return "status " + std::to_string(reply.status);
  const std::string_view type =
      reply.type == ContentType::kMetalink ? "application/metalink+xml" : "text/plain";
  const std::string_view wanted_type = text_at(wanted["content_type"]);
  if (type != wanted_type && wanted_type != "*") {
    return "type " + std::string(type);
  }
  if (!reply.location.empty() || reply.status == 302) {
    if (!contains(wanted["locations"], reply.location))
      return "location " + std::string(reply.location);
    if (reply.body_size() != 0) return "a redirect with a body";
    return "";
  }
  const std::string text = text_of(reply);
  if (wanted["bodies"].IsArray() && !contains(wanted["bodies"], text)) return "body:\n" + text;
  return "";
}

class AnswerFixtureTest : public testing::Test {
 protected:
  AnswerFixtureTest()
      : world_(import_fixture(fixture_folder())),
        geo_(must(GeoDatabase::open(fixture_folder() + "/world.mmdb"))),
        answerer_({.minimum = 2}, test_seed()),
        trusted_({*IpPrefix::parse("127.0.0.0/8")}) {
    answerer_.adopt(&world_.view(), geo_.get());
  }

  std::string check(const Json& row) {
    std::vector<std::string_view> forwarded_for;
    for (const Json& header : row["headers"].GetArray()) {
      if (text_at(header[0]) == "X-Forwarded-For") forwarded_for.push_back(text_at(header[1]));
    }
    const Json* ours = row["ours"].IsObject() ? &row["ours"] : nullptr;
    const IpAddress client =
        resolve_client(Peer{IpAddress::from_ipv4(0x7f000001)}, forwarded_for, trusted_);
    const Reply reply = answerer_.answer({row["target"].GetString(), client, 1700000000});
    std::string problem = problem_of(reply, {row, ours});
    if (problem.empty() || ours == nullptr || !ours->HasMember("or")) return problem;
    for (const Json& other : (*ours)["or"].GetArray()) {
      if (problem_of(reply, {row, &other}).empty()) return "";
    }
    return problem;
  }

  SnapshotInMemory world_;
  std::unique_ptr<GeoDatabase> geo_;
  Answerer answerer_;
  TrustedProxies trusted_;
};

TEST_F(AnswerFixtureTest, EveryRowThatNeedsNoHttp) {
  const std::string text = must(read_file(fixture_folder() + "/examples.json", uint64_t{1} << 26));
  rapidjson::Document rows;
  rows.Parse(text.data(), text.size());
  ASSERT_TRUE(rows.IsArray());
  int checked = 0;
  for (const Json& row : rows.GetArray()) {
    // 405 and 400 are the HTTP layer's; HEAD is a GET without its body.
    if (text_at(row["method"]) != "GET" || row["n"].GetInt() == 142) continue;
    for (int times = 0; times < 24; ++times) {
      const std::string problem = check(row);
      EXPECT_EQ(problem, "") << "row " << row["n"].GetInt() << " " << row["target"].GetString();
      if (!problem.empty()) break;
    }
    ++checked;
  }
  EXPECT_GE(checked, 139);
}

}  // namespace
}  // namespace mirror

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!std::filesystem::exists(mirror::fixture_folder() + "/examples.json")) {
    std::cerr << "SKIPPED: no conformance pack at " << mirror::fixture_folder() << std::endl;
    return 77;
  }
  return RUN_ALL_TESTS();
}

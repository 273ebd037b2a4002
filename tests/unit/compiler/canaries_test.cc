#include "compiler/canaries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/unit/compiler/small_compile.h"

namespace mirror {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kQuestion = "/mirrorlist?repo=os&arch=x86_64";

std::string error_of(std::string_view text) {
  const auto parsed = parse_canaries(text, "canaries");
  return parsed ? "" : parsed.error().message;
}

// The faults of the questions of `text`, put to these rows.
std::vector<std::string> faults(const DatabaseRows& rows, const std::string& text) {
  const auto canaries = parse_canaries(text, "canaries");
  EXPECT_TRUE(canaries) << (canaries ? "" : canaries.error().message);
  return failed_canaries(compile_rows(rows).view, *canaries);
}
std::vector<std::string> faults(const std::string& text) { return faults(simple_rows(), text); }

TEST(CanaryFile, Lines) {
  const auto canaries = parse_canaries(
      "# comment\n\n \t \r\n"
      "/metalink?repo=os&arch=x86_64&country=DE  min=5\tcontains=a=b contains=c lacks=d lacks=e\r\n"
      "  # comment min=1\n"
      "/mirrorlist?path=pub",
      "file");
  ASSERT_TRUE(canaries);
  ASSERT_THAT(*canaries, SizeIs(2));
  const Canary& first = canaries->front();
  EXPECT_EQ(first.where, "file:4");
  EXPECT_EQ(first.target, "/metalink?repo=os&arch=x86_64&country=DE");
  EXPECT_EQ(first.min, 5u);
  EXPECT_THAT(first.contains, ElementsAre("a=b", "c"));
  EXPECT_THAT(first.lacks, ElementsAre("d", "e"));
  EXPECT_EQ(canaries->back().where, "file:6");
  EXPECT_EQ(canaries->back().min, 1u);
  EXPECT_THAT(*parse_canaries("", "file"), IsEmpty());
  EXPECT_THAT(*parse_canaries("# only this", "file"), IsEmpty());
}

TEST(CanaryFile, ErrorsNameLineAndRemedy) {
  const std::pair<std::string, const char*> cases[] = {
      {"repo=os&arch=x86_64", "write /mirrorlist?... or /metalink?..."},
      {"/elsewhere?repo=os&arch=x86_64", "write /mirrorlist?... or /metalink?..."},
      {"/mirrorlist", "either path=, or repo= and arch= must be specified"},
      {"/mirrorlist?repo=os", "either path=, or repo= and arch= must be specified"},
      {"/mirrorlist?path=%00", "control characters"},
      {"/mirrorlist?path=%ff", "not UTF-8"},
      {"/mirrorlist?path=a&country=" + std::string(100, ','), "too many names"},
      {"/mirrorlist?path=" + std::string(40'000, 'a'), "too long"},
      {"/mirrorlist?path=a&redirect", "ask for the list"},
      {"/mirrorlist?path=a&ip=none", "ip=\"none\" is no address"},
      {"/mirrorlist?path=a min", "write min=NUMBER, contains=TEXT or lacks=TEXT"},
      {"/mirrorlist?path=a min=", "write min=NUMBER"},
      {"/mirrorlist?path=a max=5", "\"max=5\" is no condition"},
      {"/mirrorlist?path=a min=few", "min=\"few\" is no number"},
      {"/mirrorlist?path=a min=-1", "is no number"},
      {"/mirrorlist?path=a min=99999999999999999999", "is no number"},
      {"/mirrorlist?path=a contains=", "is no condition"},
      {"/mirrorlist?path=a contains=\x01", "control bytes"},
      {"/mirrorlist?path=a lacks=\xff", "not UTF-8"},
      {"/mirrorlist?path=a /mirrorlist?path=b", "is no condition"},
  };
  for (const auto& [line, remedy] : cases) {
    const auto error = error_of("# first\n" + line + "\n/mirrorlist?path=a\n");
    EXPECT_THAT(error, HasSubstr("canaries:2: ")) << line;
    EXPECT_THAT(error, HasSubstr(remedy)) << line;
    EXPECT_EQ(error.find('\n'), std::string::npos) << line;
    EXPECT_LT(error.size(), 500u) << line;
  }
}

TEST(CanaryFile, HasLimits) {
  std::string text;
  for (size_t i = 0; i < kCanariesMax; ++i) text += "/mirrorlist?path=a\n";
  EXPECT_EQ(error_of(text), "");
  EXPECT_THAT(error_of(text + "/mirrorlist?path=a\n"), HasSubstr("canaries:10001: more than"));
  EXPECT_THAT(error_of(std::string(1'000'000, '\0')), HasSubstr("canaries:1: "));
  const auto missing = read_canaries("/nowhere/canaries");
  EXPECT_THAT(missing.error().message, HasSubstr("/nowhere/canaries"));
  EXPECT_FALSE(read_canaries(std::filesystem::temp_directory_path()));
}

TEST(CanaryFile, TheExampleIsOne) {
  const char* source = std::getenv("MIRROR_SOURCE");
  const auto canaries =
      read_canaries(std::string(source != nullptr ? source : ".") + "/ops/canaries.example");
  ASSERT_TRUE(canaries) << canaries.error().message;
  EXPECT_THAT(*canaries, SizeIs(6));
}

TEST(Canaries, Conditions) {
  const std::string question = kQuestion;
  EXPECT_THAT(faults(question), IsEmpty());
  EXPECT_THAT(faults(question + " min=2 contains=//one.example/ contains=/linux/os/ "
                                "lacks=three.example"),
              IsEmpty());
  EXPECT_THAT(faults(question + " min=3"),
              ElementsAre("canaries:1: \"/mirrorlist?repo=os&arch=x86_64\": 2 mirrors instead of "
                          "min=3: \"one.example\" (id 1), \"two.example\" (id 2)"));
  EXPECT_THAT(
      faults("\n" + question + " contains=three lacks=one"),
      ElementsAre("canaries:2: \"/mirrorlist?repo=os&arch=x86_64\": \"three\" is not in it; "
                  "\"one\" is in it"));
}

TEST(Canaries, CountryAndAddress) {
  auto rows = simple_rows();
  rows.host_netblocks.push_back({1, 2, "192.0.2.0/24"});
  rows.hosts[1].is_private = true;
  const std::string question = kQuestion;
  EXPECT_THAT(faults(rows, question + " min=1 lacks=two.example"), IsEmpty());
  EXPECT_THAT(faults(rows, question + "&ip=192.0.2.7 min=2 contains=two.example"), IsEmpty());
  EXPECT_THAT(faults(question + "&country=DE min=1 contains=one.example lacks=two.example"),
              IsEmpty());
  EXPECT_THAT(faults(question + "&country=SE lacks=one.example"), IsEmpty());
}

TEST(Canaries, ARefusalFails) {
  EXPECT_THAT(faults("/mirrorlist?repo=none&arch=x86_64 min=0"),
              ElementsAre(HasSubstr("status 404: \"# repo = none arch = x86_64 error: invalid repo "
                                    "or arch\"")));
  EXPECT_THAT(faults("/metalink?repo=os&arch=x86_64 min=0"), ElementsAre(HasSubstr("status 404")));
  auto rows = simple_rows();
  for (auto& row : rows.host_categories) row.always_up2date = false;
  EXPECT_THAT(faults(rows, std::string(kQuestion) + " min=0"), IsEmpty());
  EXPECT_THAT(faults(rows, kQuestion), ElementsAre(HasSubstr(": 0 mirrors instead of min=1")));
}

// The number of mirrors is told by another part of the answering code than the text: both must say
// the same, for any number of mirrors and in each run.
TEST(Canaries, AllMirrorsOfAnAnswerCount) {
  auto rows = simple_rows();
  for (int64_t id = 10; id < 310; ++id) {
    HostRow row = rows.hosts.front();
    row.id = id;
    row.name = fmt::format("host{}.example", id);
    row.country = id % 3 == 0 ? "DE" : "FR";
    rows.hosts.push_back(row);
    rows.host_categories.push_back({id, id, 1, true});
    rows.host_category_urls.push_back({id, id, fmt::format("http://host{}.example/a", id), false});
  }
  const auto snapshot = compile_rows(rows);
  const auto canaries = parse_canaries(
      "/mirrorlist?repo=os&arch=x86_64\n/mirrorlist?repo=os&arch=x86_64&country=de\n"
      "/mirrorlist?repo=os&arch=x86_64&country=SE\n",
      "canaries");
  ASSERT_TRUE(canaries);
  CanaryAsker asker(snapshot.view);
  CanaryAsker other(snapshot.view);
  ASSERT_THAT(*canaries, SizeIs(3));
  const size_t expected[] = {302, 101, 1};
  for (size_t i = 0; i < canaries->size(); ++i) {
    const auto answer = asker.ask((*canaries)[i]);
    EXPECT_THAT(answer.mirrors, SizeIs(expected[i]));
    EXPECT_EQ(std::ranges::count(answer.text, '\n'), expected[i] + 1);
    EXPECT_EQ(other.ask((*canaries)[i]).text, answer.text);
  }
}

}  // namespace
}  // namespace mirror

#include "edge/answer/question.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace mirror {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Reason = Refusal::Reason;

class QuestionTest : public testing::Test {
 protected:
  Question ask(const std::string& target) {
    target_ = target;
    const auto question = reader_.read(target_);
    EXPECT_TRUE(question.has_value()) << target;
    return question.value_or(Question{});
  }
  Reason refuse(const std::string& target) {
    target_ = target;
    const auto question = reader_.read(target_);
    EXPECT_FALSE(question.has_value()) << target;
    return question ? Reason::kNoRedirect : question.error().refusal.reason;
  }

  QuestionReader reader_;
  std::string target_;
};

TEST_F(QuestionTest, TheRawSuffixOfThePathNamesTheResource) {
  EXPECT_EQ(ask("/mirrorlist?path=a").resource, Resource::kMirrorlist);
  EXPECT_EQ(ask("/a/b/metalink?path=a").resource, Resource::kMetalink);
  EXPECT_EQ(ask("http://h.example/x/mirrorlist?path=a").resource, Resource::kMirrorlist);
  for (const char* target :
       {"/", "", "*", "/mirrorlist/", "/xmirrorlist", "/mirror%6cist?path=a", "/Mirrorlist",
        "mirrorlist", "http://mirrorlist", "http://h.example", "/?/mirrorlist", "h.example:80"}) {
    EXPECT_EQ(refuse(target), Reason::kUnknownResource) << target;
  }
}

TEST_F(QuestionTest, PathOrRepositoryAndArchitectureMustBeGiven) {
  for (const char* target : {"/mirrorlist", "/mirrorlist?repo=a", "/mirrorlist?arch=a",
                             "/mirrorlist?Path=a", "/mirrorlist??path=a", "/metalink?&&&"}) {
    EXPECT_EQ(refuse(target), Reason::kParametersMissing) << target;
  }
  EXPECT_TRUE(ask("/mirrorlist?repo=&arch=").has_repository);
  EXPECT_TRUE(ask("/mirrorlist?path").has_path);
  const Question both = ask("/mirrorlist?repo=r&arch=a&path=p");
  EXPECT_TRUE(both.has_path);
  EXPECT_TRUE(both.has_repository);
}

TEST_F(QuestionTest, NamesAndValuesAreDecodedButThePlusSignStays) {
  EXPECT_EQ(ask("/mirrorlist?path=%2Fpub%2ff+x").path, "/pub/f+x");
  EXPECT_EQ(ask("/mirrorlist?%70ath=a%3D%26%25").path, "a=&%");
  EXPECT_EQ(ask("/mirrorlist?path=caf%C3%A9").path, "caf\xc3\xa9");
  EXPECT_EQ(ask("/mirrorlist?path=%&repo=%4&arch=%zz").path, "%");
  EXPECT_EQ(ask("/mirrorlist?path=100%2").path, "100%2");
  EXPECT_EQ(ask("/mirrorlist?path=%%32%30").path, "%20") << "decoded once only";
}

TEST_F(QuestionTest, AValueGoesOnAfterItsSecondEqualsSignAndTheLastDuplicateWins) {
  EXPECT_EQ(ask("/mirrorlist?path=a=b=").path, "a=b=");
  EXPECT_EQ(ask("/mirrorlist?path=a&path=b&&path=c&").path, "c");
  EXPECT_EQ(ask("/mirrorlist?path=a&path").path, "");
  EXPECT_EQ(ask("/mirrorlist?path=a;country=SE").path, "a;country=SE");
  EXPECT_EQ(ask("/mirrorlist?path=a#&path=b").path, "a");
}

TEST_F(QuestionTest, ControlCharactersLineEndsAndBrokenTextAreRefused) {
  for (const char* text :
       {"%0a", "%0D", "%00", "%1f", "%7F", "%ff", "%c0%af", "%ed%a0%80", "%c3", "%ef%bf%be",
        "%ef%bf%bf", "%c2%80", "%c2%85", "%c2%9f", "%e2%80%a8", "%e2%80%a9"}) {
    for (const char* name : {"path", "repo", "arch", "country", "protocol"}) {
      const std::string target =
          std::string("/metalink?path=a&repo=a&arch=a&") + name + "=x" + text + "y";
      EXPECT_EQ(refuse(target), Reason::kBadText) << target;
    }
  }
  EXPECT_EQ(refuse(std::string("/mirrorlist?path=a\nb")), Reason::kBadText);
  EXPECT_EQ(refuse("/mirrorlist?path=\xff"), Reason::kBadText);
  EXPECT_EQ(ask("/mirrorlist?path=a&unknown=%0a&time=%0a").path, "a") << "never echoed";
  EXPECT_EQ(ask("/mirrorlist?path=%c2%a0%e2%80%a7%e2%80%aa").path,
            "\xc2\xa0\xe2\x80\xa7\xe2\x80\xaa");
}

TEST_F(QuestionTest, RequestedCountriesAreSortedByBytesWithoutDuplicates) {
  EXPECT_THAT(ask("/mirrorlist?path=a&country=se,US,SE,us,SE,,global").countries,
              ElementsAre("", "SE", "US", "global", "se", "us"));
  EXPECT_THAT(ask("/mirrorlist?path=a&country=").countries, IsEmpty());
  EXPECT_THAT(ask("/mirrorlist?path=a&country=SE%2CGB").countries, ElementsAre("GB", "SE"));
}

TEST_F(QuestionTest, NetworksAreUsedUnlessACountryOrNetblockSaysOtherwise) {
  EXPECT_TRUE(ask("/mirrorlist?path=a").use_networks);
  EXPECT_TRUE(ask("/mirrorlist?path=a&netblock=1&country=").use_networks);
  EXPECT_FALSE(ask("/mirrorlist?path=a&netblock=0").use_networks);
  EXPECT_FALSE(ask("/mirrorlist?path=a&netblock=").use_networks);
  EXPECT_FALSE(ask("/mirrorlist?path=a&netblock=true").use_networks);
  EXPECT_FALSE(ask("/mirrorlist?path=a&country=XX").use_networks);
}

TEST_F(QuestionTest, OptionsAreReadForTheResourceThatKnowsThem) {
  const Question list = ask("/mirrorlist?path=a&redirect=0&time&protocol=https,http,https");
  EXPECT_TRUE(list.wants_redirect);
  EXPECT_TRUE(list.wants_time);
  EXPECT_TRUE(list.has_protocol);
  EXPECT_EQ(list.protocol, "https,http,https");
  EXPECT_THAT(list.protocols, ElementsAre("http", "https"));
  EXPECT_THAT(ask("/mirrorlist?path=a&protocol").protocols, ElementsAre(""));
  EXPECT_FALSE(ask("/mirrorlist?path=a").has_protocol);
  EXPECT_FALSE(ask("/metalink?path=a&redirect=1").wants_redirect);
}

TEST_F(QuestionTest, LimitsAreClearRefusals) {
  std::string names = "X";
  for (size_t i = 1; i < kRequestedCountriesMax; ++i) names += ",X";
  EXPECT_THAT(ask("/mirrorlist?path=a&country=" + names).countries, ElementsAre("X"));
  EXPECT_EQ(refuse("/mirrorlist?path=a&country=X," + names), Reason::kTooManyNames);
  std::string protocols(kRequestedProtocolsMax, ',');
  EXPECT_EQ(refuse("/mirrorlist?path=a&protocol=" + protocols), Reason::kTooManyNames);
  std::string target = "/mirrorlist?path=";
  target.append(kTargetSizeMax - target.size(), '%');
  EXPECT_EQ(ask(target).path.size(), kTargetSizeMax - 17);
  EXPECT_EQ(refuse(target + "x"), Reason::kTargetTooLong);
}

TEST_F(QuestionTest, ManyParametersAreFine) {
  std::string target = "/mirrorlist?" + std::string(1500, '&') + "path=a";
  for (int i = 0; i < 1500; ++i) target += "&p" + std::to_string(i) + "=" + std::to_string(i);
  EXPECT_EQ(ask(target).path, "a");
}

}  // namespace
}  // namespace mirror

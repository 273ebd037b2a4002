#include "base/core/command_line.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/core/error.h"
#include "base/core/files.h"

namespace mirror {
namespace {

class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() : line_("program", "Does things.") {
    line_.option("-d,--database", &database_, "the database", "MIRROR_TEST_DATABASE");
    line_.option("-m,--minimum", &minimum_, 0, 100, "the minimum");
    line_.option("--listen", &listen_, "addresses");
    line_.flag("--quiet", &quiet_, "say nothing");
    ::unsetenv("MIRROR_TEST_DATABASE");
    char name[] = "/tmp/mirror-config-XXXXXX";
    const int fd = ::mkstemp(name);
    ::close(fd);
    config_ = name;
  }
  ~CommandLineTest() override {
    ::unsetenv("MIRROR_TEST_DATABASE");
    ::unlink(config_.c_str());
  }

  std::optional<int> parse(std::vector<std::string> arguments) {
    std::vector<const char*> argv = {"program"};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const auto code = line_.parse(static_cast<int>(argv.size()), argv.data());
    stderr_ = testing::internal::GetCapturedStderr();
    stdout_ = testing::internal::GetCapturedStdout();
    return code;
  }

  CommandLine line_;
  std::string database_ = "default";
  int64_t minimum_ = 5;
  std::vector<std::string> listen_;
  bool quiet_ = false;
  std::string config_, stderr_, stdout_;
};

TEST_F(CommandLineTest, KeepsDefaults) {
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_EQ(database_, "default");
  EXPECT_EQ(minimum_, 5);
}

TEST_F(CommandLineTest, AFlagBeatsTheEnvironmentBeatsTheFile) {
  ASSERT_TRUE(replace_file(
      config_, "database = \"file\"\nminimum = 7\nquiet = true\nlisten = [\"a\", \"b\"]\n"));
  EXPECT_EQ(parse({"--config", config_}), std::nullopt) << stderr_;
  EXPECT_EQ(database_, "file");
  EXPECT_EQ(minimum_, 7);
  EXPECT_TRUE(quiet_);
  EXPECT_EQ(listen_, (std::vector<std::string>{"a", "b"}));
  ::setenv("MIRROR_TEST_DATABASE", "environment", 1);
  EXPECT_EQ(parse({"--config", config_}), std::nullopt);
  EXPECT_EQ(database_, "environment");
  EXPECT_EQ(parse({"--config", config_, "-d", "flag"}), std::nullopt);
  EXPECT_EQ(database_, "flag");
}

TEST_F(CommandLineTest, TheLastOfRepeatedOptionsWinsAndListsGrow) {
  EXPECT_EQ(parse({"-m", "1", "--minimum=2", "--listen", "a", "--listen", "b"}), std::nullopt)
      << stderr_;
  EXPECT_EQ(minimum_, 2);
  EXPECT_EQ(listen_, (std::vector<std::string>{"a", "b"}));
}

TEST_F(CommandLineTest, WrongUseEndsWithTwoAndTheUsageOnStderr) {
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--nonsense"},
                                                {"-m", "x"},
                                                {"-m", "101"},
                                                {"--config", "/nonexistent"},
                                                {"free"}}) {
    EXPECT_EQ(parse(wrong), kExitUsage) << wrong.front();
    EXPECT_NE(stderr_.find("Usage: program"), std::string::npos);
    EXPECT_EQ(stdout_, "");
  }
  ASSERT_TRUE(replace_file(config_, "nonsense = 1\n"));
  EXPECT_EQ(parse({"--config", config_}), kExitUsage);
}

TEST_F(CommandLineTest, HelpAndVersionEndWithZeroOnStdout) {
  EXPECT_EQ(parse({"--help"}), kExitDone);
  EXPECT_NE(stdout_.find("--minimum"), std::string::npos);
  EXPECT_EQ(parse({"--version"}), kExitDone);
  EXPECT_TRUE(stdout_.starts_with("program ")) << stdout_;
}

TEST_F(CommandLineTest, ACommandThatWasNotChosenWritesToNoSharedTarget) {
  ASSERT_TRUE(replace_file(config_, "[other]\nurl = \"file\"\n"));
  ::setenv("MIRROR_TEST_DATABASE", "environment", 1);
  std::string url;
  CommandLine& chosen = line_.command("chosen", "is used");
  CommandLine& other = line_.command("other", "is not used");
  for (CommandLine* command : {&chosen, &other})
    command->option("--url", &url, "shared", "MIRROR_TEST_DATABASE");
  EXPECT_EQ(parse({"--config", config_, "chosen", "--url", "flag"}), std::nullopt) << stderr_;
  EXPECT_EQ(url, "flag");
}

TEST_F(CommandLineTest, CommandsHaveTheirOwnOptionsAndRequirements) {
  std::string file;
  auto& apply = line_.command("mirrors", "mirrors").command("apply", "apply a file");
  apply.option("FILE", &file, "the file");
  apply.require("FILE");
  EXPECT_EQ(parse({"mirrors", "apply"}), kExitUsage);
  EXPECT_EQ(parse({"mirrors"}), kExitUsage);
  EXPECT_EQ(parse({}), kExitUsage);
  EXPECT_EQ(parse({"mirrors", "apply", "x.toml"}), std::nullopt) << stderr_;
  EXPECT_TRUE(apply.chosen());
  EXPECT_EQ(file, "x.toml");
}

}  // namespace
}  // namespace mirror

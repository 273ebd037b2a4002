// A command of mirrorctl as main() runs it, with what it prints caught.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/core/command_line.h"
#include "base/core/log.h"

namespace mirror {

struct Outcome {
  int code = -1;
  std::string out, err;
};

// `make` makes the command's group; `arguments` begin with its name.
template <typename Make>
Outcome run_command(Make make, const std::vector<std::string>& arguments) {
  CommandLine line("mirrorctl", "test");
  const auto command = make(line);
  std::vector<const char*> argv{"mirrorctl"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  Outcome outcome;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  if (const auto code = line.parse(static_cast<int>(argv.size()), argv.data()))
    outcome.code = *code;
  else
    outcome.code = command->run(Log("mirrorctl", LogLevel::kInfo));
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

}  // namespace mirror

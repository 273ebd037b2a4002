// The program mirror-compile, but for its main(): options, the order of the steps, and what is
// printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/core/clock.h"
#include "base/core/command_line.h"
#include "base/core/log.h"
#include "compiler/publish.h"

namespace mirror {

struct CompileOptions {
  std::optional<std::string> database, from_protobuf;
  std::optional<std::string> snapshots;
  std::optional<std::string> country_continent, netblocks;
  std::optional<std::string> created_at;  // Unix seconds
  std::optional<std::string> check, dump;
  std::optional<std::pair<std::string, std::string>> diff;
  std::optional<std::string> canaries, force;
  std::vector<std::string> max_lost, at_least;
  bool all = false;
  std::optional<std::string> report;
  int64_t format = 1;
  int64_t keep = 10;
  int64_t readers = 2;
  bool always = false;
  bool quiet = false;
  std::string log_level = "info";

  // `watching`: for `mirror-compile watch`, without what makes sense for one compile only.
  void declare(CommandLine& line, bool watching = false);
};

// What is wrong with the options that the gates have, for a usage error; else `publish` gets them.
[[nodiscard]] std::optional<std::string> read_gate_options(const CompileOptions& options,
                                                           PublishOptions* publish);

// The exit code. What was compiled is said on stdout, everything else on stderr.
[[nodiscard]] int run_compile(const CompileOptions& options, const CommandLine& line,
                              const Clock& clock);

}  // namespace mirror

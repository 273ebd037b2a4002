// The command line that all programs share: GNU-style options, `--help`, `--version`, `--config
// FILE` (TOML; a flag beats the environment beats the file), and exit codes as error.h lists them:
// a wrong option ends with 2 and the usage on stderr, `--help` with 0 and the usage on stdout. An
// option that is given twice takes its last value, unless it is a list.
//
// The class only wraps CLI11, whose header is too heavy to be included in many files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mirror {

class CommandLine {
 public:
  CommandLine(std::string program, std::string description);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // `names` as CLI11 takes them: "-m,--minimum", or "FILE" for a positional argument. The targets
  // must outlive parse(); what they hold before is the default. `environment` names a variable, or
  // is empty.
  void option(const std::string& names, std::string* target, const std::string& help,
              const std::string& environment = "");
  void option(const std::string& names, std::optional<std::string>* target, const std::string& help,
              const std::string& environment = "");
  void option(const std::string& names, std::vector<std::string>* target, const std::string& help);
  // Two values at each mention, as in `--diff A B`.
  void option(const std::string& names, std::optional<std::pair<std::string, std::string>>* target,
              const std::string& help);
  void option(const std::string& names, int64_t* target, int64_t lowest, int64_t highest,
              const std::string& help);
  void option(const std::string& names, std::optional<int64_t>* target, int64_t lowest,
              int64_t highest, const std::string& help);
  void flag(const std::string& names, bool* target, const std::string& help);
  // The positional argument or option of this name must be given.
  void require(const std::string& name);

  // A command below this one; owned by this object. A program with commands must get one, unless
  // commands_optional() is called.
  CommandLine& command(const std::string& name, const std::string& description);
  void commands_optional();
  // True after parse() if this command was chosen.
  [[nodiscard]] bool chosen() const;

  // Text printed below the options by --help: exit codes, examples.
  void footer(const std::string& text);

  // nullopt: go on. Otherwise the exit code to end with; what had to be said has been printed.
  [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv);

  // Prints "PROGRAM: MESSAGE" and how to get help on stderr and returns kExitUsage: for rules
  // between options.
  [[nodiscard]] int usage_error(const std::string& message) const;

 private:
  struct Implementation;
  explicit CommandLine(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace mirror

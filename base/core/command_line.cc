#include "base/core/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <utility>

#include "base/core/error.h"
#include "base/core/output.h"

namespace mirror {

struct CommandLine::Implementation {
  std::string program;
  std::unique_ptr<CLI::App> root;  // empty in a command, whose parent owns the App
  CLI::App* app = nullptr;
  std::vector<std::unique_ptr<CommandLine>> commands;
  // CLI11 lets the file beat the environment and checks required options before either is seen, so
  // that all three are done here: (option, variable), the names of required options, the file.
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> required;
  std::string config;

  // Throws CLI::ParseError, like CLI::App::parse.
  void apply_environment();
  void apply_config(const std::vector<CLI::ConfigItem>& items,
                    const std::vector<std::string>& parents);
  void check_required() const;
};

namespace {

std::string with_environment(const std::string& help, const std::string& environment) {
  return environment.empty() ? help : help + " (environment: " + environment + ")";
}

}  // namespace

CommandLine::CommandLine(std::string program, std::string description)
    : implementation_(std::make_unique<Implementation>()) {
  auto& self = *implementation_;
  self.program = std::move(program);
  self.root = std::make_unique<CLI::App>(std::move(description), self.program);
  self.app = self.root.get();
  self.app->set_version_flag("--version", self.program + " " MIRROR_VERSION);
  self.app
      ->add_option("--config", self.config,
                   "Read options from this TOML file; flags and the environment win")
      ->take_last();
  self.app->get_formatter()->column_width(36);
}

CommandLine::CommandLine(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

CommandLine::~CommandLine() = default;

void CommandLine::option(const std::string& names, std::string* target, const std::string& help,
                         const std::string& environment) {
  auto* option =
      implementation_->app->add_option(names, *target, with_environment(help, environment));
  option->take_last();
  if (!target->empty()) option->capture_default_str();
  if (!environment.empty()) implementation_->environment.emplace_back(names, environment);
}

void CommandLine::option(const std::string& names, std::optional<std::string>* target,
                         const std::string& help, const std::string& environment) {
  implementation_->app->add_option(names, *target, with_environment(help, environment))
      ->take_last();
  if (!environment.empty()) implementation_->environment.emplace_back(names, environment);
}

void CommandLine::option(const std::string& names, std::vector<std::string>* target,
                         const std::string& help) {
  // One value for each mention, so that an option cannot swallow what follows it.
  auto* option = implementation_->app->add_option(names, *target, help);
  if (names.starts_with("-")) option->allow_extra_args(false);
}

void CommandLine::option(const std::string& names,
                         std::optional<std::pair<std::string, std::string>>* target,
                         const std::string& help) {
  implementation_->app->add_option_function<std::pair<std::string, std::string>>(
      names, [target](const std::pair<std::string, std::string>& value) { *target = value; }, help);
}

void CommandLine::option(const std::string& names, int64_t* target, int64_t lowest, int64_t highest,
                         const std::string& help) {
  implementation_->app->add_option(names, *target, help)
      ->take_last()
      ->check(CLI::Range(lowest, highest))
      ->capture_default_str();
}

void CommandLine::option(const std::string& names, std::optional<int64_t>* target, int64_t lowest,
                         int64_t highest, const std::string& help) {
  implementation_->app->add_option(names, *target, help)
      ->take_last()
      ->check(CLI::Range(lowest, highest));
}

void CommandLine::flag(const std::string& names, bool* target, const std::string& help) {
  implementation_->app->add_flag(names, *target, help);
}

void CommandLine::require(const std::string& name) { implementation_->required.push_back(name); }

CommandLine& CommandLine::command(const std::string& name, const std::string& description) {
  auto child = std::make_unique<Implementation>();
  child->program = implementation_->program + " " + name;
  child->app = implementation_->app->add_subcommand(name, description);
  implementation_->app->require_subcommand(1);
  implementation_->commands.push_back(
      std::unique_ptr<CommandLine>(new CommandLine(std::move(child))));
  return *implementation_->commands.back();
}

void CommandLine::commands_optional() { implementation_->app->require_subcommand(0, 1); }

bool CommandLine::chosen() const { return implementation_->app->parsed(); }

void CommandLine::footer(const std::string& text) { implementation_->app->footer(text); }

std::optional<int> CommandLine::parse(int argc, const char* const* argv) {
  try {
    implementation_->app->parse(argc, argv);
    implementation_->apply_environment();
    if (!implementation_->config.empty()) {
      const auto items =
          implementation_->app->get_config_formatter()->from_file(implementation_->config);
      implementation_->apply_config(items, {});
    }
    implementation_->check_required();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      std::ostringstream text;  // of --help or --version
      implementation_->app->exit(error, text, std::cerr);
      const auto printed = print_out(text.str());
      if (!printed)
        std::cerr << implementation_->program << ": " << printed.error().message << "\n";
      return printed ? kExitDone : exit_code(printed.error());
    }
    // The App of the command that was being parsed knows the usage that helps.
    const CLI::App* shown = implementation_->app;
    for (auto chosen = shown->get_subcommands(); !chosen.empty();
         chosen = shown->get_subcommands()) {
      shown = chosen.front();
    }
    std::cerr << implementation_->program << ": " << error.what() << "\n\n" << shown->help();
    return kExitUsage;
  }
  return std::nullopt;
}

void CommandLine::Implementation::apply_environment() {
  for (const auto& [names, variable] : environment) {
    const char* value = std::getenv(variable.c_str());
    auto* option = app->get_option(names.substr(names.rfind(',') + 1));
    if (value == nullptr || *value == '\0' || !option->empty()) continue;
    option->add_result(std::string(value));
    option->run_callback();
  }
  // Commands may share a target; one that was not chosen must not write to it.
  for (const auto& command : commands) {
    if (command->chosen()) command->implementation_->apply_environment();
  }
}

void CommandLine::Implementation::apply_config(const std::vector<CLI::ConfigItem>& items,
                                               const std::vector<std::string>& parents) {
  for (const auto& item : items) {
    if (item.parents != parents || item.name == "++" || item.name == "--") continue;
    auto* option = app->get_option_no_throw("--" + item.name);
    if (option == nullptr) throw CLI::ConfigError::Extras(item.fullname());
    if (!option->empty() || !app->parsed()) continue;
    if (option->get_expected_max() == 0) {  // a flag: true or false
      if (item.inputs.size() != 1) throw CLI::ConversionError(item.fullname(), "flag");
      option->add_result(option->get_flag_value(option->get_lnames().front(), item.inputs.front()));
    } else {
      for (const auto& input : item.inputs) option->add_result(input);
    }
    option->run_callback();
  }
  for (const auto& command : commands) {
    auto below = parents;
    below.push_back(command->implementation_->app->get_name());
    command->implementation_->apply_config(items, below);
  }
  for (const auto& item : items) {
    if (item.parents.size() <= parents.size()) continue;
    const bool known = std::any_of(commands.begin(), commands.end(), [&](const auto& command) {
      return command->implementation_->app->get_name() == item.parents[parents.size()];
    });
    const bool below = std::equal(parents.begin(), parents.end(), item.parents.begin());
    if (below && !known) throw CLI::ConfigError::Extras(item.fullname());
  }
}

void CommandLine::Implementation::check_required() const {
  for (const auto& name : required) {
    if (app->get_option(name)->empty()) throw CLI::RequiredError(name);
  }
  for (const auto& command : commands) {
    if (command->chosen()) command->implementation_->check_required();
  }
}

int CommandLine::usage_error(const std::string& message) const {
  std::cerr << implementation_->program << ": " << message << "\nTry '" << implementation_->program
            << " --help'.\n";
  return kExitUsage;
}

}  // namespace mirror

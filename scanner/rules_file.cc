#include <toml++/toml.h>

#include <algorithm>
#include <set>

#include "base/core/files.h"
#include "base/core/text.h"
#include "scanner/limits.h"
#include "scanner/rule_template.h"
#include "scanner/rules.h"

namespace mirror {
namespace {

// One table of the file; every error says FILE:LINE: KEY.
class TableReader {
 public:
  TableReader(const toml::table& table, const std::string& file, std::string place)
      : table_(table), file_(file), place_(std::move(place)) {}

  [[nodiscard]] int line() const { return static_cast<int>(table_.source().begin.line); }

  template <typename... Arguments>
  [[nodiscard]] tl::unexpected<Error> refuse(const toml::node* node, std::string_view key,
                                             fmt::format_string<Arguments...> format,
                                             Arguments&&... arguments) const {
    return fail(ErrorKind::kInvalid, "{}:{}: {}{}: {}", file_,
                node == nullptr ? line() : static_cast<int>(node->source().begin.line), place_, key,
                fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  // Leaves the target as it is if the key is absent.
  Result<void> read(std::string_view key, std::string* target) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto value = node->value_exact<std::string>();
    if (!value) return refuse(node, key, "must be a text");
    *target = *value;
    return {};
  }

  Result<void> read(std::string_view key, bool* target) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto value = node->value_exact<bool>();
    if (!value) return refuse(node, key, "must be true or false");
    *target = *value;
    return {};
  }

  struct Range {
    int64_t lowest, highest;
  };
  Result<void> read(std::string_view key, int64_t* target, Range range) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto value = node->value_exact<int64_t>();
    if (!value || *value < range.lowest || *value > range.highest) {
      return refuse(node, key, "must be a whole number from {} to {}", range.lowest, range.highest);
    }
    *target = *value;
    return {};
  }

  // Replaces the target.
  Result<void> read(std::string_view key, std::vector<std::string>* target) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const toml::array* array = node->as_array();
    if (array == nullptr) return refuse(node, key, "must be a list of texts");
    std::vector<std::string> values;
    for (const toml::node& element : *array) {
      const auto value = element.value_exact<std::string>();
      if (!value) return refuse(&element, key, "must be a list of texts");
      if (value->empty()) return refuse(&element, key, "holds an empty text");
      values.push_back(*value);
    }
    *target = std::move(values);
    return {};
  }

  Result<void> read(std::string_view key, std::vector<Pattern>* target) {
    const toml::node* node = find(key);
    std::vector<std::string> texts;
    MIRROR_CHECK(read(key, &texts));
    if (node == nullptr) return {};
    std::vector<Pattern> patterns;
    for (const std::string& text : texts) {
      auto pattern = Pattern::compile(text);
      if (!pattern)
        return refuse(node, key, "{}: {}", quote_for_message(text), pattern.error().message);
      patterns.push_back(std::move(*pattern));
    }
    *target = std::move(patterns);
    return {};
  }

  Result<void> read(std::string_view key, std::optional<Pattern>* target) {
    const toml::node* node = find(key);
    std::string text;
    MIRROR_CHECK(read(key, &text));
    if (node == nullptr) return {};
    auto pattern = Pattern::compile(text);
    if (!pattern) return refuse(node, key, "{}", pattern.error().message);
    *target = std::move(*pattern);
    return {};
  }

  // Calls on_table for each table of a list of tables.
  template <typename OnTable>
  Result<void> each(std::string_view key, const OnTable& on_table) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const toml::array* array = node->as_array();
    if (array == nullptr) return refuse(node, key, "must be written as [[{}]]", key);
    size_t number = 0;
    for (const toml::node& element : *array) {
      const toml::table* table = element.as_table();
      if (table == nullptr) return refuse(&element, key, "must be written as [[{}]]", key);
      TableReader reader(*table, file_, fmt::format("{}{}[{}].", place_, key, ++number));
      MIRROR_CHECK(on_table(&reader));
      MIRROR_CHECK(reader.finish());
    }
    return {};
  }

  // A key that nobody asked for is a typing error, and silence about it would be a rule that does
  // not work.
  [[nodiscard]] Result<void> finish() const {
    for (const auto& [key, node] : table_) {
      if (!asked_.contains(key.str())) return refuse(&node, key.str(), "there is no such key");
    }
    return {};
  }

  [[nodiscard]] const toml::node* find(std::string_view key) {
    asked_.emplace(key);
    return table_.get(key);
  }

 private:
  const toml::table& table_;
  const std::string& file_;
  std::string place_;
  std::set<std::string, std::less<>> asked_;
};

ScanRules default_rules(const std::string& file) {
  ScanRules rules;
  rules.file = file;
  rules.test_paths = {"/test/", "/stage/"};
  rules.source_paths = {"/source", "/SRPMS", "/src"};
  rules.debug_paths = {"/debug"};
  for (const char* expression : {R"(/dists/(\w+)/)", R"(/([.\d]*\d[.\d]*(?:[-_]\w+)?)/)"}) {
    rules.version_patterns.push_back(*Pattern::compile(expression));
  }
  return rules;
}

Result<void> read_globals(TableReader* reader, ScanRules* rules, std::vector<Pattern>* excludes) {
  int64_t newest = static_cast<int64_t>(rules->sample.newest);
  int64_t threshold = static_cast<int64_t>(rules->sample.threshold);
  MIRROR_CHECK(reader->read("sample_size", &newest, {1, 10'000}));
  MIRROR_CHECK(reader->read("sample_threshold", &threshold, {0, 1'000'000}));
  rules->sample = {static_cast<size_t>(newest), static_cast<size_t>(threshold)};
  MIRROR_CHECK(reader->read("stale_days", &rules->aging.stale_days, {0, 36'500}));
  MIRROR_CHECK(reader->read("propagation_days", &rules->aging.propagation_days, {0, 36'500}));
  MIRROR_CHECK(reader->read("keep_details", &rules->aging.keep, {1, 1'000}));
  MIRROR_CHECK(reader->read("max_delete_percent", &rules->max_delete_percent, {0, 100}));
  MIRROR_CHECK(reader->read("version_patterns", &rules->version_patterns));
  MIRROR_CHECK(reader->read("rawhide_version", &rules->rawhide_version));
  MIRROR_CHECK(reader->read("skip_paths_for_version", &rules->skip_paths_for_version));
  MIRROR_CHECK(reader->read("skip_repository_paths", &rules->skip_repository_paths));
  MIRROR_CHECK(reader->read("test_paths", &rules->test_paths));
  MIRROR_CHECK(reader->read("do_not_display_paths", &rules->do_not_display_paths));
  MIRROR_CHECK(reader->read("source_paths", &rules->source_paths));
  MIRROR_CHECK(reader->read("debug_paths", &rules->debug_paths));
  *excludes = {*Pattern::compile(R"((^|/)(\.snapshot|\.~tmp~)(/|$))")};
  return reader->read("excludes", excludes);
}

Result<void> read_category(TableReader* reader, const std::vector<Pattern>& excludes,
                           ScanRules* rules) {
  CategorySource category;
  std::string source;
  MIRROR_CHECK(reader->read("name", &category.name));
  MIRROR_CHECK(reader->read("source", &source));
  MIRROR_CHECK(reader->read("path", &category.path));
  MIRROR_CHECK(reader->read("excludes", &category.excludes));
  category.excludes.insert(category.excludes.begin(), excludes.begin(), excludes.end());
  if (category.name.empty()) return reader->refuse(reader->find("name"), "name", "is missing");
  if (source != "directory") {
    return reader->refuse(reader->find("source"), "source",
                          "must be \"directory\", the one kind of tree that is read");
  }
  if (category.path.empty()) return reader->refuse(reader->find("path"), "path", "is missing");
  if (category.path.front() != '/') {
    const auto slash = rules->file.rfind('/');
    if (slash != std::string::npos) category.path.insert(0, rules->file.substr(0, slash + 1));
  }
  for (const CategorySource& other : rules->categories) {
    if (other.name == category.name)
      return reader->refuse(reader->find("name"), "name", "{} is there twice", category.name);
  }
  rules->categories.push_back(std::move(category));
  return {};
}

Result<void> check_template(TableReader* reader, std::string_view key, const RepositoryRule& rule) {
  const auto names = template_names(rule.prefix);
  if (!names) return reader->refuse(reader->find(key), key, "{}", names.error().message);
  for (const std::string& name : *names) {
    const bool built_in = rule.kind == RepositoryRule::Kind::kExact &&
                          (name == "version" || name == "suffix" || name == "arch");
    const bool is_group =
        (rule.path && rule.path->has_group(name)) || (rule.name && rule.name->has_group(name));
    if (!built_in && !is_group) {
      return reader->refuse(reader->find(key), key,
                            "no expression of the rule has a group (?P<{}>...)", name);
    }
  }
  return {};
}

Result<void> read_repository(TableReader* reader, ScanRules* rules) {
  RepositoryRule rule;
  rule.line = reader->line();
  bool skip = false;
  std::string exact;
  MIRROR_CHECK(reader->read("categories", &rule.categories));
  MIRROR_CHECK(reader->read("path", &rule.path));
  MIRROR_CHECK(reader->read("name", &rule.name));
  MIRROR_CHECK(reader->read("prefix", &rule.prefix));
  MIRROR_CHECK(reader->read("exact_prefix", &exact));
  MIRROR_CHECK(reader->read("version_prefix", &rule.version_prefix));
  MIRROR_CHECK(reader->read("arch", &rule.arch));
  MIRROR_CHECK(reader->read("move", &rule.move));
  MIRROR_CHECK(reader->read("skip", &skip));
  if (!rule.path && !rule.name) return reader->refuse(nullptr, "path", "is missing (or name)");
  if (int{!rule.prefix.empty()} + int{!exact.empty()} + int{skip} != 1) {
    return reader->refuse(nullptr, "prefix",
                          "give exactly one of prefix, exact_prefix and skip = true");
  }
  if (skip) {
    if (!rule.version_prefix.empty() || !rule.arch.empty() || rule.move) {
      return reader->refuse(reader->find("skip"), "skip",
                            "goes with no version_prefix, arch or move");
    }
  } else if (exact.empty()) {
    rule.kind = RepositoryRule::Kind::kAssembled;
    MIRROR_CHECK(check_template(reader, "prefix", rule));
  } else {
    rule.kind = RepositoryRule::Kind::kExact;
    rule.prefix = exact;
    if (!rule.version_prefix.empty()) {
      return reader->refuse(reader->find("version_prefix"), "version_prefix",
                            "goes with prefix, not with exact_prefix");
    }
    MIRROR_CHECK(check_template(reader, "exact_prefix", rule));
  }
  rules->repositories.push_back(std::move(rule));
  return {};
}

Result<void> read_alias(TableReader* reader, ScanRules* rules) {
  std::string from, to;
  MIRROR_CHECK(reader->read("from", &from));
  MIRROR_CHECK(reader->read("to", &to));
  if (from.empty()) return reader->refuse(reader->find("from"), "from", "is missing");
  if (to.empty()) return reader->refuse(reader->find("to"), "to", "is missing");
  rules->aliases.emplace_back(std::move(from), std::move(to));
  return {};
}

Result<ScanRules> read_rules(const toml::table& table, const std::string& file) {
  ScanRules rules = default_rules(file);
  TableReader reader(table, file, "");
  std::vector<Pattern> excludes;
  MIRROR_CHECK(read_globals(&reader, &rules, &excludes));
  MIRROR_CHECK(reader.each("category",
                           [&](TableReader* one) { return read_category(one, excludes, &rules); }));
  MIRROR_CHECK(
      reader.each("repository", [&](TableReader* one) { return read_repository(one, &rules); }));
  MIRROR_CHECK(reader.each("alias", [&](TableReader* one) { return read_alias(one, &rules); }));
  MIRROR_CHECK(reader.finish());
  return rules;
}

}  // namespace

Result<ScanRules> ScanRules::parse(std::string_view text, const std::string& file) {
  try {
    const toml::table table = toml::parse(text, file);
    return read_rules(table, file);
  } catch (const toml::parse_error& error) {
    return fail(ErrorKind::kInvalid, "{}:{}: {}", file, error.source().begin.line,
                error.description());
  }
}

Result<ScanRules> ScanRules::load(const std::string& file) {
  MIRROR_TRY(const std::string text, read_file(file, scan_limits::kRulesBytesMax));
  return parse(text, file);
}

}  // namespace mirror

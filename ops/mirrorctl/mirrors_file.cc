#include "ops/mirrorctl/mirrors_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <map>

#include "base/core/text.h"
#include "ops/mirrorctl/mirrors_rules.h"

namespace mirror {
namespace {

using WrongText = std::optional<std::string> (*)(std::string_view);
using WrongNumber = std::optional<std::string> (*)(int64_t);

int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

// Keeps the first thing that is wrong; the readers go on and the caller asks once, at the end.
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}
  void add(int line, std::string_view key, std::string_view what) {
    if (!first_)
      first_ = Error{ErrorKind::kInvalid, 0, fmt::format("{}:{}: {}: {}", file_, line, key, what)};
  }
  [[nodiscard]] const std::optional<Error>& first() const { return first_; }

 private:
  std::string file_;
  std::optional<Error> first_;
};

// One table of the file, whose keys are taken one by one; what nobody took is unknown.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string path, Problems& problems)
      : table_(table), path_(std::move(path)), problems_(problems) {}
  [[nodiscard]] int line() const { return line_of(table_); }

  void text(std::string_view key, WrongText wrong, std::optional<std::string>& out) {
    const toml::node* node = take(key);
    if (node == nullptr) return;
    const auto value = node->value<std::string_view>();
    if (!node->is_string() || !value) return problem(*node, key, "must be a text in quotes");
    if (const auto why = wrong(*value)) return problem(*node, key, *why);
    out = std::string(*value);
  }
  void required_name(std::string_view key, std::string& out) {
    std::optional<std::string> name;
    const bool there = table_.contains(key);
    text(key, wrong_name, name);
    if (!there) problems_.add(line(), full(key), "is missing");
    out = name.value_or("");
  }
  void boolean(std::string_view key, std::optional<bool>& out) {
    const toml::node* node = take(key);
    if (node == nullptr) return;
    if (!node->is_boolean()) return problem(*node, key, "must be true or false");
    out = node->value<bool>();
  }
  void number(std::string_view key, WrongNumber wrong, std::optional<int64_t>& out) {
    const toml::node* node = take(key);
    if (node == nullptr) return;
    if (!node->is_integer()) return problem(*node, key, "must be a whole number");
    if (const auto why = wrong(*node->value<int64_t>())) return problem(*node, key, *why);
    out = node->value<int64_t>();
  }
  // Each text with its line, after `wrong` has let it pass. Returns whether the key is there.
  bool texts(std::string_view key, WrongText wrong,
             const std::function<void(std::string_view, int)>& each) {
    return list(key, [&](const toml::node& element) {
      const auto value = element.value<std::string_view>();
      if (!element.is_string() || !value) return problem(element, key, "must hold texts in quotes");
      if (const auto why = wrong(*value)) return problem(element, key, *why);
      each(*value, line_of(element));
    });
  }
  bool numbers(std::string_view key, WrongNumber wrong,
               const std::function<void(int64_t, int)>& each) {
    return list(key, [&](const toml::node& element) {
      if (!element.is_integer()) return problem(element, key, "must hold whole numbers");
      if (const auto why = wrong(*element.value<int64_t>())) return problem(element, key, *why);
      each(*element.value<int64_t>(), line_of(element));
    });
  }
  void tables(std::string_view key, const std::function<void(TableReader&)>& each) {
    if (const toml::node* node = table_.get(key); node != nullptr && !node->is_array()) {
      known_.emplace_back(key);
      return not_tables(*node, key);
    }
    (void)list(key, [&](const toml::node& element) {
      if (!element.is_table()) return not_tables(element, key);
      TableReader reader(*element.as_table(), full(key), problems_);
      each(reader);
      reader.finish();
    });
  }
  void problem(int line, std::string_view key, std::string_view what) {
    problems_.add(line, full(key), what);
  }
  // Complains about the keys that were not taken.
  void finish() {
    for (const auto& [key, node] : table_) {
      if (std::ranges::find(known_, key.str()) != known_.end()) continue;
      problems_.add(static_cast<int>(key.source().begin.line), full(quote_for_message(key.str())),
                    fmt::format("unknown key; known here are {}", fmt::join(known_, ", ")));
    }
  }

 private:
  void not_tables(const toml::node& node, std::string_view key) {
    problem(node, key, fmt::format("must be a table among others: write [[{}]]", full(key)));
  }
  const toml::node* take(std::string_view key) {
    known_.emplace_back(key);
    return table_.get(key);
  }
  bool list(std::string_view key, const std::function<void(const toml::node&)>& each) {
    const toml::node* node = take(key);
    if (node == nullptr) return false;
    if (!node->is_array()) {
      problem(*node, key, "must be a list in [ ]");
      return true;
    }
    for (const toml::node& element : *node->as_array()) each(element);
    return true;
  }
  void problem(const toml::node& node, std::string_view key, std::string_view what) {
    problem(line_of(node), key, what);
  }
  [[nodiscard]] std::string full(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }

  const toml::table& table_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
};

// Finds the second of two that must differ.
template <typename T>
class Doublets {
 public:
  void check(TableReader& reader, std::string_view key, const T& value, int line) {
    const auto [at, fresh] = lines_.emplace(value, line);
    if (!fresh)
      reader.problem(line, key,
                     fmt::format("{} stands already in line {}", quote(value), at->second));
  }

 private:
  static std::string quote(const std::string& text) { return quote_for_message(text); }
  static std::string quote(int64_t number) { return fmt::format("{}", number); }

  std::map<T, int> lines_;
};

class FileReader {
 public:
  MirrorsDocument read(TableReader& root) {
    MirrorsDocument document;
    names(root, "products", document.products);
    names(root, "architectures", document.architectures);
    Doublets<std::string> categories, sites;
    root.tables("category", [&](TableReader& reader) {
      document.categories.push_back(category(reader));
      categories.check(reader, "name", document.categories.back().name, reader.line());
    });
    root.tables("site", [&](TableReader& reader) {
      document.sites.push_back(site(reader));
      sites.check(reader, "name", document.sites.back().name, reader.line());
    });
    root.finish();
    return document;
  }

 private:
  static void names(TableReader& reader, std::string_view key, std::vector<std::string>& out) {
    Doublets<std::string> doublets;
    reader.texts(key, wrong_name, [&](std::string_view name, int line) {
      doublets.check(reader, key, std::string(name), line);
      out.emplace_back(name);
    });
  }
  static MirrorCategory category(TableReader& reader) {
    MirrorCategory result;
    result.line = reader.line();
    reader.required_name("name", result.name);
    reader.text("product", wrong_name, result.product);
    reader.text("top_directory", wrong_top_directory, result.top_directory);
    return result;
  }
  MirrorSite site(TableReader& reader) {
    MirrorSite result;
    result.line = reader.line();
    reader.required_name("name", result.name);
    reader.boolean("private", result.is_private);
    reader.boolean("admin_active", result.admin_active);
    reader.boolean("user_active", result.user_active);
    Doublets<std::string> hosts;
    reader.tables("host", [&](TableReader& below) {
      result.hosts.push_back(host(below));
      hosts.check(below, "name", result.hosts.back().name, below.line());
    });
    return result;
  }
  MirrorHost host(TableReader& reader) {
    MirrorHost result;
    result.line = reader.line();
    reader.required_name("name", result.name);
    reader.text("country", wrong_country, result.country);
    if (result.country) result.country = normal_country(*result.country);
    reader.number("bandwidth", wrong_bandwidth, result.bandwidth);
    const auto asn_or_none = [](int64_t number) {
      return number == 0 ? std::nullopt : wrong_asn(number);
    };
    reader.number("asn", asn_or_none, result.asn);
    reader.boolean("asn_clients", result.asn_clients);
    reader.boolean("private", result.is_private);
    reader.boolean("internet2", result.internet2);
    reader.boolean("internet2_clients", result.internet2_clients);
    reader.boolean("admin_active", result.admin_active);
    reader.boolean("user_active", result.user_active);
    host_lists(reader, result);
    Doublets<std::string> categories;
    reader.tables("category", [&](TableReader& below) {
      result.categories.push_back(host_category(below));
      categories.check(below, "name", result.categories.back().name, below.line());
    });
    return result;
  }
  static void host_lists(TableReader& reader, MirrorHost& result) {
    std::vector<int64_t> asns;
    std::vector<std::string> netblocks, countries;
    Doublets<int64_t> asn_doublets;
    Doublets<std::string> netblock_doublets, country_doublets;
    if (reader.numbers("peer_asns", wrong_asn, [&](int64_t number, int line) {
          asn_doublets.check(reader, "peer_asns", number, line);
          asns.push_back(number);
        })) {
      result.peer_asns = asns;
    }
    if (reader.texts("netblocks", wrong_netblock, [&](std::string_view text, int line) {
          netblock_doublets.check(reader, "netblocks", std::string(text), line);
          netblocks.emplace_back(text);
        })) {
      result.netblocks = netblocks;
    }
    if (reader.texts("countries_allowed", wrong_country, [&](std::string_view text, int line) {
          country_doublets.check(reader, "countries_allowed", normal_country(text), line);
          countries.push_back(normal_country(text));
        })) {
      result.countries_allowed = countries;
    }
  }
  MirrorHostCategory host_category(TableReader& reader) {
    MirrorHostCategory result;
    result.line = reader.line();
    reader.required_name("name", result.name);
    reader.boolean("always_up_to_date", result.always_up_to_date);
    std::vector<MirrorUrl> urls;
    const WrongText wrong = [](std::string_view text) { return wrong_url(normal_url(text)); };
    const auto take = [&](std::string_view key, bool is_private) {
      return reader.texts(key, wrong, [&](std::string_view text, int line) {
        urls.push_back({normal_url(text), is_private, line});
        urls_.check(reader, key, urls.back().url, line);
      });
    };
    const bool listed = take("urls", false);
    const bool unlisted = take("private_urls", true);
    if (listed || unlisted) result.urls = std::move(urls);
    return result;
  }

  Doublets<std::string> urls_;  // unique over all hosts
};

}  // namespace

Result<MirrorsDocument> parse_mirrors_file(std::string_view text, const std::string& name) {
  try {
    const toml::table table = toml::parse(text);
    Problems problems(name);
    TableReader root(table, "", problems);
    MirrorsDocument document = FileReader().read(root);
    if (problems.first()) return tl::unexpected(*problems.first());
    return document;
  } catch (const toml::parse_error& error) {
    return fail(ErrorKind::kInvalid, "{}:{}: not TOML: {}", name, error.source().begin.line,
                quote_for_message(error.description(), 300));
  }
}

namespace {

// A basic string of TOML.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (is_control_byte(c)) {
      result += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}
std::string quoted(int64_t number) { return fmt::format("{}", number); }

class FileWriter {
 public:
  explicit FileWriter(std::vector<std::string>* warnings) : warnings_(warnings) {}

  std::string write(const MirrorsDocument& document) {
    out_ = "# Written by mirrorctl mirrors export; ops/mirrors.example.toml explains the keys.\n";
    names("products", document.products);
    names("architectures", document.architectures);
    for (const MirrorCategory& category : document.categories) write(category);
    std::set<std::string> seen;
    for (const MirrorSite& site : document.sites) {
      const std::string who = fmt::format("site {} (id {})", quote_for_message(site.name), site.id);
      if (passes(wrong_name(site.name), who) && fresh(seen, site.name, who)) write(site, who);
    }
    return std::move(out_);
  }

 private:
  void names(std::string_view what, const std::vector<std::string>& all) {
    std::vector<std::string> good;
    for (const std::string& name : all) {
      if (passes(wrong_name(name), std::string(what))) good.push_back(name);
    }
    list(what, good);
  }
  void write(const MirrorCategory& category) {
    const std::string who =
        fmt::format("category {} (id {})", quote_for_message(category.name), category.id);
    if (!passes(wrong_name(category.name), who)) return;
    out_ += "\n[[category]]\n";
    key("name", quoted(category.name));
    text("product", category.product, wrong_name, who);
    text("top_directory", category.top_directory, wrong_top_directory, who);
  }
  void write(const MirrorSite& site, const std::string& who) {
    out_ += "\n[[site]]\n";
    key("name", quoted(site.name));
    flag("private", site.is_private);
    flag("admin_active", site.admin_active);
    flag("user_active", site.user_active);
    std::set<std::string> seen;
    for (const MirrorHost& host : site.hosts) {
      const std::string host_who =
          fmt::format("{}, host {} (id {})", who, quote_for_message(host.name), host.id);
      if (passes(wrong_name(host.name), host_who) && fresh(seen, host.name, host_who))
        write(host, host_who);
    }
  }
  void write(const MirrorHost& host, const std::string& who) {
    out_ += "\n[[site.host]]\n";
    key("name", quoted(host.name));
    std::optional<std::string> country = host.country;
    if (country) country = normal_country(*country);
    text("country", country, wrong_country, who);
    number("bandwidth", host.bandwidth, wrong_bandwidth, who);
    number("asn", host.asn, wrong_asn, who);
    flag("asn_clients", host.asn_clients);
    if (host.peer_asns) list("peer_asns", expressible(*host.peer_asns, wrong_asn, who));
    if (host.netblocks) {
      list("netblocks",
           expressible(changed(*host.netblocks, normal_netblock), wrong_netblock, who));
    }
    if (host.countries_allowed) {
      list("countries_allowed",
           expressible(changed(*host.countries_allowed, normal_country), wrong_country, who));
    }
    flag("private", host.is_private);
    flag("internet2", host.internet2);
    flag("internet2_clients", host.internet2_clients);
    flag("admin_active", host.admin_active);
    flag("user_active", host.user_active);
    std::set<std::string> seen;
    for (const MirrorHostCategory& category : host.categories) {
      if (passes(wrong_name(category.name), who) &&
          fresh(seen, category.name, who + ", category")) {
        write(category, who);
      }
    }
  }
  void write(const MirrorHostCategory& category, const std::string& who) {
    out_ += "\n[[site.host.category]]\n";
    key("name", quoted(category.name));
    flag("always_up_to_date", category.always_up_to_date);
    if (!category.urls) return;
    for (const bool is_private : {false, true}) {
      std::vector<std::string> urls;
      for (const MirrorUrl& url : *category.urls) {
        const std::string normal = normal_url(url.url);
        if (url.is_private != is_private || !passes(wrong_url(normal), who)) continue;
        if (fresh(urls_, normal, who + ", URL")) urls.push_back(normal);
      }
      if (!is_private || !urls.empty()) list(is_private ? "private_urls" : "urls", urls);
    }
  }

  void key(std::string_view name, std::string_view value) {
    out_ += fmt::format("{} = {}\n", name, value);
  }
  void flag(std::string_view name, const std::optional<bool>& value) {
    if (value) key(name, *value ? "true" : "false");
  }
  void text(std::string_view name, const std::optional<std::string>& value, WrongText wrong,
            const std::string& who) {
    if (value && passes(wrong(*value), who)) key(name, quoted(*value));
  }
  void number(std::string_view name, const std::optional<int64_t>& value, WrongNumber wrong,
              const std::string& who) {
    if (value && passes(wrong(*value), who)) key(name, quoted(*value));
  }
  template <typename T>
  void list(std::string_view name, const std::vector<T>& values) {
    std::vector<std::string> texts;
    for (const T& value : values) texts.push_back(quoted(value));
    key(name, fmt::format("[{}]", fmt::join(texts, ", ")));
  }
  static std::vector<std::string> changed(std::vector<std::string> texts,
                                          std::string (*change)(std::string_view)) {
    for (std::string& text : texts) text = change(text);
    return texts;
  }
  // Without what no file can say and without doublets.
  template <typename T, typename Wrong>
  std::vector<T> expressible(const std::vector<T>& values, Wrong wrong, const std::string& who) {
    std::vector<T> result;
    std::set<T> seen;
    for (const T& value : values) {
      auto why = wrong(value);
      if (why) *why += " (applying the file removes it)";
      if (passes(why, who) && seen.insert(value).second) result.push_back(value);
    }
    return result;
  }
  bool passes(const std::optional<std::string>& wrong, const std::string& who) {
    if (wrong) warnings_->push_back(fmt::format("{}: left out: {}", who, *wrong));
    return !wrong;
  }
  bool fresh(std::set<std::string>& seen, const std::string& name, const std::string& who) {
    const bool first = seen.insert(name).second;
    if (!first) {
      warnings_->push_back(
          fmt::format("{}: left out: {} was there before", who, quote_for_message(name)));
    }
    return first;
  }

  std::string out_;
  std::set<std::string> urls_;
  std::vector<std::string>* warnings_;
};

}  // namespace

std::string write_mirrors_file(const MirrorsDocument& document,
                               std::vector<std::string>* warnings) {
  return FileWriter(warnings).write(document);
}

}  // namespace mirror

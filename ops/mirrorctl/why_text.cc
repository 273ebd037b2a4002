// `mirrorctl why` for people and for programs.
#include <fmt/format.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>

#include "base/core/assert.h"
#include "base/core/http_date.h"
#include "base/core/text.h"
#include "ops/mirrorctl/why.h"

namespace mirror {
namespace {

struct Words {
  std::string_view code, sentence;
};
constexpr std::array<Words, kWhyConditions> kWords = {{
    {"known", "there is such a host"},
    {"site", "it belongs to a site"},
    {"host_active_by_admin", "the administrators have the host switched on"},
    {"host_active_by_user", "its own people, and the crawler, have the host switched on"},
    {"site_active_by_admin", "the administrators have its site switched on"},
    {"site_active_by_user", "its own people have its site switched on"},
    {"host_public", "the host is not private"},
    {"site_public", "its site is not private"},
    {"networks", "being private, it has netblocks or AS numbers whose clients get it"},
    {"enabled", "the repository's prefix is not disabled"},
    {"repository", "the repository has a directory for this architecture"},
    {"directory", "the directory exists"},
    {"offered", "the directory has a category and lies below the category's top directory"},
    {"category", "the host mirrors this category"},
    {"url", "it has a usable public URL for the category"},
    {"listable_url", "a list shows one of its URLs (https, http, ftp)"},
    {"checksums", "the directory's repomd.xml is known, of which a metalink tells"},
    {"up_to_date", "it is up to date in this very directory"},
}};
constexpr std::array<std::string_view, 4> kVerdicts = {"unknown", "nobody", "networks",
                                                       "everybody"};

std::string_view say(WhyVerdict verdict) {
  switch (verdict) {
    case WhyVerdict::kEverybody:
      return "yes";
    case WhyVerdict::kNetworks:
      return "only for clients in its networks";
    case WhyVerdict::kNobody:
      return "no";
    case WhyVerdict::kUnknown:
      break;
  }
  return "nothing";
}

std::string_view change_of(WhyVerdict before, WhyVerdict after) {
  if (before == WhyVerdict::kNobody) return "brings it";
  if (after == WhyVerdict::kNobody) return "takes it away";
  return after == WhyVerdict::kNetworks ? "restricts it to its networks" : "opens it to everybody";
}

std::string_view say(const std::optional<bool>& met) { return !met ? "-" : *met ? "yes" : "no"; }

std::string say(const WhyRow& row) {
  if (row.table.empty()) return row.says;
  if (row.id) return fmt::format("{} {}: {}", row.table, *row.id, row.says);
  return fmt::format("{}: no row {}", row.table, row.says);
}

// What one source says of one place of the question, and the other one of the same.
struct Pair {
  const WhyFacts* database = nullptr;
  const WhyFacts* snapshot = nullptr;
};

const WhyFacts* facts_of(const std::optional<WhyAnswer>& answer) {
  return answer ? &answer->facts : nullptr;
}
const WhyTarget* target_of(const std::optional<WhyAnswer>& answer, size_t index) {
  return answer && index < answer->targets.size() ? &answer->targets[index] : nullptr;
}
const WhyFacts* facts_of(const WhyTarget* target) {
  return target == nullptr ? nullptr : &target->facts;
}
std::optional<bool> met_of(const WhyFacts* facts, size_t condition) {
  return facts == nullptr ? std::nullopt : (*facts)[condition].met;
}

size_t target_count(const Why& why) {
  return std::max(why.database ? why.database->targets.size() : 0,
                  why.snapshot ? why.snapshot->targets.size() : 0);
}

std::string title_of(const Why& why, size_t index) {
  const auto* in_database = target_of(why.database, index);
  const auto* in_snapshot = target_of(why.snapshot, index);
  std::string directory;
  for (const auto* target : {in_database, in_snapshot}) {
    if (target != nullptr && directory.empty()) directory = target->directory;
  }
  const std::string shown =
      directory.empty() ? "a directory that is not known" : quote_for_message(directory, 400);
  if (why.question.repository.empty()) return shown;
  return fmt::format("{}, by {}", index == 0 ? "lists" : "metalinks", shown);
}

// " (host_public, url)": the conditions that are not met.
std::string reasons_of(const WhyFacts& host, const WhyFacts* target) {
  std::vector<std::string_view> codes;
  for (size_t i = 0; i < kWhyConditions; ++i) {
    const bool unmet = !host[i].met.value_or(true) || !met_of(target, i).value_or(true);
    if (unmet) codes.push_back(kWords[i].code);
  }
  return codes.empty() ? "" : fmt::format(" ({})", fmt::join(codes, ", "));
}

// Of a host without a question about a directory: what it may be listed for at all.
WhyVerdict general_verdict(const WhyAnswer& answer, bool is_snapshot) {
  const WhyVerdict verdict = verdict_of(answer.facts, {});
  if (verdict == WhyVerdict::kNobody) return verdict;
  const auto& active = answer.facts[static_cast<size_t>(WhyCondition::kHostActiveByAdmin)];
  if (is_snapshot && answer.is_known && !active.met) return WhyVerdict::kUnknown;
  const bool has_anything = std::ranges::any_of(answer.categories, [](const auto& category) {
    return category.has_url &&
           (category.always_up2date ? category.directories > 0 : category.up2date > 0);
  });
  return has_anything ? verdict : WhyVerdict::kNobody;
}

struct Said {
  WhyVerdict verdict = WhyVerdict::kUnknown;
  std::string reasons;
};

std::string conclude(const Why& why, const std::string& title, const Said& database,
                     const Said& snapshot) {
  const std::string generation =
      fmt::format("generation {} of {}", why.sequence, utc_text(why.created_at));
  if (!why.snapshot)
    return fmt::format("{}: the database says {}{}", title, say(database.verdict),
                       database.reasons);
  if (!why.database)
    return fmt::format("{}: {} says {}{}", title, generation, say(snapshot.verdict),
                       snapshot.reasons);
  if (database.verdict == snapshot.verdict)
    return fmt::format("{}: the database and {} both say {}{}", title, generation,
                       say(database.verdict), database.reasons);
  std::string text =
      fmt::format("{}: the database says {}{}, {} says {}{}", title, say(database.verdict),
                  database.reasons, generation, say(snapshot.verdict), snapshot.reasons);
  if (snapshot.verdict == WhyVerdict::kUnknown) return text;
  const auto networks = static_cast<size_t>(WhyCondition::kNetworks);
  const bool lacks_network = database.verdict == WhyVerdict::kNetworks &&
                             !why.database->facts[networks].met &&
                             !why.snapshot->facts[networks].met.value_or(true);
  if (lacks_network)
    return text +
           ": it knows no prefix of its AS numbers (see --netblocks), and no address of its "
           "names";
  text += fmt::format(": the next compile {}", change_of(snapshot.verdict, database.verdict));
  return why.is_held ? text + ", once HOLD is released (mirrorctl snapshot release)" : text;
}

Said say_target(const std::optional<WhyAnswer>& answer, const WhyTarget* target) {
  if (!answer || target == nullptr) return {};
  return {target->verdict, reasons_of(answer->facts, &target->facts)};
}
Said say_general(const std::optional<WhyAnswer>& answer, bool is_snapshot) {
  if (!answer) return {};
  std::string reasons = reasons_of(answer->facts, nullptr);
  const auto verdict = general_verdict(*answer, is_snapshot);
  if (reasons.empty() && verdict == WhyVerdict::kNobody)
    reasons = " (up to date with a URL in none of its categories)";
  return {verdict, std::move(reasons)};
}

// ---- text

std::string line(std::string_view name, std::string_view what) {
  return fmt::format("{:<11} {}\n", name, what);
}

class TextRenderer {
 public:
  explicit TextRenderer(const Why& why) : why_(why) {}

  std::string run() {
    add_head();
    add_facts("the host", {facts_of(why_.database), facts_of(why_.snapshot)});
    for (size_t i = 0; i < target_count(why_); ++i) {
      add_facts(title_of(why_, i),
                {facts_of(target_of(why_.database, i)), facts_of(target_of(why_.snapshot, i))});
    }
    add_categories(why_.database, "the database");
    add_categories(why_.snapshot, "the snapshot");
    text_ += "\n";
    add_notes(why_.database);
    add_notes(why_.snapshot);
    for (const auto& conclusion : conclusions_of(why_)) text_ += line("so", conclusion);
    return std::move(text_);
  }

 private:
  void add_head() {
    const auto& known = why_.database && why_.database->is_known ? why_.database : why_.snapshot;
    if (known && known->is_known) {
      text_ += line("host", fmt::format("{} (site {}, id {})", quote_for_message(known->host),
                                        quote_for_message(known->site), known->host_id));
    } else {
      text_ += line("host", quote_for_message(why_.question.host) + ", which is not known");
    }
    if (!why_.question.repository.empty()) {
      text_ += line("asked", fmt::format("repository {}, architecture {}",
                                         quote_for_message(why_.question.repository),
                                         quote_for_message(why_.question.arch)));
    } else if (!why_.question.directory.empty()) {
      text_ += line("asked", "directory " + quote_for_message(why_.question.directory, 400));
    }
    if (why_.database) text_ += line("database", why_.database_name);
    if (why_.snapshot) {
      text_ +=
          line("snapshot", fmt::format("generation {}, digest {}, data read at {}", why_.sequence,
                                       why_.digest.hex(), utc_text(why_.created_at)));
    }
  }

  std::string columns(std::string_view database, std::string_view snapshot) const {
    return (why_.database ? fmt::format("{:<9} ", database) : "") +
           (why_.snapshot ? fmt::format("{:<9} ", snapshot) : "");
  }

  void add_facts(const std::string& title, const Pair& pair) {
    text_ += "\n" + columns("database", "snapshot") + title + "\n";
    for (size_t i = 0; i < kWhyConditions; ++i) {
      const auto database = met_of(pair.database, i);
      const auto snapshot = met_of(pair.snapshot, i);
      if (!database && !snapshot && rows_of(pair.database, i).empty()) continue;
      text_ += fmt::format("{}{}\n", columns(say(database), say(snapshot)), kWords[i].sentence);
      for (const auto& row : rows_of(pair.database, i))
        text_ += fmt::format("{}  {}\n", columns("", ""), say(row));
      for (const auto& row : rows_of(pair.snapshot, i))
        text_ += fmt::format("{}  snapshot: {}\n", columns("", ""), say(row));
    }
  }
  static std::vector<WhyRow> rows_of(const WhyFacts* facts, size_t condition) {
    return facts == nullptr ? std::vector<WhyRow>{} : (*facts)[condition].rows;
  }

  void add_categories(const std::optional<WhyAnswer>& answer, std::string_view source) {
    if (!answer || answer->categories.empty()) return;
    text_ += fmt::format("\ncategories, as {} has them\n", source);
    for (const auto& category : answer->categories) {
      text_ += fmt::format(
          "  {} (id {}): {}, up to date in {} of {} directories{}{}\n",
          quote_for_message(category.name), category.id,
          category.has_url ? "has a public URL" : "has no public URL", category.up2date,
          category.directories,
          category.not_up2date > 0 ? fmt::format(", {} rows say no", category.not_up2date) : "",
          category.always_up2date ? ", always_up2date" : "");
      for (const auto& row : category.rows) text_ += fmt::format("    {}\n", say(row));
    }
  }

  void add_notes(const std::optional<WhyAnswer>& answer) {
    if (!answer) return;
    for (const auto& note : answer->notes) text_ += line("note", note);
  }

  const Why& why_;
  std::string text_;
};

// ---- JSON

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

class JsonRenderer {
 public:
  explicit JsonRenderer(const Why& why) : why_(why), json_(buffer_) { json_.SetIndent(' ', 2); }

  std::string run() {
    json_.StartObject();
    key("question");
    json_.StartObject();
    field("host", why_.question.host);
    field("repository", why_.question.repository);
    field("architecture", why_.question.arch);
    field("directory", why_.question.directory);
    json_.EndObject();
    key("database");
    if (why_.database) {
      json_.StartObject();
      field("url", why_.database_name);
      add_answer(*why_.database);
      json_.EndObject();
    } else {
      json_.Null();
    }
    key("snapshot");
    if (why_.snapshot) {
      json_.StartObject();
      field("generation", why_.sequence);
      field("digest", why_.digest.hex());
      field("created_at", why_.created_at);
      key("held");
      json_.Bool(why_.is_held);
      add_answer(*why_.snapshot);
      json_.EndObject();
    } else {
      json_.Null();
    }
    texts("conclusions", conclusions_of(why_));
    json_.EndObject();
    return std::string(buffer_.GetString(), buffer_.GetSize()) + "\n";
  }

 private:
  void add_answer(const WhyAnswer& answer) {
    key("known");
    json_.Bool(answer.is_known);
    key("id");
    if (answer.is_known) {
      json_.Int64(answer.host_id);
    } else {
      json_.Null();
    }
    field("host", answer.host);
    field("site", answer.site);
    add_facts(answer.facts);
    key("targets");
    json_.StartArray();
    for (const auto& target : answer.targets) {
      json_.StartObject();
      field("for", why_.question.repository.empty() ? "directory"
                   : target.is_metalink             ? "metalinks"
                                                    : "lists");
      field("directory", target.directory);
      field("listed_for", code_of(target.verdict));
      add_facts(target.facts);
      json_.EndObject();
    }
    json_.EndArray();
    key("categories");
    json_.StartArray();
    for (const auto& category : answer.categories) add_category(category);
    json_.EndArray();
    texts("notes", answer.notes);
  }

  void add_facts(const WhyFacts& facts) {
    key("conditions");
    json_.StartArray();
    for (size_t i = 0; i < kWhyConditions; ++i) {
      if (!facts[i].met && facts[i].rows.empty()) continue;
      json_.StartObject();
      field("code", kWords[i].code);
      field("condition", kWords[i].sentence);
      key("met");
      if (facts[i].met) {
        json_.Bool(*facts[i].met);
      } else {
        json_.Null();
      }
      add_rows(facts[i].rows);
      json_.EndObject();
    }
    json_.EndArray();
  }

  void add_rows(const std::vector<WhyRow>& rows) {
    key("rows");
    json_.StartArray();
    for (const auto& row : rows) {
      json_.StartObject();
      field("table", row.table);
      key("id");
      if (row.id) {
        json_.Int64(*row.id);
      } else {
        json_.Null();
      }
      field("says", row.says);
      json_.EndObject();
    }
    json_.EndArray();
  }

  void add_category(const WhyCategory& category) {
    json_.StartObject();
    key("id");
    json_.Int64(category.id);
    field("name", category.name);
    key("has_url");
    json_.Bool(category.has_url);
    key("always_up2date");
    json_.Bool(category.always_up2date);
    field("directories", category.directories);
    field("up_to_date", category.up2date);
    field("not_up_to_date", category.not_up2date);
    add_rows(category.rows);
    json_.EndObject();
  }

  void key(std::string_view name) {
    json_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  }
  // Names come from rows and from what was typed, and JSON is UTF-8.
  void text(std::string_view value) {
    const std::string safe =
        is_valid_utf8(value) ? std::string(value) : quote_for_message(value, value.size());
    json_.String(safe.data(), static_cast<rapidjson::SizeType>(safe.size()));
  }
  void field(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }
  void field(std::string_view name, uint64_t value) {
    key(name);
    json_.Uint64(value);
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    key(name);
    json_.StartArray();
    for (const auto& value : values) text(value);
    json_.EndArray();
  }

  const Why& why_;
  rapidjson::StringBuffer buffer_;
  Writer json_;
};

}  // namespace

std::string_view code_of(WhyCondition condition) {
  return kWords[static_cast<size_t>(condition)].code;
}
std::string_view code_of(WhyVerdict verdict) { return kVerdicts[static_cast<size_t>(verdict)]; }

std::vector<std::string> conclusions_of(const Why& why) {
  std::vector<std::string> conclusions;
  for (size_t i = 0; i < target_count(why); ++i) {
    conclusions.push_back(conclude(why, title_of(why, i),
                                   say_target(why.database, target_of(why.database, i)),
                                   say_target(why.snapshot, target_of(why.snapshot, i))));
  }
  if (conclusions.empty()) {
    conclusions.push_back(conclude(why, "listed for anything", say_general(why.database, false),
                                   say_general(why.snapshot, true)));
  }
  return conclusions;
}

std::string render_why_text(const Why& why) { return TextRenderer(why).run(); }
std::string render_why_json(const Why& why) { return JsonRenderer(why).run(); }

}  // namespace mirror

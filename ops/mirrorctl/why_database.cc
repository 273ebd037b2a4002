// The database half of `mirrorctl why`.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/core/netblock_text.h"
#include "base/core/text.h"
#include "compiler/text_rules.h"
#include "ops/mirrorctl/why.h"
#include "schema/snapshot/rendering.h"
#include "sql/why.h"

namespace mirror {
namespace {

// Of one statement; a host with more rows than this is no host.
constexpr size_t kRowsMax = 10'000;
// In the key of a repository; each is a place where its prefix may end.
constexpr int kPlusesMax = 16;

std::string says(std::string_view column, const std::optional<bool>& value) {
  return fmt::format("{} is {}", column, !value ? "NULL" : *value ? "true" : "false");
}

class DatabaseWhy {
 public:
  DatabaseWhy(Transaction& transaction, const WhyQuestion& question)
      : transaction_(transaction), question_(question) {}

  Result<WhyAnswer> run() {
    MIRROR_CHECK(find_host());
    if (answer_.is_known) {
      MIRROR_CHECK(read_networks());
      MIRROR_CHECK(read_countries_allowed());
      MIRROR_CHECK(read_categories());
    }
    if (!question_.repository.empty()) {
      MIRROR_CHECK(look_at_repository());
    } else if (!question_.directory.empty()) {
      MIRROR_CHECK(add_target(question_.directory, false, {}));
    } else {
      MIRROR_CHECK(tell_categories());
    }
    return std::move(answer_);
  }

 private:
  struct Url {
    int64_t id = 0;
    std::optional<std::string> text;
    std::optional<bool> is_private;
  };
  struct HostCategory {
    int64_t id = 0;
    std::optional<int64_t> category;
    std::string name;
    std::optional<bool> always;
    std::vector<Url> urls;
  };
  struct OfferedDirectory {
    int64_t id = 0;
    int64_t category = 0;
    std::string category_name;
    WhyFact offered;
  };
  struct RepositoryRow {
    int64_t id = 0;
    std::optional<bool> disabled;
    std::optional<int64_t> version, arch, known_arch, directory, known_directory;
    std::string arch_name, directory_name;
  };

  // Hands each row on; too many are an error, so that no table of somebody's can fill the memory.
  Result<void> each(std::string_view sql, std::initializer_list<Value> parameters,
                    const std::function<void(const Row&)>& use) {
    size_t count = 0;
    return transaction_.query(sql, parameters, [&](const Row& row) -> Result<void> {
      if (++count > kRowsMax)
        return fail(ErrorKind::kLimit, "more than {} rows belong to one host", kRowsMax);
      use(row);
      return {};
    });
  }

  static WhyFact& at(WhyFacts& facts, WhyCondition condition) {
    return facts[static_cast<size_t>(condition)];
  }
  WhyFact& fact(WhyCondition condition) { return at(answer_.facts, condition); }

  // An id if it is one of a host, else a name.
  Result<void> find_host() {
    std::vector<int64_t> ids;
    const auto use = [&](const Row& row) {
      ids.push_back(row.int64(0));
      if (ids.size() == 1) read_host(row);
    };
    if (const auto id = parse_int64(question_.host))
      MIRROR_CHECK(each(sql::why_host_by_id, {*id}, use));
    if (ids.empty())
      MIRROR_CHECK(each(sql::why_hosts_by_name, {std::string_view(question_.host)}, use));
    if (ids.size() > 1) {
      return fail(ErrorKind::kInvalid, "{} hosts have the name {}: say which by its id: {}",
                  ids.size(), quote_for_message(question_.host), fmt::join(ids, ", "));
    }
    auto& known = fact(WhyCondition::kKnown);
    known.met = answer_.is_known = !ids.empty();
    if (ids.empty())
      known.rows.push_back(
          {"host", std::nullopt, "with the name or id " + quote_for_message(question_.host)});
    return {};
  }

  void read_host(const Row& row) {
    answer_.host_id = row.int64(0);
    answer_.host = row.text(1);
    const auto site_id = row.optional_int64(2);
    const auto known_site = row.optional_int64(10);
    answer_.site = known_site ? std::string(row.text(11)) : "";
    asn_ = row.optional_int64(8);
    asn_clients_ = row.optional_boolean(9);
    fact(WhyCondition::kKnown).rows.push_back({"host", answer_.host_id, "is there"});
    auto& site = fact(WhyCondition::kSite);
    site.met = known_site.has_value();
    site.rows.push_back({"host", answer_.host_id,
                         !site_id ? "site_id is NULL"
                         : known_site
                             ? fmt::format("site_id is {}", *site_id)
                             : fmt::format("site_id is {}, and there is no such site", *site_id)});
    look_at_flag(WhyCondition::kHostActiveByAdmin, "host", "admin_active", row, 3, true);
    look_at_flag(WhyCondition::kHostActiveByUser, "host", "user_active", row, 4, true);
    look_at_flag(WhyCondition::kHostPublic, "host", "private", row, 5, false);
    tell_crawler(row);
    if (!known_site) return;
    look_at_flag(WhyCondition::kSiteActiveByAdmin, "site", "admin_active", row, 12, true);
    look_at_flag(WhyCondition::kSiteActiveByUser, "site", "user_active", row, 13, true);
    look_at_flag(WhyCondition::kSitePublic, "site", "private", row, 14, false);
  }

  // A flag that is NULL is off.
  void look_at_flag(WhyCondition condition, std::string_view table, std::string_view name,
                    const Row& row, int column, bool wanted) {
    const auto value = row.optional_boolean(column);
    fact(condition) = {
        value.value_or(false) == wanted,
        {{std::string(table), table == "host" ? row.int64(0) : row.int64(10), says(name, value)}}};
  }

  // Who switched the host off, if the crawler did.
  void tell_crawler(const Row& row) {
    const auto reason = row.optional_text(6);
    const auto failures = row.optional_int64(7).value_or(0);
    auto& active = fact(WhyCondition::kHostActiveByUser);
    if (active.met.value_or(false)) return;
    if (reason && !reason->empty())
      active.rows.push_back(
          {"host", answer_.host_id, "disable_reason is " + quote_for_message(*reason, 400)});
    if (failures > 0)
      active.rows.push_back(
          {"host", answer_.host_id, fmt::format("crawl_failures is {}", failures)});
  }

  [[nodiscard]] bool is_private() {
    return !fact(WhyCondition::kHostPublic).met.value_or(true) ||
           !fact(WhyCondition::kSitePublic).met.value_or(true);
  }

  // Which netblock an AS or a name stands for only a compile knows.
  Result<void> read_networks() {
    if (!is_private()) return {};
    auto& networks = fact(WhyCondition::kNetworks);
    bool surely = false;
    bool perhaps = false;
    MIRROR_CHECK(each(sql::why_host_netblocks, {answer_.host_id}, [&](const Row& row) {
      const auto text = row.optional_text(1).value_or("");
      const auto netblock = parse_netblock(text, true);
      std::string_view verdict;
      if (const auto* fault = std::get_if<NetblockFault>(&netblock)) {
        verdict = fault->reason;
      } else if (std::holds_alternative<NetblockName>(netblock)) {
        perhaps = true;
        verdict = "a name, which a compile resolves";
      } else if (width_of(std::get<IpPrefix>(netblock)) == PrefixWidth::kAll) {
        verdict = "holds all addresses, so it is left out";
      } else {
        surely = true;
        verdict = "accepted";
      }
      networks.rows.push_back(
          {"host_netblock", row.int64(0), fmt::format("{}: {}", quote_for_message(text), verdict)});
    }));
    const auto add_asn = [&](std::string_view table, int64_t id, int64_t asn) {
      perhaps = true;
      networks.rows.push_back(
          {std::string(table), id, fmt::format("AS {}, if --netblocks knows its prefixes", asn)});
    };
    if (asn_ && asn_clients_.value_or(false)) add_asn("host", answer_.host_id, *asn_);
    MIRROR_CHECK(each(sql::why_host_peer_asns, {answer_.host_id}, [&](const Row& row) {
      if (!row.is_null(1)) add_asn("host_peer_asn", row.int64(0), row.int64(1));
    }));
    networks.met = surely ? std::optional(true) : perhaps ? std::nullopt : std::optional(false);
    if (networks.rows.empty()) {
      networks.rows.push_back({"host_netblock", std::nullopt,
                               fmt::format("of host {}, and no AS number", answer_.host_id)});
    }
    return {};
  }

  Result<void> read_countries_allowed() {
    std::set<std::string> countries;
    MIRROR_CHECK(each(sql::why_host_countries_allowed, {answer_.host_id}, [&](const Row& row) {
      if (const auto code = row.optional_text(1)) countries.insert(normalize_country(*code));
    }));
    if (countries.empty()) return {};
    std::vector<std::string> shown;
    for (const auto& country : countries) shown.push_back(quote_for_message(country));
    answer_.notes.push_back(
        fmt::format("only clients in {} get it (host_country, host_country_allowed), and those of "
                    "its networks",
                    fmt::join(shown, ", ")));
    return {};
  }

  Result<void> read_categories() {
    MIRROR_CHECK(each(sql::why_host_categories, {answer_.host_id}, [&](const Row& row) {
      host_categories_.push_back({row.int64(0),
                                  row.optional_int64(1),
                                  row.optional_text(2).value_or(""),
                                  row.optional_boolean(3),
                                  {}});
    }));
    return each(sql::why_host_urls, {answer_.host_id}, [&](const Row& row) {
      const auto owner = std::ranges::find(host_categories_, row.int64(1), &HostCategory::id);
      if (owner == host_categories_.end()) return;
      owner->urls.push_back({row.int64(0), row.optional_text(2), row.optional_boolean(3)});
    });
  }

  // Of one host_category: adds to the facts what its URLs say.
  static void look_at_urls(const HostCategory& host_category, WhyFact& url, WhyFact& listable) {
    for (const auto& one : host_category.urls) {
      const auto shown = quote_for_message(one.text.value_or(""), 400);
      const auto tell = [&](std::string_view verdict) {
        url.rows.push_back({"host_category_url", one.id, fmt::format("{}: {}", shown, verdict)});
      };
      if (one.is_private.value_or(true)) {
        tell(one.is_private ? "private" : "private is NULL, so it is not public");
        continue;
      }
      const auto base = normalize_url(one.text.value_or(""));
      if (const auto* fault = std::get_if<UrlFault>(&base)) {
        tell(fmt::format("left out: such URLs {}", fault->reason));
        continue;
      }
      tell("accepted");
      url.met = true;
      const bool is_shown = is_listable(scheme_of(std::get<std::string>(base)));
      listable.met = listable.met.value_or(false) || is_shown;
      if (is_shown) listable.rows.push_back({"host_category_url", one.id, shown});
    }
  }

  // REQUIRES: facts for kUrl are empty. The host_category rows of one category together (C-18).
  void look_at_all_urls(const std::vector<const HostCategory*>& rows, WhyFacts& facts) const {
    auto& url = at(facts, WhyCondition::kUrl);
    url.met = false;
    for (const auto* row : rows) look_at_urls(*row, url, at(facts, WhyCondition::kListableUrl));
    if (!url.rows.empty()) return;
    for (const auto* row : rows) {
      url.rows.push_back(
          {"host_category_url", std::nullopt, fmt::format("of host_category {}", row->id)});
    }
  }

  [[nodiscard]] std::vector<const HostCategory*> rows_of(int64_t category) const {
    std::vector<const HostCategory*> rows;
    for (const auto& row : host_categories_) {
      if (row.category == category) rows.push_back(&row);
    }
    return rows;
  }

  // ---- repositories

  static bool names_sources(std::string_view repository) {
    return repository.find("source") != std::string_view::npos;
  }

  Result<std::string> follow_redirect() {
    std::string prefix = question_.repository;
    bool is_first = true;  // of the rows that are whole the first one counts
    MIRROR_CHECK(each(sql::why_redirects, {std::string_view(prefix)}, [&](const Row& row) {
      const auto target = row.optional_text(1);
      if (!target || !is_clean_text(*target) || !is_first) return;
      is_first = false;
      if (target->empty()) return;
      prefix = *target;
      answer_.notes.push_back(fmt::format("repository_redirect {}: {} leads to {}", row.int64(0),
                                          quote_for_message(question_.repository),
                                          quote_for_message(*target)));
    }));
    return prefix;
  }

  Result<std::vector<RepositoryRow>> read_repositories(const std::string& prefix) {
    std::vector<RepositoryRow> rows;
    MIRROR_CHECK(each(sql::why_repositories, {std::string_view(prefix)}, [&](const Row& row) {
      rows.push_back({row.int64(0), row.optional_boolean(1), row.optional_int64(2),
                      row.optional_int64(3), row.optional_int64(4), row.optional_int64(6),
                      row.optional_int64(7), row.optional_text(5).value_or(""),
                      row.optional_text(8).value_or("")});
    }));
    return rows;
  }

  // "" if a compile can use the row for this architecture, else why not.
  static std::string fault_of(const RepositoryRow& row, std::string_view arch) {
    if (!row.directory || !row.version || !row.arch)
      return "has no directory, version or architecture";
    if (!row.known_arch || row.arch_name != arch)
      return "is of architecture " + quote_for_message(row.arch_name);
    if (!row.known_directory || row.directory_name.empty())
      return fmt::format("names directory {}, which does not exist or has no name", *row.directory);
    return "";
  }

  Result<void> look_at_repository() {
    MIRROR_TRY(const auto prefix, follow_redirect());
    const bool sources = names_sources(question_.repository) || names_sources(prefix);
    const std::string arch = sources ? "source" : question_.arch;
    if (arch != question_.arch)
      answer_.notes.emplace_back("a prefix that names sources is of the architecture \"source\"");
    WhyFacts facts;
    MIRROR_TRY(const auto directory, find_repository(prefix, arch, facts));
    MIRROR_CHECK(add_target(directory, false, facts));
    return add_target(directory.empty() ? "" : metadata_directory(directory), true, facts);
  }

  // Its directory, "" if there is none. A repository is found by the text PREFIX+ARCH, so that a+b
  // of architecture c and a of architecture b+c are one.
  Result<std::string> find_repository(const std::string& prefix, const std::string& arch,
                                      WhyFacts& facts) {
    const std::string key = prefix + "+" + arch;
    if (std::ranges::count(key, '+') > kPlusesMax)
      return fail(ErrorKind::kInvalid, "{}: more than {} times +", quote_for_message(key),
                  kPlusesMax);
    at(facts, WhyCondition::kEnabled).met = true;
    auto& repository = at(facts, WhyCondition::kRepository);
    repository.met = false;
    std::optional<RepositoryRow> chosen;
    for (size_t plus = key.find('+', 1); plus != std::string::npos;
         plus = key.find('+', plus + 1)) {
      MIRROR_TRY(const auto rows, read_repositories(key.substr(0, plus)));
      const bool is_asked = plus == prefix.size();
      for (const auto& row : rows) {
        if (is_asked) look_at_disabled(row, prefix, facts);
        const auto fault = is_clean_text(key)
                               ? fault_of(row, std::string_view(key).substr(plus + 1))
                               : "its key holds bytes that no repository may have";
        if (fault.empty()) {
          // The highest id counts (C-19).
          if (!chosen || chosen->id < row.id) chosen = row;
        } else if (is_asked) {
          repository.rows.push_back({"repository", row.id, fault});
        }
      }
    }
    if (chosen) {
      repository.met = true;
      repository.rows.push_back({"repository", chosen->id,
                                 fmt::format("leads to directory {} {}", *chosen->directory,
                                             quote_for_message(chosen->directory_name))});
    } else if (repository.rows.empty()) {
      repository.rows.push_back(
          {"repository", std::nullopt, "with the prefix " + quote_for_message(prefix)});
    }
    return chosen ? chosen->directory_name : "";
  }

  // One architecture disables the prefix for all of them (C-20).
  static void look_at_disabled(const RepositoryRow& row, const std::string& prefix,
                               WhyFacts& facts) {
    const bool is_whole = row.directory && row.version && row.arch && is_clean_text(prefix);
    if (!is_whole || !row.disabled.value_or(false)) return;
    auto& enabled = at(facts, WhyCondition::kEnabled);
    enabled.met = false;
    enabled.rows.push_back({"repository", row.id, "disabled is true"});
  }

  // ---- directories

  Result<void> add_target(const std::string& directory, bool is_metalink, const WhyFacts& facts) {
    WhyTarget target{is_metalink, directory, facts, WhyVerdict::kUnknown};
    if (!directory.empty()) MIRROR_CHECK(look_at_directory(target));
    if (is_metalink) at(target.facts, WhyCondition::kListableUrl) = {};
    target.verdict = verdict_of(answer_.facts, target.facts);
    answer_.targets.push_back(std::move(target));
    return {};
  }

  Result<void> look_at_directory(WhyTarget& target) {
    std::vector<int64_t> ids;
    MIRROR_CHECK(each(sql::why_directories_by_name, {std::string_view(target.directory)},
                      [&](const Row& row) { ids.push_back(row.int64(0)); }));
    auto& known = at(target.facts, WhyCondition::kDirectory);
    known.met = !ids.empty();
    if (ids.empty()) {
      known.rows.push_back(
          {"directory", std::nullopt, "with the name " + quote_for_message(target.directory)});
      return {};
    }
    // Of several rows of one name, which old databases may have, the first that can be offered.
    std::optional<OfferedDirectory> chosen;
    for (const int64_t id : ids) {
      MIRROR_TRY(auto directory, look_at_category(id, target.directory));
      if (!chosen ||
          (!chosen->offered.met.value_or(false) && directory.offered.met.value_or(false)))
        chosen = std::move(directory);
    }
    known.rows.push_back({"directory", chosen->id, quote_for_message(target.directory)});
    at(target.facts, WhyCondition::kOffered) = chosen->offered;
    if (target.is_metalink) MIRROR_CHECK(look_at_checksums(chosen->id, target.facts));
    if (!chosen->offered.met.value_or(false) || !answer_.is_known) return {};
    return look_at_carrying(*chosen, target.facts);
  }

  Result<void> look_at_checksums(int64_t directory, WhyFacts& facts) {
    auto& checksums = at(facts, WhyCondition::kChecksums);
    checksums.met = false;
    MIRROR_CHECK(each(sql::why_repomd, {directory}, [&](const Row& row) {
      checksums.met = true;
      bool has_hash = false;
      for (int column = 1; column <= 4; ++column)
        has_hash = has_hash || !row.optional_text(column).value_or("").empty();
      checksums.rows.push_back({"file_detail", row.int64(0),
                                has_hash ? "of \"repomd.xml\""
                                         : "of \"repomd.xml\", without a checksum: clients cannot "
                                           "verify what they get"});
    }));
    if (*checksums.met) return {};
    checksums.rows.push_back({"file_detail", std::nullopt,
                              fmt::format("of directory {} and \"repomd.xml\"", directory)});
    return {};
  }

  Result<OfferedDirectory> look_at_category(int64_t id, const std::string& name) {
    OfferedDirectory directory;
    directory.id = id;
    bool is_first = true;
    std::optional<std::string> topdir;
    MIRROR_CHECK(each(sql::why_directory_categories, {id}, [&](const Row& row) {
      // Of several categories the one of the lowest id counts (C-14).
      if (!is_first) {
        directory.offered.rows.push_back(
            {"category", row.int64(0),
             fmt::format("{} has the directory too, and does not count: its id is higher",
                         quote_for_message(row.text(1)))});
        return;
      }
      is_first = false;
      directory.category = row.int64(0);
      directory.category_name = row.text(1);
      topdir = row.optional_text(3);
      directory.offered.rows.push_back(
          {"category", row.int64(0),
           fmt::format("{} has the directory; its top directory is {}",
                       quote_for_message(row.text(1)),
                       topdir ? quote_for_message(*topdir) : "none that exists")});
    }));
    directory.offered.met = topdir && is_clean_text(name) && subpath_below(*topdir, name);
    if (is_first) {
      directory.offered.rows.push_back(
          {"category_directory", std::nullopt, fmt::format("of directory {}", id)});
    }
    return directory;
  }

  Result<void> look_at_carrying(const OfferedDirectory& directory, WhyFacts& facts) {
    const auto rows = rows_of(directory.category);
    auto& category = at(facts, WhyCondition::kCategory);
    category.met = !rows.empty();
    const auto shown = fmt::format("category {} {}", directory.category,
                                   quote_for_message(directory.category_name));
    for (const auto* row : rows) category.rows.push_back({"host_category", row->id, shown});
    if (rows.empty()) {
      category.rows.push_back({"host_category", std::nullopt,
                               fmt::format("of host {} and {}", answer_.host_id, shown)});
      return {};
    }
    look_at_all_urls(rows, facts);
    auto& up2date = at(facts, WhyCondition::kUpToDate);
    up2date.met = false;
    for (const auto* row : rows) {
      if (row->always.value_or(false)) {
        up2date.met = true;
        up2date.rows.push_back({"host_category", row->id, "always_up2date is true"});
        continue;
      }
      MIRROR_CHECK(look_at_host_category_dirs(*row, directory.id, up2date));
    }
    return {};
  }

  Result<void> look_at_host_category_dirs(const HostCategory& host_category, int64_t directory,
                                          WhyFact& up2date) {
    const size_t before = up2date.rows.size();
    MIRROR_CHECK(each(
        sql::why_host_category_directories, {host_category.id, directory}, [&](const Row& row) {
          const auto value = row.optional_boolean(1);
          if (value.value_or(false)) up2date.met = true;
          up2date.rows.push_back({"host_category_dir", row.int64(0), says("up2date", value)});
        }));
    if (up2date.rows.size() == before) {
      up2date.rows.push_back(
          {"host_category_dir", std::nullopt,
           fmt::format("of host_category {} and directory {}, and always_up2date is not true",
                       host_category.id, directory)});
    }
    return {};
  }

  // ---- in general

  Result<void> tell_categories() {
    struct Counts {
      uint64_t all = 0, up2date = 0;
    };
    std::map<int64_t, Counts> counts;  // by host_category
    std::map<int64_t, uint64_t> directories;
    if (answer_.is_known) {
      MIRROR_CHECK(each(sql::why_host_directory_counts, {answer_.host_id}, [&](const Row& row) {
        counts[row.int64(0)] = {static_cast<uint64_t>(row.int64(1)),
                                static_cast<uint64_t>(row.int64(2))};
      }));
      MIRROR_CHECK(each(sql::why_category_directory_counts, {answer_.host_id}, [&](const Row& row) {
        directories[row.int64(0)] = static_cast<uint64_t>(row.int64(1));
      }));
    }
    std::map<int64_t, WhyCategory> categories;
    for (const auto& row : host_categories_) {
      if (!row.category) {
        answer_.notes.push_back(
            fmt::format("host_category {} names no category that exists", row.id));
        continue;
      }
      auto& category = categories[*row.category];
      category.id = *row.category;
      category.name = row.name;
      category.rows.push_back({"host_category", row.id, says("always_up2date", row.always)});
      category.always_up2date = category.always_up2date || row.always.value_or(false);
      category.directories = directories[*row.category];
      category.up2date += counts[row.id].up2date;
      category.not_up2date += counts[row.id].all - counts[row.id].up2date;
    }
    for (auto& [id, category] : categories) {
      WhyFacts facts;
      look_at_all_urls(rows_of(id), facts);
      auto& url = at(facts, WhyCondition::kUrl);
      category.has_url = *url.met;
      std::ranges::move(url.rows, std::back_inserter(category.rows));
      answer_.categories.push_back(std::move(category));
    }
    if (answer_.is_known && categories.empty()) {
      answer_.notes.push_back(fmt::format(
          "it mirrors no category: no row of host_category of host {}", answer_.host_id));
    }
    return {};
  }

  Transaction& transaction_;
  const WhyQuestion& question_;
  WhyAnswer answer_;
  std::optional<int64_t> asn_;
  std::optional<bool> asn_clients_;
  std::vector<HostCategory> host_categories_;
};

}  // namespace

Result<WhyAnswer> why_by_database(Transaction& transaction, const WhyQuestion& question) {
  return DatabaseWhy(transaction, question).run();
}

}  // namespace mirror

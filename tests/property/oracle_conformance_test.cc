// Proves the oracle: its answers on the recorded world are those that the conformance pack expects
// of a server that was compiled from the database. Skips, loudly, where the pack is absent.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>

#include "base/core/text.h"
#include "tests/property/naive_client.h"
#include "tests/property/oracle.h"

namespace mirror {
namespace {

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The pack's tables as rows, read without any code of the project's database layer.
class PackDatabase {
 public:
  explicit PackDatabase(const std::filesystem::path& folder) {
    sqlite3_open(":memory:", &database_);
    for (const char* file : {"schema.sql", "world.sql"}) {
      char* error = nullptr;
      sqlite3_exec(database_, slurp(folder / file).c_str(), nullptr, nullptr, &error);
      EXPECT_EQ(error, nullptr) << file << ": " << (error ? error : "");
      sqlite3_free(error);
    }
  }
  ~PackDatabase() { sqlite3_close(database_); }
  PackDatabase(const PackDatabase&) = delete;
  PackDatabase& operator=(const PackDatabase&) = delete;

  template <typename Table, typename Read>
  void load(Table& table, const char* sql, const Read& read) {
    ASSERT_EQ(sqlite3_prepare_v2(database_, sql, -1, &statement_, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database_);
    while (sqlite3_step(statement_) == SQLITE_ROW) read(table.emplace_back());
    sqlite3_finalize(statement_);
  }
  [[nodiscard]] std::optional<int64_t> number(int column) const {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
    return sqlite3_column_int64(statement_, column);
  }
  [[nodiscard]] std::optional<bool> flag(int column) const {
    const auto value = number(column);
    return value ? std::optional(*value != 0) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::string> text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes ? std::optional<std::string>(bytes) : std::nullopt;
  }

 private:
  sqlite3* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
};

void load_organisation(PackDatabase& db, DatabaseRows& rows) {
  db.load(rows.sites, "SELECT id, private, admin_active, user_active FROM site ORDER BY id",
          [&](SiteRow& row) {
            row.id = *db.number(0);
            row.is_private = db.flag(1);
            row.admin_active = db.flag(2);
            row.user_active = db.flag(3);
          });
  db.load(rows.hosts,
          "SELECT id, site_id, admin_active, user_active, private, asn_clients, country, "
          "bandwidth_int, asn FROM host ORDER BY id",
          [&](HostRow& row) {
            row.id = *db.number(0);
            row.site_id = db.number(1);
            row.admin_active = db.flag(2);
            row.user_active = db.flag(3);
            row.is_private = db.flag(4);
            row.asn_clients = db.flag(5);
            row.country = db.text(6);
            row.bandwidth = db.number(7);
            row.asn = db.number(8);
          });
  db.load(rows.host_netblocks, "SELECT id, host_id, netblock FROM host_netblock ORDER BY id",
          [&](HostNetblockRow& row) {
            row.id = *db.number(0);
            row.host_id = db.number(1);
            row.netblock = db.text(2);
          });
  db.load(rows.host_countries_allowed,
          "SELECT id, host_id, country FROM host_country_allowed ORDER BY id",
          [&](HostCountryAllowedRow& row) {
            row.id = *db.number(0);
            row.host_id = db.number(1);
            row.country = db.text(2);
          });
  db.load(rows.netblock_countries, "SELECT id, netblock, country FROM netblock_country ORDER BY id",
          [&](NetblockCountryRow& row) {
            row.id = *db.number(0);
            row.netblock = db.text(1);
            row.country = db.text(2);
          });
  db.load(rows.country_continent_redirects,
          "SELECT id, country, continent FROM country_continent_redirect ORDER BY id",
          [&](CountryContinentRedirectRow& row) {
            row.id = *db.number(0);
            row.country = db.text(1);
            row.continent = db.text(2);
          });
}

void load_content(PackDatabase& db, DatabaseRows& rows) {
  db.load(rows.arches, "SELECT id, name FROM arch ORDER BY id", [&](ArchRow& row) {
    row.id = *db.number(0);
    row.name = db.text(1);
  });
  db.load(rows.directories, "SELECT id, name FROM directory ORDER BY id", [&](DirectoryRow& row) {
    row.id = *db.number(0);
    row.name = *db.text(1);
  });
  db.load(rows.categories, "SELECT id, topdir_id FROM category ORDER BY id", [&](CategoryRow& row) {
    row.id = *db.number(0);
    row.topdir_id = db.number(1);
  });
  db.load(rows.category_directories,
          "SELECT category_id, directory_id FROM category_directory ORDER BY 1, 2",
          [&](CategoryDirectoryRow& row) {
            row.category_id = *db.number(0);
            row.directory_id = *db.number(1);
          });
  db.load(
      rows.repositories,
      "SELECT id, prefix, version_id, arch_id, directory_id, disabled FROM repository ORDER BY id",
      [&](RepositoryRow& row) {
        row.id = *db.number(0);
        row.prefix = db.text(1);
        row.version_id = db.number(2);
        row.arch_id = db.number(3);
        row.directory_id = db.number(4);
        row.disabled = db.flag(5);
      });
  db.load(rows.repository_redirects,
          "SELECT id, from_repo, to_repo FROM repository_redirect ORDER BY id",
          [&](RepositoryRedirectRow& row) {
            row.id = *db.number(0);
            row.from_repo = db.text(1);
            row.to_repo = db.text(2);
          });
  db.load(rows.file_details,
          "SELECT id, directory_id, filename, timestamp, size, md5, sha1, sha256, sha512 "
          "FROM file_detail ORDER BY id",
          [&](FileDetailRow& row) {
            row.id = *db.number(0);
            row.directory_id = *db.number(1);
            row.filename = *db.text(2);
            row.timestamp = db.number(3);
            row.size = db.number(4);
            row.md5 = db.text(5);
            row.sha1 = db.text(6);
            row.sha256 = db.text(7);
            row.sha512 = db.text(8);
          });
}

void load_carriers(PackDatabase& db, DatabaseRows& rows) {
  db.load(rows.host_categories,
          "SELECT id, host_id, category_id, always_up2date FROM host_category ORDER BY id",
          [&](HostCategoryRow& row) {
            row.id = *db.number(0);
            row.host_id = db.number(1);
            row.category_id = db.number(2);
            row.always_up2date = db.flag(3);
          });
  db.load(rows.host_category_urls,
          "SELECT id, host_category_id, url, private FROM host_category_url ORDER BY id",
          [&](HostCategoryUrlRow& row) {
            row.id = *db.number(0);
            row.host_category_id = *db.number(1);
            row.url = db.text(2);
            row.is_private = db.flag(3);
          });
  db.load(
      rows.host_category_dirs,
      "SELECT id, host_category_id, directory_id FROM host_category_dir WHERE up2date ORDER BY id",
      [&](HostCategoryDirRow& row) {
        row.id = *db.number(0);
        row.host_category_id = *db.number(1);
        row.directory_id = db.number(2);
      });
}

// geoip.csv: prefix,country; a leading minus marks a record without a country. 2002::/16 is an
// alias of the IPv4 tree.
std::function<std::string(const IpAddress&)> read_geo(const std::string& csv) {
  std::vector<std::pair<IpPrefix, std::string>> records;
  for (const std::string_view line : split(csv, '\n')) {
    const auto fields = split(trim(line), ',');
    const auto prefix = IpPrefix::parse(fields[0]);
    if (prefix && fields.size() == 2)
      records.emplace_back(*prefix, fields[1].starts_with('-') ? "" : fields[1]);
  }
  return [records = std::move(records)](IpAddress address) {
    if (!address.is_ipv4() && address.high >> 48 == 0x2002)
      address = IpAddress::from_ipv4(static_cast<uint32_t>(address.high >> 16));
    int longest = -1;
    std::string country;
    for (const auto& [prefix, name] : records) {
      if (prefix.length <= longest || !prefix.contains(address)) continue;
      longest = prefix.length;
      country = name;
    }
    return country;
  };
}

// tables.json and the comparison of one normalised answer (conformance/README.md).
class Pack {
 public:
  explicit Pack(const std::filesystem::path& folder) {
    tables_.Parse(slurp(folder / "tables.json").c_str());
  }
  [[nodiscard]] uint32_t minimum() const { return tables_["minimum"].GetUint(); }
  [[nodiscard]] uint64_t time() const { return tables_["time"].GetUint64(); }

  // "" if it fits.
  [[nodiscard]] std::string compare(const rapidjson::Value& want, const OracleAnswer& got) const {
    if (want.HasMember("any")) {
      std::string all;
      for (const auto& one : want["any"].GetArray()) {
        const std::string said = compare(one, got);
        if (said.empty()) return "";
        all += said + "; ";
      }
      return all;
    }
    if (want["s"].GetInt() != got.status)
      return fmt::format("status {}, expected {}", got.status, want["s"].GetInt());
    const bool metalink = std::string(want["t"].GetString()) == "application/metalink+xml";
    if (metalink != got.metalink_type) return "content type";
    if (want.HasMember("b")) return differ(text_of(want["b"]), without_date(got.text.value_or("")));
    const std::string suffix = want["x"].GetString();
    if (want.HasMember("l")) {
      std::set<std::string> permitted;
      for (const auto& base : want["l"].GetArray()) permitted.insert(base_of(base) + suffix);
      const std::set<std::string> said(got.locations.begin(), got.locations.end());
      return permitted == said ? "" : "locations";
    }
    const std::string head =
        want.HasMember("m") ? got.head.substr(got.head.find("\n <files>") + 1) : got.head;
    const std::string said = differ(
        want.HasMember("m") ? tables_["texts"][want["m"].GetUint()].GetString() : header_of(want),
        head);
    return said.empty() ? compare_groups(want, suffix, got) : said;
  }

 private:
  using Hosts = std::multiset<std::tuple<std::string, bool, std::vector<std::string>>>;

  static std::string differ(const std::string& want, const std::string& got) {
    return want == got ? "" : fmt::format("got {:?}, expected {:?}", got, want);
  }
  static std::string without_date(const std::string& text) {
    return std::regex_replace(text, std::regex("pubdate=\"[^\"]*\""), "pubdate=\"P\"");
  }
  [[nodiscard]] std::string base_of(const rapidjson::Value& index) const {
    return tables_["bases"][index.GetUint()].GetString();
  }
  [[nodiscard]] std::string text_of(const rapidjson::Value& pieces) const {
    std::string text;
    for (const auto& piece : pieces.GetArray())
      text += piece.IsString() ? piece.GetString() : tables_["texts"][piece.GetUint()].GetString();
    return text;
  }
  static std::string header_of(const rapidjson::Value& want) {
    std::string header;
    for (const auto& fragment : want["h"].GetArray()) {
      std::set<std::string> sorted;
      if (fragment.IsString()) sorted.insert(fragment.GetString());
      if (fragment.IsArray())
        for (const auto& country : fragment.GetArray()) sorted.insert(country.GetString());
      for (const std::string& text : sorted) header += text;
    }
    header += "\n";
    if (want.HasMember("c"))
      for (const auto& line : want["c"].GetArray()) header += std::string(line.GetString()) + "\n";
    return header;
  }
  [[nodiscard]] std::string compare_groups(const rapidjson::Value& want, const std::string& suffix,
                                           const OracleAnswer& got) const {
    std::vector<Hosts> expected, said;
    for (const auto& group : want["g"].GetArray()) {
      Hosts hosts;
      for (const auto& index : group.GetArray()) {
        const auto& host = tables_["hosts"][index.GetUint()];
        std::vector<std::string> urls;
        for (const auto& base : host[2].GetArray()) urls.push_back(base_of(base) + suffix);
        const bool metalink = want.HasMember("m");
        hosts.emplace(metalink ? host[0].GetString() : "", metalink && host[1].GetInt() != 0, urls);
      }
      if (!hosts.empty()) expected.push_back(hosts);
    }
    for (const OracleGroup& group : got.groups) {
      Hosts hosts;
      for (const OracleHost& host : group.hosts)
        hosts.emplace(got.metalink_type ? host.country : "", got.metalink_type && host.is_private,
                      host.urls);
      said.push_back(hosts);
    }
    if (expected == said) return "";
    std::string text = fmt::format("{} groups, expected {}:", said.size(), expected.size());
    for (const auto* list : {&said, &expected}) {
      text += " [";
      for (const Hosts& hosts : *list)
        for (const auto& [country, is_private, urls] : hosts)
          text += " " + (urls.empty() ? "-" : urls[0]);
      text += "]";
    }
    return text;
  }

  rapidjson::Document tables_;
};

TEST(Oracle, AnswersTheRecordedWorld) {
  const char* shared = std::getenv("MIRROR_SHARED");
  const auto folder = std::filesystem::path(shared ? shared : "../shared") / "conformance/world";
  if (!std::filesystem::exists(folder)) {
    std::fprintf(stderr, "SKIPPED: no conformance pack in %s (set MIRROR_SHARED)\n",
                 folder.c_str());
    std::exit(77);
  }
  DatabaseRows rows;
  PackDatabase database(folder);
  load_organisation(database, rows);
  load_content(database, rows);
  load_carriers(database, rows);
  ASSERT_GT(rows.directories.size(), 1000u);
  const Pack pack(folder);
  OracleWorld world;
  world.rows = &rows;
  world.country_continent_csv = slurp(folder / "country_continent.csv");
  world.global_netblocks = slurp(folder / "global_netblocks.txt");
  world.geo_country = read_geo(slurp(folder / "geoip.csv"));
  world.minimum = pack.minimum();
  world.created_at = pack.time();

  int asked = 0;
  const std::string answers = slurp(folder / "answers.jsonl");
  for (const std::string_view line : split(answers, '\n')) {
    if (line.empty()) continue;
    rapidjson::Document row;
    row.Parse(line.data(), line.size());
    NaiveClient asker{*IpAddress::parse("127.0.0.1"),
                      {},
                      {*IpPrefix::parse("127.0.0.0/8"), *IpPrefix::parse("::1")}};
    if (row.HasMember("headers"))
      for (const auto& header : row["headers"].GetArray())
        if (std::string(header[0].GetString()) == "X-Forwarded-For")
          asker.forwarded_for.emplace_back(header[1].GetString());
    const OracleQuestion question{row["target"].GetString(), asker.address(), 1700000000};
    const rapidjson::Value* want = &row["ours_db"];
    if (want->IsString() && std::string(want->GetString()) == "ours") want = &row["ours"];
    if (want->IsString()) want = &row["peer"];
    EXPECT_EQ(pack.compare(*want, oracle_answer(world, question)), "")
        << "question " << row["n"].GetInt() << ": " << question.target;
    ++asked;
  }
  EXPECT_GT(asked, 2000);
}

}  // namespace
}  // namespace mirror

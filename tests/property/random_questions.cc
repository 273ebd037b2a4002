#include <fmt/format.h>

#include <set>

#include "base/core/text.h"
#include "tests/property/dice.h"
#include "tests/property/random_world.h"

namespace mirror {
namespace {

class QuestionMaker {
 public:
  QuestionMaker(const RandomWorld& world, uint64_t seed) : world_(world), dice_(seed) {
    for (const HostNetblockRow& row : world.rows.host_netblocks)
      for (const IpPrefix& prefix : oracle_prefixes(row.netblock.value_or(""), &world.names))
        targets_.push_back(prefix);
    for (const NetblockCountryRow& row : world.rows.netblock_countries)
      for (const IpPrefix& prefix : oracle_prefixes(row.netblock.value_or(""), nullptr))
        targets_.push_back(prefix);
    for (const std::string_view line : split(world.global_netblocks, '\n'))
      if (const auto columns = split_blanks(line); !columns.empty())
        if (const auto prefix = IpPrefix::parse(columns[0])) targets_.push_back(*prefix);
    for (const auto& [prefix, country] : world.geo) targets_.push_back(prefix);
    targets_.push_back(*IpPrefix::parse("10.0.0.0/14"));
    targets_.push_back(*IpPrefix::parse("2001:db8::/126"));
  }

  RandomQuestion make() {
    RandomQuestion question;
    resource_ = random_resource();
    parts_.clear();
    bad_text_ = false;
    choose_place();
    choose_mirrors();
    if (dice_.chance(70)) add("ip", random_ip());
    if (dice_.chance(10)) add("countme", "3");
    if (dice_.chance(5)) parts_.push_back("");
    question.target = resource_;
    if (!parts_.empty() || dice_.chance(50)) question.target += "?";
    while (!parts_.empty()) {
      const size_t at =
          static_cast<size_t>(dice_.between(0, static_cast<int64_t>(parts_.size()) - 1));
      question.target += parts_[at] + (parts_.size() > 1 ? "&" : "");
      parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (dice_.chance(3)) question.target += "#fragment?path=x";
    question.asker = random_asker();
    question.bad_text = bad_text_;
    return question;
  }

 private:
  std::string random_resource() {
    if (dice_.chance(3))
      return dice_.of({"/", "/mirrorlist/", "/xmirrorlist", "/mirror%6cist", "/METALINK",
                       "http://mirrorlist", "http://h.example/", ""});
    return dice_.of({"", "", "", "", "/a/b", "http://h.example:80", "http://h.example/x"}) +
           dice_.of({"/mirrorlist", "/mirrorlist", "/mirrorlist", "/metalink", "/metalink"});
  }

  void choose_place() {
    const bool by_path = dice_.chance(55);
    if (by_path || dice_.chance(8)) add("path", random_path());
    if (by_path && !dice_.chance(15)) return;
    std::string repository = random_repository();
    std::string architecture = random_architecture();
    if (dice_.chance(85) && !world_.rows.repositories.empty()) {
      const RepositoryRow& row = dice_.of(world_.rows.repositories);
      repository = row.prefix.value_or("");
      for (const ArchRow& arch : world_.rows.arches)
        if (arch.id == row.arch_id) architecture = arch.name.value_or("");
    }
    if (!dice_.chance(3)) add("repo", repository);
    if (!dice_.chance(3)) add("arch", architecture);
  }
  std::string random_path() {
    if (dice_.chance(4))
      return dice_.of({"", "/", "nowhere", "no/where/file", "pub/./alpha", "pub/alpha/../alpha"});
    std::string path = random_directory();
    if (dice_.chance(resource_.ends_with("/metalink") ? 80 : 20) &&
        !world_.rows.file_details.empty()) {
      const FileDetailRow* detail = &dice_.of(world_.rows.file_details);
      for (int i = 0; i < 5 && !is_listed(detail->directory_id); ++i)
        detail = &dice_.of(world_.rows.file_details);
      path = name_of(detail->directory_id) + "/" + detail->filename;
    } else if (dice_.chance(25)) {
      path += "/" + dice_.of({"repomd.xml", "unknown.iso", "a b.iso", "\xc3\xa9.iso", "x%y", "q?z#",
                              "a&b=c", "R&D <1>.iso"});
    }
    if (dice_.chance(8)) path = "//" + path + "//";
    if (dice_.chance(4))
      if (const auto slash = path.find('/'); slash != path.npos) path.insert(slash, "//");
    return path;
  }
  // Mostly one that a category holds.
  std::string random_directory() {
    if (dice_.chance(15) || world_.rows.category_directories.empty())
      return dice_.of(world_.rows.directories).name;
    return name_of(dice_.of(world_.rows.category_directories).directory_id);
  }
  [[nodiscard]] bool is_listed(int64_t directory) const {
    for (const CategoryDirectoryRow& row : world_.rows.category_directories)
      if (row.directory_id == directory) return true;
    return false;
  }
  [[nodiscard]] std::string name_of(int64_t directory) const {
    for (const DirectoryRow& row : world_.rows.directories)
      if (row.id == directory) return row.name;
    return "";
  }
  std::string random_repository() {
    if (dice_.chance(20) && !world_.rows.repositories.empty())
      return dice_.of(world_.rows.repositories).prefix.value_or("");
    if (dice_.chance(60) && !world_.rows.repository_redirects.empty())
      return *dice_.of(world_.rows.repository_redirects).from_repo;
    return dice_.of(
        {"nope", "", "a--b---c", "f-40", "source", "a+b", "x;y z", "f-40+x86_64", "50%"});
  }
  std::string random_architecture() {
    if (dice_.chance(80)) return *dice_.of(world_.rows.arches).name;
    return dice_.of({"", "X86_64", "c", "b+c", "source", "a;b c"});
  }

  void choose_mirrors() {
    if (dice_.chance(30)) add("country", random_countries());
    if (dice_.chance(15)) add("netblock", dice_.of({"1", "1", "0", "", "true", "11"}));
    if (dice_.chance(25)) add("protocol", random_protocols());
    if (dice_.chance(8)) add("time", dice_.of({"", "1"}));
    if (dice_.chance(15)) add("redirect", dice_.of({"", "0", "1"}));
  }
  std::string random_countries() {
    std::string countries;
    for (int64_t i = 0, last = dice_.between(1, 3); i < last; ++i)
      countries += (i ? "," : "") +
                   dice_.of({"SE", "SE", "DE", "GB", "US", "CA", "JP", "KR", "BR", "se", "global",
                             "Global", "", "ZZ", "QQ", " SE", "xyz", "N/A", "\xc3\x96"});
    return countries;
  }
  std::string random_protocols() {
    std::string protocols;
    for (int64_t i = 0, last = dice_.between(1, 3); i < last; ++i)
      protocols += (i ? "," : "") + dice_.of({"http", "https", "https", "ftp", "rsync", "HTTP",
                                              "gopher", "http+x", "", "https,https", "htt", "s=t"});
    return protocols;
  }

  std::string random_ip() {
    if (dice_.chance(4))
      return dice_.of(
          {"", "10.0.0.256", "::g", "[::1]", "010.0.0.1", "10.0.0.1 ", "10.0.0.1:80", "fe80::1%1"});
    return address_text();
  }
  IpAddress random_address() {
    const IpPrefix& prefix = dice_.of(targets_);
    if (dice_.chance(20)) return prefix.first();
    if (dice_.chance(20)) return prefix.last();
    IpAddress address = prefix.last();
    address.low = prefix.first().low | (dice_.bits() & (prefix.last().low ^ prefix.first().low));
    address.high =
        prefix.first().high | (dice_.bits() & (prefix.last().high ^ prefix.first().high));
    return address;
  }
  std::string address_text() {
    const IpAddress address = random_address();
    const std::string text = address.to_string();
    return address.is_ipv4() && dice_.chance(10) ? "::ffff:" + text : text;
  }

  NaiveClient random_asker() {
    NaiveClient asker;
    asker.peer = *IpAddress::parse(dice_.of({"127.0.0.1", "127.0.0.1", "::1", "::ffff:127.0.0.1"}));
    if (dice_.chance(25)) asker.peer = random_address();
    asker.trusted = {*IpPrefix::parse("127.0.0.0/8"), *IpPrefix::parse("::1/128"),
                     *IpPrefix::parse("10.0.0.0/16"), *IpPrefix::parse("2001:db8::/127")};
    if (!dice_.chance(50)) return asker;
    for (int64_t line = 0, lines = dice_.between(1, 2); line < lines; ++line) {
      std::string hops;
      for (int64_t i = 0, last = dice_.between(1, 3); i < last; ++i)
        hops += (i ? dice_.of({", ", ",", " ,\t"}) : "") + random_hop();
      asker.forwarded_for.push_back(hops);
    }
    return asker;
  }
  std::string random_hop() {
    if (dice_.chance(5)) return dice_.of({"", "unknown", "10.0.0", "\xff", "010.0.0.1", "_hidden"});
    const std::string text = address_text();
    const bool is_ipv6 = text.find(':') != text.npos;
    if (dice_.chance(15)) return is_ipv6 ? "[" + text + "]:4711" : text + ":4711";
    if (dice_.chance(5) && is_ipv6) return "[" + text + "]";
    return text;
  }

  void add(const std::string& name, std::string value) {
    if (dice_.chance(6)) parts_.push_back(name + "=overridden");
    if (dice_.chance(1) && name != "ip") {
      value += dice_.of({"\n", "\r\nX: y", "\x7f", "\xff", "\xed\xa0\x80", "\xc0\xaf"});
      if (name != "countme" && name != "time" && name != "redirect" && name != "netblock")
        bad_text_ = true;
    }
    const bool flag = value.empty() && dice_.chance(50);
    // The duplicate must come first: the last one wins.
    std::string part =
        encode(name, dice_.chance(3)) + (flag ? "" : "=" + encode(value, dice_.chance(8)));
    if (!parts_.empty() && parts_.back() == name + "=overridden") {
      parts_.back() += "&" + part;
    } else {
      parts_.push_back(part);
    }
  }
  // What may not stand in a query is always encoded; anything may be.
  std::string encode(const std::string& text, bool everything) {
    std::string encoded;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      const bool must =
          byte <= ' ' || byte >= 0x7f || std::string("\"<>#%&").find(c) != std::string::npos;
      if (must || (everything && dice_.chance(40))) {
        encoded += fmt::format(fmt::runtime(dice_.of({"%{:02x}", "%{:02X}"})), byte);
      } else {
        encoded += c;
      }
    }
    return encoded;
  }

  const RandomWorld& world_;
  Dice dice_;
  std::vector<IpPrefix> targets_;
  std::vector<std::string> parts_;
  std::string resource_;
  bool bad_text_ = false;
};

}  // namespace

std::vector<RandomQuestion> make_random_questions(const RandomWorld& world, uint64_t seed,
                                                  size_t count) {
  QuestionMaker maker(world, seed);
  std::vector<RandomQuestion> questions;
  for (size_t i = 0; i < count; ++i) questions.push_back(maker.make());
  return questions;
}

}  // namespace mirror

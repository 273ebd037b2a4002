#include "tests/property/oracle.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "base/core/text.h"

namespace mirror {

using Kind = OracleGroupKind;
using std::map, std::nullopt, std::optional, std::set, std::string, std::string_view, std::vector;
using Ids = set<int64_t>;

vector<IpPrefix> oracle_prefixes(string_view text, const OracleNames* names) {
  text = trim(text);
  const auto sides = split(text, '/');
  const auto address = IpAddress::parse(sides[0]);
  const auto mask = sides.size() == 2 ? IpAddress::parse(sides[1]) : nullopt;
  // C-11: what inet_aton takes for an address (10.1, 010.0.0.1, 0x7f.1) and zones are no names.
  const bool is_name = text.find_first_of("ghijklmnopqrstuvwyz") != text.npos &&
                       text.find_first_of(":%/") == text.npos;
  vector<IpPrefix> found;
  if (const auto prefix = IpPrefix::parse(text)) {
    found.push_back(*prefix);
  } else if (address && mask) {
    const IpAddress ones = IpPrefix::of(*mask, 0).last();
    for (int n = 0; n <= std::min(address->bit_count(), mask->bit_count()); ++n)
      if (IpPrefix::of(ones, n).address == *mask) found.push_back(IpPrefix::of(*address, n));
  } else if (names && is_name && names->contains(string(text))) {
    for (const IpAddress& one : names->at(string(text)))
      found.push_back(IpPrefix::of(one, one.bit_count()));
  }
  std::erase_if(found, [](const IpPrefix& prefix) { return prefix.length == 0; });  // C-09
  return found;
}

// A host with its site: hosts without a site do not exist.
struct Host {
  const HostRow* row;
  bool is_active, is_private;
};
static optional<Host> find_host(const DatabaseRows& rows, optional<int64_t> id) {
  for (const HostRow& host : rows.hosts)
    for (const SiteRow& site : rows.sites)
      if (host.id == id && host.site_id == site.id)
        return Host{&host,
                    host.admin_active == true && host.user_active == true &&
                        site.admin_active == true && site.user_active == true,
                    host.is_private == true || site.is_private == true};
  return nullopt;
}

static bool allows(const DatabaseRows& rows, int64_t host, const string& country) {
  set<string> allowed;
  for (const auto& row : rows.host_countries_allowed)
    if (row.host_id == host && row.country) allowed.insert(upper_ascii(trim(*row.country)));
  for (const auto& row : rows.host_countries)
    for (const CountryRow& known : rows.countries)
      if (row.host_id == host && row.country_id == known.id && known.code)
        allowed.insert(upper_ascii(trim(*known.code)));
  return allowed.empty() || allowed.contains(country);
}

static vector<string> public_urls(const DatabaseRows& rows, const Ids& host_categories) {
  const vector<string> schemes = {"https", "http", "ftp", "rsync"};
  vector<vector<string>> by_scheme(schemes.size() + 1);
  for (const HostCategoryUrlRow& row : rows.host_category_urls) {
    if (!host_categories.contains(row.host_category_id) || row.is_private != false) continue;
    string url(trim(row.url ? *row.url : string_view()));
    while (url.ends_with('/')) url.pop_back();
    const auto is_bad = [](char c) { return (c >= 0 && c <= ' ') || c == 0x7f; };
    if (url.find("://", 1) == url.npos || std::any_of(url.begin(), url.end(), is_bad)) continue;
    const auto scheme = std::find(schemes.begin(), schemes.end(), url.substr(0, url.find(':')));
    by_scheme[static_cast<size_t>(scheme - schemes.begin())].push_back(url);
  }
  for (const auto& urls : by_scheme)
    if (&urls != &by_scheme[0]) by_scheme[0].insert(by_scheme[0].end(), urls.begin(), urls.end());
  return by_scheme[0];
}

// One directory of the mirror list (5.7).
struct Entry {
  string subpath;
  map<int64_t, vector<string>> urls;  // ByHostId: also private hosts
  Ids global;
  map<string, Ids> by_country;
};

static optional<Entry> find_entry(const DatabaseRows& rows, const string& name) {
  optional<int64_t> id, category;
  for (const DirectoryRow& row : rows.directories)
    if (row.name == name) id = row.id;
  for (const CategoryDirectoryRow& row : rows.category_directories)
    if (row.directory_id == id && (!category || row.category_id < *category))
      category = row.category_id;
  optional<string> topdir;
  for (const CategoryRow& row : rows.categories)
    for (const DirectoryRow& top : rows.directories)
      if (row.id == category && row.topdir_id == top.id) topdir = top.name;
  const bool is_under = topdir && (topdir->empty() || name.starts_with(*topdir + "/"));
  if (!is_under && name != topdir) return nullopt;  // C-16

  Entry entry;
  if (is_under) entry.subpath = topdir->empty() ? name : name.substr(topdir->size() + 1);
  Ids up_to_date;
  for (const HostCategoryDirRow& row : rows.host_category_dirs)
    if (row.directory_id == id) up_to_date.insert(row.host_category_id);
  map<int64_t, Ids> members;  // host -> its rows of host_category, which count as one (C-18)
  Ids carriers;
  for (const HostCategoryRow& row : rows.host_categories) {
    if (row.category_id != category || !find_host(rows, row.host_id)) continue;
    members[*row.host_id].insert(row.id);
    if (row.always_up2date == true || up_to_date.contains(row.id)) carriers.insert(*row.host_id);
  }
  for (const int64_t host_id : carriers) {
    const Host host = *find_host(rows, host_id);
    const Ids& host_categories = members[host_id];
    if (!host.is_active) continue;
    const auto urls = public_urls(rows, host_categories);
    if (!urls.empty()) entry.urls[host_id] = urls;
    if (host.is_private) continue;
    entry.global.insert(host_id);
    if (host.row->country) entry.by_country[upper_ascii(*host.row->country)].insert(host_id);
  }
  return entry;
}

// PREFIX+ARCH -> name of a directory (5.8); of two rows the one with the higher id (C-19).
static map<string, string> repositories(const DatabaseRows& rows) {
  map<string, string> found;
  for (const RepositoryRow& row : rows.repositories)
    for (const ArchRow& arch : rows.arches)
      for (const DirectoryRow& directory : rows.directories)
        if (row.version_id && arch.id == row.arch_id && directory.id == row.directory_id &&
            arch.name && row.prefix && row.prefix != "" && directory.name != "")
          found[*row.prefix + "+" + *arch.name] = directory.name;
  return found;
}

map<int64_t, int> oracle_hosts(const OracleWorld& world, const IpAddress& client) {
  map<int64_t, int> longest;
  for (const HostNetblockRow& row : world.rows->host_netblocks) {
    const auto host = find_host(*world.rows, row.host_id);
    if (!host || !host->is_active || !row.netblock) continue;
    for (const IpPrefix& prefix : oracle_prefixes(*row.netblock, &world.names))
      if (prefix.contains(client))
        longest[*row.host_id] = std::max<int>(longest[*row.host_id], prefix.length);
  }
  return longest;
}

string oracle_country(const OracleWorld& world, const IpAddress& client) {
  std::pair<int, string> best;
  for (const NetblockCountryRow& row : world.rows->netblock_countries) {
    const string country = upper_ascii(trim(row.country.value_or("")));
    for (const IpPrefix& prefix : oracle_prefixes(row.netblock.value_or(""), nullptr))
      if (!country.empty() && prefix.contains(client) && prefix.length > best.first)
        best = {prefix.length, country};
  }
  return best.second;
}

// Section 3.1. A second column that is no number hides shorter prefixes and matches no host.
optional<int64_t> oracle_asn(const OracleWorld& world, const IpAddress& client) {
  std::pair<int, optional<int64_t>> best;
  for (const string_view line : split(world.global_netblocks, '\n')) {
    const auto columns = split_blanks(trim(line));
    if (columns.size() < 2 || columns[0].find('/') == columns[0].npos) continue;
    const auto prefix = IpPrefix::parse(columns[0]);
    if (prefix && prefix->length && prefix->contains(client) && prefix->length >= best.first)
      best = {prefix->length, parse_int64(columns[1])};
  }
  return best.second;
}

struct Asked {
  Asked(const OracleWorld& in, int64_t now) : world(in), rows(*in.rows), now_unix(now) {}
  const OracleWorld& world;
  const DatabaseRows& rows;
  int64_t now_unix;
  bool metalink = false;
  map<string, string> query;
  string arch, directory, file, header, country;
  optional<Entry> entry;
  IpAddress client;

  [[nodiscard]] bool has(const string& name) const { return query.contains(name); }
  [[nodiscard]] string get(const string& name) const { return has(name) ? query.at(name) : ""; }
  [[nodiscard]] Ids allowed(Ids hosts) const {
    std::erase_if(hosts, [this](int64_t host) { return !allows(rows, host, country); });
    return hosts;
  }
  [[nodiscard]] Ids hosts_in(const string& name) const {
    return entry->by_country.contains(name) ? entry->by_country.at(name) : Ids();
  }
};

static string percent_decode(string_view text) {
  string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const string hex(text.substr(i + 1, text[i] == '%' ? 2 : 0));
    const bool coded = hex.size() == 2 && std::isxdigit(hex[0]) && std::isxdigit(hex[1]);
    decoded += coded ? static_cast<char>(std::stoi(hex, nullptr, 16)) : text[i];
    if (coded) i += 2;
  }
  return decoded;
}

static string document_head(int64_t now_unix) {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<metalink version=\"3.0\" "
      "xmlns=\"http://www.metalinker.org/\" type=\"dynamic\" "
      "pubdate=\"{:%a, %d %b %Y %H:%M:%S} GMT\" generator=\"mirrormanager\" "
      "xmlns:mm0=\"http://fedorahosted.org/mirrormanager\">\n",
      fmt::gmtime(std::time_t{now_unix}));
}

static OracleAnswer failure(const Asked& asked, int status, const string& message) {
  OracleAnswer answer;
  answer.status = status;
  answer.text = message;
  answer.metalink_type = asked.metalink;
  if (!asked.metalink) return answer;
  string comment;
  for (const char c : message)
    comment += (c == '-' && comment.ends_with('-') ? " " : "") + string(1, c);
  answer.text = document_head(asked.now_unix) + "<!-- " + comment + "\n-->\n</metalink>\n";
  return answer;
}

// Section 6.2
static optional<OracleAnswer> locate_repository(Asked& asked) {
  string repo = asked.get("repo");
  for (const RepositoryRedirectRow& row : asked.rows.repository_redirects)
    if (row.from_repo == asked.get("repo") && row.to_repo.value_or("") != "") repo = *row.to_repo;
  if ((asked.get("repo") + "\n" + repo).find("source") != repo.npos) asked.arch = "source";
  asked.header = "# repo = " + repo + " arch = " + asked.arch + " ";
  for (const RepositoryRow& row : asked.rows.repositories)
    if (row.directory_id && row.version_id && row.arch_id && row.prefix == repo &&
        row.disabled == true)
      return failure(asked, 200, "repo disabled");
  auto known = repositories(asked.rows);
  asked.directory = known[repo + "+" + asked.arch];
  if (asked.directory.empty()) {
    string message = asked.header + "error: invalid repo or arch\n";
    message += "# following repositories are available:\n";
    for (const auto& [key, directory] : repositories(asked.rows))
      if (const auto parts = split(key, '+'); parts.size() == 2)
        message += fmt::format("# repo={}&arch={}\n", parts[0], parts[1]);
    return failure(asked, 404, message);
  }
  if (asked.metalink) asked.file = "repomd.xml";
  if (asked.metalink && !asked.directory.ends_with("/repodata")) asked.directory += "/repodata";
  asked.entry = find_entry(asked.rows, asked.directory);
  if (asked.entry) return nullopt;
  return failure(asked, 500, "mirrorlist cache index out of range, you broke it!");
}

// Section 6.1
static optional<OracleAnswer> locate_path(Asked& asked) {
  string path;
  for (const string_view piece : split(asked.query.at("path"), '/'))
    if (!piece.empty()) path += (path.empty() ? "" : "/") + string(piece);
  asked.header = "# path = " + path + " ";
  asked.directory = path;
  asked.entry = find_entry(asked.rows, path);
  if (asked.entry) return nullopt;
  const size_t slash = path.rfind('/');
  asked.directory = slash == path.npos ? "" : path.substr(0, slash);
  asked.file = path.substr(slash + 1);  // npos + 1 is 0
  asked.entry = find_entry(asked.rows, asked.directory);
  return asked.entry ? nullopt : optional(failure(asked, 404, "error: invalid path"));
}

// Section 8: hosts by group, in the order of the answer; netblocks by falling prefix length.
struct Selection {
  string header;
  map<std::pair<Kind, int>, Ids> lists;
  Ids& list(Kind kind, int prefix_length = 0) { return lists[{kind, -prefix_length}]; }
};

static set<string> sorted_pieces(const string& text) {
  const auto pieces = split(text, ',');
  return {pieces.begin(), pieces.end()};
}

// Country -> continent (3.2), with the redirects (5.11) applied.
static map<string, string> continents(const OracleWorld& world) {
  const auto clean = [](string_view text) {
    text = trim(text);
    const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    return upper_ascii(quoted ? trim(text.substr(1, text.size() - 2)) : text);
  };
  map<string, string> table, redirects;
  for (const string_view line : split(world.country_continent_csv, '\n'))
    if (const auto fields = split(line, ','); fields.size() >= 2 && clean(fields[0]).size() == 2)
      table[clean(fields[0])] = clean(fields[1]);
  for (const CountryContinentRedirectRow& row : world.rows->country_continent_redirects)
    if (row.country && row.continent && !trim(*row.continent).empty())
      redirects.emplace(upper_ascii(trim(*row.country)), upper_ascii(trim(*row.continent)));
  for (auto& [country, continent] : table)
    if (redirects.contains(country)) continent = redirects[country];
  return table;
}

static void add_continent(const Asked& asked, const string& country, Selection& selection) {
  const auto table = continents(asked.world);
  for (const auto& [other, continent] : table) {
    if (!table.contains(country) || continent != table.at(country) || other == country) continue;
    if (!asked.entry->by_country.contains(other)) continue;
    selection.list(Kind::kContinent).merge(asked.hosts_in(other));
    selection.header += "country = " + other + " ";
  }
}

// Steps 1 and 2
static void choose_by_address(const Asked& asked, Selection& selection) {
  for (const auto& [host, length] : oracle_hosts(asked.world, asked.client))
    if (asked.entry->urls.contains(host)) selection.list(Kind::kNetblock, length).insert(host);
  if (!selection.lists.empty()) selection.header += "Using preferred netblock ";

  const auto asn = oracle_asn(asked.world, asked.client);
  Ids& hosts = selection.list(Kind::kAsn);
  for (const HostRow& row : asked.rows.hosts)
    if (asn && row.asn == asn && find_host(asked.rows, row.id) && row.asn_clients == true)
      hosts.insert(row.id);
  for (const HostPeerAsnRow& row : asked.rows.host_peer_asns)
    if (asn && row.asn == asn && find_host(asked.rows, row.host_id)) hosts.insert(*row.host_id);
  if (!hosts.empty()) selection.header += fmt::format("Using ASN {} ", *asn);
}

// Step 4; true if nothing but the requested countries counts any more.
static bool choose_requested(const Asked& asked, Selection& selection) {
  const auto requested = sorted_pieces(asked.get("country"));
  Ids& hosts = selection.list(Kind::kCountry);
  for (const string& name : requested) {
    if (upper_ascii(name) == "GLOBAL") {
      hosts.merge(Ids(asked.entry->global));
      hosts = asked.allowed(hosts);
      selection.header += "country = global ";
    }
    if (!asked.entry->by_country.contains(upper_ascii(name))) continue;
    hosts.merge(asked.hosts_in(upper_ascii(name)));
    selection.header += "country = " + name + " ";
  }
  Ids& continent = selection.list(Kind::kContinent);
  if (hosts.empty())
    for (const string& name : requested) add_continent(asked, upper_ascii(name), selection);
  const bool only_country = !hosts.empty() || !continent.empty();
  hosts = asked.allowed(hosts);
  continent = asked.allowed(continent);
  return only_country;
}

// Sections 9 and 10: the hosts that have a URL for this answer, each once.
static vector<OracleGroup> assemble(const Asked& asked, const Selection& selection) {
  vector<std::pair<set<string>, size_t>> filters;
  const auto protocols = sorted_pieces(asked.get("protocol"));
  if (asked.has("protocol")) filters.push_back({protocols, protocols.size()});
  if (asked.has("redirect") && !asked.metalink) filters.push_back({{"https", "http"}, 1});
  if (filters.empty() && !asked.metalink) filters.push_back({{"https", "http", "ftp"}, 1});

  vector<OracleGroup> groups;
  Ids seen;
  for (const auto& [key, hosts] : selection.lists) {
    OracleGroup group{key.first, {}};
    for (const int64_t id : hosts) {
      if (!seen.insert(id).second || !asked.entry->urls.contains(id)) continue;
      OracleHost host{id, upper_ascii(find_host(asked.rows, id)->row->country.value_or("")),
                      !asked.entry->global.contains(id), asked.entry->urls.at(id)};
      for (string& url : host.urls) {
        if (!asked.entry->subpath.empty()) url += "/" + asked.entry->subpath;
        url += asked.file.empty() || !url.ends_with('/') ? "/" + asked.file : asked.file;
      }
      for (const auto& filter : filters) {
        std::erase_if(host.urls, [&](const string& url) {
          return !filter.first.contains(url.substr(0, url.find(':')));
        });
        if (host.urls.size() > filter.second) host.urls.resize(filter.second);
      }
      if (!host.urls.empty()) group.hosts.push_back(host);
    }
    if (!group.hosts.empty()) groups.push_back(group);
  }
  return groups;
}

static Selection choose(const Asked& asked) {
  Selection selection;
  const bool by_country = !asked.get("country").empty();
  if (!by_country && (!asked.has("netblock") || asked.get("netblock") == "1"))
    choose_by_address(asked, selection);
  if (by_country && choose_requested(asked, selection)) return selection;
  const string country = upper_ascii(asked.country);
  selection.list(Kind::kGeoIp) = asked.allowed(asked.hosts_in(country));
  if (asked.entry->by_country.contains(country))
    selection.header += "country = " + asked.country + " ";
  add_continent(asked, country, selection);
  selection.list(Kind::kContinent) = asked.allowed(selection.list(Kind::kContinent));
  size_t usable = 0;
  for (const OracleGroup& group : assemble(asked, selection)) usable += group.hosts.size();
  if (usable >= asked.world.minimum) return selection;
  selection.list(Kind::kGlobal) = asked.allowed(asked.entry->global);
  selection.header += "country = global ";
  return selection;
}

static string describe(const FileDetailRow& row, const string& indent, const string& hash_indent) {
  string text;
  if (row.timestamp > 0)  // NULL is not above 0 either
    text += fmt::format("{}<mm0:timestamp>{}</mm0:timestamp>\n", indent, *row.timestamp);
  if (row.size > 0) text += fmt::format("{}<size>{}</size>\n", indent, *row.size);
  text += indent + "<verification>\n";
  const auto add_hash = [&](const string& type, const optional<string>& hash) {
    if (!hash.value_or("").empty())
      text += hash_indent + "<hash type=\"" + type + "\">" + escape_xml(*hash) + "</hash>\n";
  };
  add_hash("md5", row.md5), add_hash("sha1", row.sha1);
  add_hash("sha256", row.sha256), add_hash("sha512", row.sha512);
  return text + indent + "</verification>\n";
}

// Section 12.2, up to the resources.
static optional<string> metalink_head(const Asked& asked) {
  vector<FileDetailRow> details;
  for (const DirectoryRow& directory : asked.rows.directories)
    for (const FileDetailRow& row : asked.rows.file_details)
      if (directory.name == asked.directory && row.directory_id == directory.id &&
          row.filename == asked.file)
        details.push_back(row);
  if (details.empty()) return nullopt;
  for (FileDetailRow& row : details)
    if (row.timestamp < 0 && row.timestamp) row.timestamp = 0;  // C-13
  std::stable_sort(details.begin(), details.end(),              // NULL compares as smallest
                   [](const auto& a, const auto& b) { return a.timestamp > b.timestamp; });
  if (details.size() > 11) details.resize(11);  // C-23
  string head = document_head(asked.now_unix) + " <files>\n  <file name=\"" +
                escape_xml(asked.file) + "\">\n" + describe(details[0], "   ", "    ");
  for (size_t i = 1; i < details.size(); ++i)
    head += (i == 1 ? "   <mm0:alternates>\n    <mm0:alternate>\n" : "    <mm0:alternate>\n") +
            describe(details[i], "      ", "       ") + "    </mm0:alternate>\n";
  if (details.size() > 1) head += "   </mm0:alternates>\n";
  return head + "   <resources maxconnections=\"1\">\n";
}

static OracleAnswer render(const Asked& asked, const Selection& selection) {
  const string place = asked.directory + "/" + asked.file;
  const auto head = asked.metalink ? metalink_head(asked) : "";
  if (!head) return failure(asked, 404, place + " not found or has not metalink");
  OracleAnswer answer;
  answer.groups = assemble(asked, selection);
  if (asked.metalink) {
    answer.metalink_type = true;
    answer.head = *head;
    answer.tail = "   </resources>\n  </file>\n </files>\n</metalink>\n";
  } else if (asked.has("redirect")) {
    answer.text = "";
    answer.status = answer.groups.empty() ? 404 : 302;
    if (!answer.groups.empty())
      for (const OracleHost& host : answer.groups[0].hosts)
        answer.locations.push_back(host.urls[0]);
    answer.groups.clear();
  } else {
    answer.head = asked.header + selection.header;
    if (asked.has("protocol")) answer.head += "protocol = " + asked.get("protocol");
    if (asked.has("time"))
      answer.head += fmt::format("\n# database creation time: {}", asked.world.created_at);
    answer.head += "\n";
  }
  return answer;
}

static string for_log(const string& text) {
  string safe;
  for (const char c : text) safe += c == ' ' || c == ';' ? fmt::format("%{:02X}", c) : string(1, c);
  return safe;
}

// Section 5; false if the suffix of the path is of no resource.
static bool parse_target(string_view target, Asked& asked) {
  target = target.substr(0, target.find('#'));
  const auto mark = target.find('?');
  string path(target.substr(0, mark));
  if (const auto scheme = path.find("://"); !path.starts_with('/') && scheme != path.npos)
    path.erase(0, path.find('/', scheme + 3));  // absolute form
  asked.metalink = path.ends_with("/metalink");
  for (const string_view pair : split(mark == target.npos ? "" : target.substr(mark + 1), '&')) {
    const auto equals = pair.find('=');
    const auto value = equals == pair.npos ? "" : pair.substr(equals + 1);
    asked.query[percent_decode(pair.substr(0, equals))] = percent_decode(value);
  }
  return asked.metalink || path.ends_with("/mirrorlist");
}

OracleAnswer oracle_answer(const OracleWorld& world, const OracleQuestion& question) {
  Asked asked(world, question.now_unix);
  if (!parse_target(question.target, asked))
    return failure(asked, 404, "We don't serve their kind here!");
  const bool both = asked.has("repo") && asked.has("arch");
  if (!both && !asked.has("path"))
    return failure(asked, 200, "# either path=, or repo= and arch= must be specified");
  asked.arch = asked.get("arch");
  const auto refusal = asked.has("path") ? locate_path(asked) : locate_repository(asked);
  if (refusal) return *refusal;

  asked.client = question.client.unmapped();
  if (world.ip_parameter && !asked.get("ip").empty()) {
    const auto parsed = IpAddress::parse(asked.get("ip"));
    if (!parsed) return failure(asked, 500, "Cannot parse client IP address. Aborting.");
    asked.client = parsed->unmapped();
  }
  asked.country = oracle_country(world, asked.client);
  if (asked.country.empty() && world.geo_country) asked.country = world.geo_country(asked.client);
  if (asked.country.empty()) asked.country = "N/A";
  OracleAnswer answer = render(asked, choose(asked));
  if (both)
    answer.log = {asked.client.to_string(), asked.country, for_log(asked.get("repo")),
                  for_log(asked.arch)};
  return answer;
}

}  // namespace mirror

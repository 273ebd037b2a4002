#include "compiler/protobuf_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <set>

#include "base/core/netblock_text.h"
#include "base/core/progress.h"
#include "base/core/text.h"
#include "compiler/record_stream.h"
#include "compiler/text_rules.h"

namespace mirror {
namespace {

using protozero::pbf_reader;
using WireType = RecordStream::WireType;

// Thrown inside of this file only, beside protozero's own exceptions, and caught around each entry.
struct Malformed {
  std::string reason;
  ErrorKind kind = ErrorKind::kInvalid;
};

// A cache of the whole world names some hundreds; each id takes memory, whatever list it is in.
constexpr size_t kHostsMax = 1'000'000;
// Ten bytes of the file may take some hundreds in memory. A cache of the whole world has a hundred
// thousand directories, and less than fifty thousand entries of all other sorts together.
constexpr size_t kDirectoryEntriesMax = 4'000'000;
constexpr size_t kOtherEntriesMax = 500'000;
constexpr int64_t kLowIds = 1 << 14;

std::string_view text_of(pbf_reader& message, std::string_view field) {
  if (message.wire_type() != protozero::pbf_wire_type::length_delimited) {
    throw Malformed{fmt::format("{} is not a text", field)};
  }
  const auto view = message.get_view();
  const std::string_view text(view.data(), view.size());
  if (!is_valid_utf8(text)) throw Malformed{fmt::format("{} is not UTF-8", field)};
  return text;
}

int64_t number_of(pbf_reader& message, std::string_view field) {
  if (message.wire_type() != protozero::pbf_wire_type::varint) {
    throw Malformed{fmt::format("{} is not a number", field)};
  }
  return message.get_int64();
}

// One element, or a packed run of them. A byte of the file becomes eight here, so a list ends with
// as many as there may be hosts.
void append_numbers(pbf_reader& message, std::string_view field, std::vector<int64_t>& out) {
  const auto append = [&](int64_t number) {
    if (out.size() == kHostsMax)
      throw Malformed{fmt::format("{} has more than {} elements", field, kHostsMax),
                      ErrorKind::kLimit};
    out.push_back(number);
  };
  if (message.wire_type() == protozero::pbf_wire_type::length_delimited) {
    for (const int64_t number : message.get_packed_int64()) append(number);
  } else {
    append(number_of(message, field));
  }
}

pbf_reader message_of(pbf_reader& message, std::string_view field) {
  if (message.wire_type() != protozero::pbf_wire_type::length_delimited) {
    throw Malformed{fmt::format("{} is not a message", field)};
  }
  return message.get_message();
}

template <typename Value>
const Value& required(const std::optional<Value>& value, std::string_view field) {
  if (!value) throw Malformed{fmt::format("the required field {} is missing", field)};
  return *value;
}

// The map messages of the format: key 1, value 2.
struct TextToText {
  std::string_view key, value;
};
TextToText read_text_to_text(pbf_reader message) {
  std::optional<std::string_view> key, value;
  while (message.next()) {
    if (message.tag() == 1)
      key = text_of(message, "key");
    else if (message.tag() == 2)
      value = text_of(message, "value");
    else
      message.skip();
  }
  return {required(key, "key"), required(value, "value")};
}
struct TextToNumber {
  std::string_view key;
  int64_t value;
};
TextToNumber read_text_to_number(pbf_reader message) {
  std::optional<std::string_view> key;
  std::optional<int64_t> value;
  while (message.next()) {
    if (message.tag() == 1)
      key = text_of(message, "key");
    else if (message.tag() == 2)
      value = number_of(message, "value");
    else
      message.skip();
  }
  return {required(key, "key"), required(value, "value")};
}
struct NumberToText {
  int64_t key;
  std::string_view value;
};
NumberToText read_number_to_text(pbf_reader message) {
  std::optional<int64_t> key;
  std::optional<std::string_view> value;
  while (message.next()) {
    if (message.tag() == 1)
      key = number_of(message, "key");
    else if (message.tag() == 2)
      value = text_of(message, "value");
    else
      message.skip();
  }
  return {required(key, "key"), required(value, "value")};
}
struct NumberToNumber {
  int64_t key, value;
};
NumberToNumber read_number_to_number(pbf_reader message) {
  std::optional<int64_t> key, value;
  while (message.next()) {
    if (message.tag() == 1)
      key = number_of(message, "key");
    else if (message.tag() == 2)
      value = number_of(message, "value");
    else
      message.skip();
  }
  return {required(key, "key"), required(value, "value")};
}
// Returns the key; the values replace what is in `values`.
std::string_view read_text_to_numbers(pbf_reader message, std::vector<int64_t>& values) {
  values.clear();
  std::optional<std::string_view> key;
  while (message.next()) {
    if (message.tag() == 1)
      key = text_of(message, "key");
    else if (message.tag() == 2)
      append_numbers(message, "value", values);
    else
      message.skip();
  }
  return required(key, "key");
}
int64_t read_number_to_numbers(pbf_reader message, std::vector<int64_t>& values) {
  values.clear();
  std::optional<int64_t> key;
  while (message.next()) {
    if (message.tag() == 1)
      key = number_of(message, "key");
    else if (message.tag() == 2)
      append_numbers(message, "value", values);
    else
      message.skip();
  }
  return required(key, "key");
}

struct NamedVersion {
  std::string_view name;
  FileVersion version;
};

FileVersion read_version(pbf_reader message) {
  std::optional<int64_t> timestamp, size;
  FileVersion version;
  while (message.next()) {
    switch (message.tag()) {
      case 1:
        timestamp = number_of(message, "TimeStamp");
        break;
      case 2:
        size = number_of(message, "Size");
        break;
      case 3:
        version.sha1 = text_of(message, "SHA1");
        break;
      case 4:
        version.md5 = text_of(message, "MD5");
        break;
      case 5:
        version.sha256 = text_of(message, "SHA256");
        break;
      case 6:
        version.sha512 = text_of(message, "SHA512");
        break;
      default:
        message.skip();
    }
  }
  version.timestamp = static_cast<uint64_t>(required(timestamp, "TimeStamp"));
  version.size = static_cast<uint64_t>(required(size, "Size"));
  return version;
}

class Importer {
 public:
  explicit Importer(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // One entry of the outermost message. Throws Malformed and protozero's exceptions.
  void entry(const RecordStream::Record& record) {
    if (record.field == 1) {
      if (record.type != WireType::kVarint) throw Malformed{"Time is not a number"};
      if (record.number > kSnapshotTimeMax)
        throw Malformed{
            fmt::format("Time {} is above the limit of {}", record.number, kSnapshotTimeMax)};
      world_.created_at = record.number;
      return;
    }
    constexpr uint32_t kLastField = 16;
    if (record.field > kLastField) return;
    if (record.type != WireType::kBytes)
      throw Malformed{fmt::format("field {} is not a message", record.field)};
    count_entry(record.field);
    const pbf_reader message(record.bytes.data(), record.bytes.size());
    switch (record.field) {
      case 2:
        return netblock_country(message);
      case 4:
        return url(message);
      case 5:
        return file_details(message);
      case 6:
        return disabled_repository(message);
      case 7:
        return continent_redirect(message);
      case 8:
        return repository_redirect(message);
      case 9:
        return repository(message);
      case 10:
        return asn(message);
      case 12:
        return host_country(message);
      case 13:
        return host_bandwidth(message);
      case 14:
        return host_countries_allowed(message);
      case 15:
        return netblock(message);
      case 16:
        return mirror_list(message);
      default:
        return;  // LocationCache and HostMaxConnectionCache: no server reads them
    }
  }

  World finish() {
    resolve_urls();
    for (auto& directory : world_.directories) {
      if (const auto files = files_.find(directory.name); files != files_.end()) {
        directory.files = std::move(files->second);
      }
    }
    for (const auto& [key, directory] : repositories_)
      world_.repositories.push_back({key, directory});
    return std::move(world_);
  }
  [[nodiscard]] bool has_time() const { return world_.created_at.has_value(); }

 private:
  void count_entry(uint32_t field) {
    constexpr uint32_t kFileDetails = 5;
    constexpr uint32_t kMirrorList = 16;
    const bool of_directory = field == kFileDetails || field == kMirrorList;
    size_t& count = of_directory ? directory_entries_ : other_entries_;
    const size_t limit = of_directory ? kDirectoryEntriesMax : kOtherEntriesMax;
    if (count++ < limit) return;
    throw Malformed{fmt::format("more than {} entries {}", limit,
                                of_directory ? "of directories and files"
                                             : "of other things than directories and files"),
                    ErrorKind::kLimit};
  }

  // Adds a diagnostic for what is not the first of its key.
  bool first(bool inserted, std::string_view table, std::string_view key) {
    if (!inserted)
      diagnostics_.add(table, "entries repeat a key; the first one counts", quote_for_message(key));
    return inserted;
  }
  bool first(bool inserted, std::string_view table, int64_t key) {
    return first(inserted, table, std::string_view(std::to_string(key)));
  }
  bool clean(std::string_view text, std::string_view table) {
    if (is_clean_text(text)) return true;
    diagnostics_.add(table, "entries hold control bytes or too long texts and were left out",
                     quote_for_message(text));
    return false;
  }

  uint32_t host(int64_t id) {
    // Nearly all ids are low, and there are as many look-ups as mirrors in all lists together.
    uint32_t* const low = id >= 0 && id < kLowIds ? &low_hosts_[static_cast<size_t>(id)] : nullptr;
    if (low != nullptr && *low != kNone) return *low;
    const auto [at, inserted] = hosts_.try_emplace(id, static_cast<uint32_t>(world_.hosts.size()));
    if (inserted) {
      if (world_.hosts.size() == kHostsMax) {
        throw Malformed{
            fmt::format("more than {} different hosts: this is no cache of mirrors", kHostsMax),
            ErrorKind::kLimit};
      }
      WorldHost host;
      host.id = id;
      // A cache names only hosts that are active; whether one is private depends on the directory
      // there.
      host.flags = kHostAdminActive | kHostUserActive | kSiteAdminActive | kSiteUserActive;
      world_.hosts.push_back(std::move(host));
    }
    if (low != nullptr) *low = at->second;
    return at->second;
  }

  void netblock_country(const pbf_reader& message) {
    constexpr std::string_view kTable = "NetblockCountryCache";
    const auto [key, value] = read_text_to_text(message);
    const auto netblock = parse_netblock(key, false);
    if (const auto* fault = std::get_if<NetblockFault>(&netblock)) {
      return diagnostics_.add(kTable, fmt::format("key {}", fault->reason), quote_for_message(key));
    }
    auto country = normalize_country(value);
    if (country.empty())
      return diagnostics_.add(kTable, "entries have no country", quote_for_message(key));
    if (!clean(country, kTable)) return;
    world_.netblock_countries.push_back({std::get<IpPrefix>(netblock), std::move(country)});
  }

  void url(const pbf_reader& message) {
    constexpr std::string_view kTable = "HCUrlCache";
    const auto [id, text] = read_number_to_text(message);
    const auto [at, inserted] = urls_.try_emplace(id, kNone);
    if (!first(inserted, kTable, id)) return;
    const auto url = normalize_url(text);
    if (const auto* fault = std::get_if<UrlFault>(&url)) {
      return diagnostics_.add(kTable, fmt::format("URLs {} and were left out", fault->reason), id,
                              quote_for_message(text));
    }
    at->second = world_.urls.intern(std::string_view(std::get<std::string>(url)));
  }

  void file_details(pbf_reader message) {
    constexpr std::string_view kTable = "FileDetailsCache";
    std::optional<std::string_view> directory;
    versions_.clear();
    std::set<std::string_view> names;
    while (message.next()) {
      if (message.tag() == 1) {
        directory = text_of(message, "directory");
      } else if (message.tag() == 2) {
        names.insert(read_file(message_of(message, "FileDetailsCacheFiles")));
      } else {
        message.skip();
      }
    }
    const auto [at, inserted] = files_.try_emplace(std::string(required(directory, "directory")));
    if (!first(inserted, kTable, *directory)) return;
    // All details of one name together, in stored order.
    std::ranges::stable_sort(versions_, {}, &NamedVersion::name);
    for (const auto name : names) add_file(name, at->second);
  }

  std::string_view read_file(pbf_reader message) {
    std::optional<std::string_view> name;
    const size_t begin = versions_.size();
    while (message.next()) {
      if (message.tag() == 1)
        name = text_of(message, "filename");
      else if (message.tag() == 2)
        versions_.push_back({{}, read_version(message_of(message, "FileDetails"))});
      else
        message.skip();
    }
    for (size_t i = begin; i < versions_.size(); ++i)
      versions_[i].name = required(name, "filename");
    return required(name, "filename");
  }

  void add_file(std::string_view name, std::vector<WorldFile>& files) {
    constexpr std::string_view kTable = "FileDetailsCache";
    if (name.empty() || name.size() > kFileNameMax) {
      return diagnostics_.add(kTable, "file names are empty or too long", quote_for_message(name));
    }
    if (!clean(name, kTable)) return;
    std::vector<FileVersion> of_name;
    for (const auto& entry : std::ranges::equal_range(versions_, name, {}, &NamedVersion::name)) {
      of_name.push_back(entry.version);
      drop_unclean_hashes(of_name.back(), name);
    }
    const size_t begin = world_.blocks.size();
    render_file_block(name, of_name, world_.blocks);
    files.push_back({std::string(name), begin, world_.blocks.size() - begin});
  }

  void drop_unclean_hashes(FileVersion& version, std::string_view name) {
    for (auto* hash : {&version.md5, &version.sha1, &version.sha256, &version.sha512}) {
      if (is_clean_text(*hash)) continue;
      diagnostics_.add("FileDetailsCache", "hashes hold control bytes and were left out",
                       quote_for_message(name));
      *hash = {};
    }
  }

  void disabled_repository(const pbf_reader& message) {
    constexpr std::string_view kTable = "DisabledRepositoryCache";
    const auto [key, value] = read_text_to_number(message);
    if (!clean(key, kTable) || !first(disabled_.emplace(key).second, kTable, key)) return;
    if (value != 0) world_.prefixes[std::string(key)].disabled = true;
  }

  void continent_redirect(const pbf_reader& message) {
    constexpr std::string_view kTable = "CountryContinentRedirectCache";
    const auto [key, value] = read_text_to_text(message);
    if (!clean(key, kTable) || !clean(value, kTable)) return;
    auto continent = normalize_country(value);
    if (continent.empty())
      return diagnostics_.add(kTable, "entries have no continent", quote_for_message(key));
    first(
        world_.continent_redirects.try_emplace(normalize_country(key), std::move(continent)).second,
        kTable, key);
  }

  void repository_redirect(const pbf_reader& message) {
    constexpr std::string_view kTable = "RepositoryRedirectCache";
    const auto [key, value] = read_text_to_text(message);
    if (!clean(key, kTable) || !clean(value, kTable)) return;
    if (!first(redirected_.emplace(key).second, kTable, key)) return;
    if (!value.empty()) world_.prefixes[std::string(key)].redirect = value;
  }

  void repository(const pbf_reader& message) {
    constexpr std::string_view kTable = "RepoArchToDirectoryName";
    const auto [key, value] = read_text_to_text(message);
    if (!clean(key, kTable)) return;
    if (value.empty())
      return diagnostics_.add(kTable, "entries have no directory", quote_for_message(key));
    first(repositories_.try_emplace(std::string(key), value).second, kTable, key);
  }

  void asn(const pbf_reader& message) {
    const int64_t key = read_number_to_numbers(message, numbers_);
    const auto [at, inserted] = world_.asns.try_emplace(key);
    if (!first(inserted, "HostAsnCache", key)) return;
    for (const int64_t id : numbers_) at->second.push_back(host(id));
    // A group needs somebody in it.
    if (at->second.empty()) world_.asns.erase(at);
  }

  void host_country(const pbf_reader& message) {
    constexpr std::string_view kTable = "HostCountryCache";
    const auto [id, text] = read_number_to_text(message);
    auto& country = world_.hosts[host(id)].country;
    if (!first(!country, kTable, id) || !clean(text, kTable)) return;
    country = normalize_country(text);
  }

  void host_bandwidth(const pbf_reader& message) {
    const auto [id, value] = read_number_to_number(message);
    if (!first(weighed_.insert(id).second, "HostBandwidthCache", id)) return;
    world_.hosts[host(id)].weight = clamp_weight(value);
  }

  void host_countries_allowed(pbf_reader message) {
    constexpr std::string_view kTable = "HostCountryAllowedCache";
    std::optional<int64_t> id;
    std::vector<std::string> allowed;
    while (message.next()) {
      if (message.tag() == 1) {
        id = number_of(message, "key");
      } else if (message.tag() == 2) {
        const auto text = text_of(message, "value");
        if (clean(text, kTable)) allowed.push_back(normalize_country(text));
      } else {
        message.skip();
      }
    }
    auto& host_allowed = world_.hosts[host(required(id, "key"))].allowed;
    if (first(host_allowed.empty(), kTable, *id)) host_allowed = std::move(allowed);
  }

  void netblock(const pbf_reader& message) {
    constexpr std::string_view kTable = "HostNetblockCache";
    const auto key = read_text_to_numbers(message, numbers_);
    const auto netblock = parse_netblock(key, false);
    if (const auto* fault = std::get_if<NetblockFault>(&netblock)) {
      return diagnostics_.add(kTable, fmt::format("key {}", fault->reason), quote_for_message(key));
    }
    const auto& prefix = std::get<IpPrefix>(netblock);
    const auto width = width_of(prefix);
    if (width == PrefixWidth::kAll) {
      return diagnostics_.add(kTable, "netblocks hold all addresses and were left out",
                              quote_for_message(key));
    }
    if (width == PrefixWidth::kSuspicious)
      diagnostics_.add(kTable, "netblocks are very large", quote_for_message(key));
    for (const int64_t id : numbers_) world_.netblocks.push_back({prefix, host(id)});
  }

  void mirror_list(pbf_reader message) {
    constexpr std::string_view kTable = "MirrorListCache";
    std::optional<std::string_view> name;
    std::string_view subpath;
    global_.clear();
    set_.clear();
    grouped_.clear();
    while (message.next()) {
      switch (message.tag()) {
        case 1:
          name = text_of(message, "directory");
          break;
        case 2:
          append_numbers(message, "Global", global_);
          break;
        case 3:
          subpath = text_of(message, "Subpath");
          break;
        case 4:
          country_group(message_of(message, "ByCountry"));
          break;
        case 6:
          host_urls(message_of(message, "ByHostId"));
          break;
        default:
          message.skip();
      }
    }
    if (!clean(required(name, "directory"), kTable) || !clean(subpath, kTable)) return;
    if (!first(directories_.emplace(*name).second, kTable, *name)) return;
    for (const int64_t id : global_) set_.global.push_back(host(id));
    set_.encode(encoded_set_);
    WorldDirectory directory;
    directory.name = *name;
    directory.subpath = subpath;
    directory.carrier_set = world_.carrier_sets.intern(encoded_set_);
    world_.directories.push_back(std::move(directory));
  }

  void country_group(const pbf_reader& message) {
    const auto name = read_text_to_numbers(message, numbers_);
    if (!clean(name, "ByCountry")) return;
    WorldCountryGroup group{world_.countries.intern(name), {}};
    if (!first(grouped_.insert(group.country).second, "ByCountry", name)) return;
    for (const int64_t id : numbers_) group.hosts.push_back(host(id));
    set_.groups.push_back(std::move(group));
  }

  void host_urls(const pbf_reader& message) {
    const int64_t id = read_number_to_numbers(message, numbers_);
    set_.urls.push_back({host(id), url_lists_.intern(std::span<const int64_t>(numbers_))});
  }

  // Ids of URLs become URLs; those that are unknown or unusable vanish. A host keeps its (then
  // empty) list, for it still takes a place among the mirrors of a metalink.
  void resolve_urls() {
    for (uint32_t list = 0; list < url_lists_.size(); ++list) {
      auto& bases = world_.url_lists.emplace_back();
      for (const int64_t id : url_lists_[list]) {
        const auto url = urls_.find(id);
        if (url == urls_.end())
          diagnostics_.add("ByHostId", "URLs are not in HCUrlCache", id);
        else if (url->second != kNone)
          bases.push_back(url->second);
      }
    }
  }

  Diagnostics& diagnostics_;
  size_t directory_entries_ = 0, other_entries_ = 0;
  World world_;
  // The file chooses the ids, so no hash table, which well-chosen ids make a list.
  std::map<int64_t, uint32_t> hosts_;  // id -> place in World::hosts
  std::vector<uint32_t> low_hosts_ = std::vector<uint32_t>(kLowIds, kNone);  // the same, by id
  std::map<int64_t, uint32_t> urls_;  // id -> World::urls, kNone if it cannot be used
  std::set<std::string, std::less<>> directories_, disabled_, redirected_;
  std::set<int64_t> weighed_;
  std::map<std::string, std::string, std::less<>> repositories_;
  std::map<std::string, std::vector<WorldFile>, std::less<>> files_;  // by directory
  Interner<int64_t> url_lists_;
  // Kept for their memory only.
  std::vector<int64_t> numbers_, global_;
  std::vector<NamedVersion> versions_;
  std::vector<uint32_t> encoded_set_;
  WorldCarrierSet set_;
  std::set<uint32_t> grouped_;
};

Result<void> import_record(Importer& importer, const RecordStream::Record& record,
                           const std::string& path) {
  const auto refuse = [&](std::string_view reason, ErrorKind kind = ErrorKind::kInvalid) {
    return fail(kind, "{}: {}, in the entry of field {} at bytes {} to {}", path, reason,
                record.field, record.offset, record.end);
  };
  try {
    importer.entry(record);
    return {};
  } catch (const Malformed& malformed) {
    return refuse(malformed.reason, malformed.kind);
  } catch (const protozero::end_of_buffer_exception&) {
    return refuse("a field goes beyond the end of its message");
  } catch (const protozero::unknown_pbf_wire_type_exception&) {
    return refuse("a field has an unknown wire type");
  } catch (const protozero::invalid_tag_exception&) {
    return refuse("a field has an impossible number");
  } catch (const protozero::exception& error) {
    return refuse(error.what());
  }
}

}  // namespace

Result<World> import_protobuf(const std::string& path, const Clock& clock, bool quiet,
                              Diagnostics& diagnostics) {
  MIRROR_TRY(auto stream, RecordStream::open(path));
  Progress progress("reading " + path, stream.file_size(), clock, quiet);
  Importer importer(diagnostics);
  for (;;) {
    MIRROR_TRY(const auto record, stream.next());
    if (!record) break;
    MIRROR_CHECK(import_record(importer, *record, path));
    progress.advance(record->end - record->offset);
  }
  if (!importer.has_time()) {
    return fail(ErrorKind::kInvalid,
                "{}: the required field Time is missing: is it a whole cache file?", path);
  }
  return importer.finish();
}

}  // namespace mirror

// The second pass over a snapshot file. Every rule has a sentence in schema/SNAPSHOT.md.
//
// It must be linear in the size of the file whatever the file holds. Spans therefore tile the
// vectors that they point into (each begins where the one before ended), and comparing texts, which
// may share bytes, draws on a budget in proportion to the size of the file.
#include <algorithm>
#include <array>
#include <cstring>
#include <ranges>
#include <vector>

#include "base/core/text.h"
#include "schema/snapshot/hash_index.h"
#include "schema/snapshot/rendering.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {
namespace {

constexpr size_t kAlignment = 16;
// Real snapshots read each byte of text two or three times while they are checked.
constexpr uint64_t kTextWorkPerByte = 64;

Result<SnapshotHeader> read_header(std::span<const uint8_t> bytes) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kAlignment != 0) {
    return fail(ErrorKind::kInvalid, "the bytes are not aligned to {}", kAlignment);
  }
  if (bytes.size() > kSnapshotSizeMax) {
    return fail(ErrorKind::kLimit, "{} bytes are more than the limit of {}", bytes.size(),
                kSnapshotSizeMax);
  }
  SnapshotHeader header;
  if (bytes.size() < sizeof header) {
    return fail(ErrorKind::kInvalid, "{} bytes are too few for a snapshot", bytes.size());
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::string_view(header.magic, sizeof header.magic) != kSnapshotMagic) {
    return fail(ErrorKind::kInvalid, "not a snapshot: it does not begin with {}", kSnapshotMagic);
  }
  if (digest64(bytes.first(offsetof(SnapshotHeader, header_checksum))) != header.header_checksum) {
    return fail(ErrorKind::kInvalid, "the checksum of the header is wrong: the file is damaged");
  }
  if (header.format != kSnapshotFormat) {
    return fail(
        ErrorKind::kInvalid,
        "format {} is unknown, this program reads format {}: install the program that fits, or "
        "compile with --format {}",
        header.format, kSnapshotFormat, kSnapshotFormat);
  }
  if (header.header_size != sizeof header || header.reserved != 0) {
    return fail(ErrorKind::kInvalid, "the header holds values that format {} does not have",
                header.format);
  }
  if (header.created_at > kSnapshotTimeMax) {
    return fail(ErrorKind::kInvalid, "created_at is {}, above the limit of {}", header.created_at,
                kSnapshotTimeMax);
  }
  if (header.payload_size != bytes.size() - sizeof header) {
    return fail(ErrorKind::kInvalid, "{} bytes of payload instead of the {} that the header says",
                bytes.size() - sizeof header, header.payload_size);
  }
  return header;
}

template <typename Element>
std::span<const Element> span_of(const flatbuffers::Vector<Element>* vector) {
  return {vector->data(), vector->size()};
}
template <typename Element>
std::span<const Element> span_of(const flatbuffers::Vector<const Element*>* vector) {
  return {reinterpret_cast<const Element*>(vector->Data()), vector->size()};
}

template <typename Element>
bool is_aligned(const flatbuffers::Vector<const Element*>* vector) {
  return vector->size() == 0 || reinterpret_cast<uintptr_t>(vector->Data()) % alignof(Element) == 0;
}

SnapshotView view_of(const fb::Snapshot& root) {
  SnapshotView view;
  view.text_bytes = span_of(root.text());
  view.countries = span_of(root.countries());
  view.continents = span_of(root.continents());
  view.continent_members = span_of(root.continent_members());
  view.hosts = span_of(root.hosts());
  view.host_infos = span_of(root.host_infos());
  view.allowed_countries = span_of(root.allowed_countries());
  view.urls = span_of(root.urls());
  view.url_sets = span_of(root.url_sets());
  view.carriers = span_of(root.carriers());
  view.country_groups = span_of(root.country_groups());
  view.group_members = span_of(root.group_members());
  view.carrier_sets = span_of(root.carrier_sets());
  view.files = span_of(root.files());
  view.directories = span_of(root.directories());
  view.directory_index = span_of(root.directory_index());
  view.repositories = span_of(root.repositories());
  view.repository_index = span_of(root.repository_index());
  view.prefixes = span_of(root.prefixes());
  view.prefix_index = span_of(root.prefix_index());
  view.repository_list = *root.repository_list();
  view.repository_list_comment = *root.repository_list_comment();
  view.netblock_matches = span_of(root.netblock_matches());
  view.netblock_lists = span_of(root.netblock_lists());
  view.netblocks4 = span_of(root.netblocks4());
  view.netblocks6 = span_of(root.netblocks6());
  view.asn_groups = span_of(root.asn_groups());
  view.asn_hosts = span_of(root.asn_hosts());
  view.asns4 = span_of(root.asns4());
  view.asns6 = span_of(root.asns6());
  view.netblock_countries4 = span_of(root.netblock_countries4());
  view.netblock_countries6 = span_of(root.netblock_countries6());
  view.categories = span_of(root.categories());
  view.category_hosts = span_of(root.category_hosts());
  return view;
}

// Where the first byte below 0x20 or 0x7f lies; the size if there is none.
size_t find_control_byte(std::span<const uint8_t> bytes) {
  size_t at = 0;
  // A block without a branch in it, which compilers turn into wide instructions.
  constexpr size_t kBlock = 64;
  for (; at + kBlock <= bytes.size(); at += kBlock) {
    uint8_t found = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      const uint8_t byte = bytes[at + i];
      found |= static_cast<uint8_t>((byte < 0x20) | (byte == 0x7f));
    }
    if (found != 0) break;
  }
  while (at < bytes.size() && bytes[at] >= 0x20 && bytes[at] != 0x7f) ++at;
  return at;
}

bool needs_escape(std::string_view text) {
  // A vector of the compiler: one register of any processor that Debian runs on.
  using Bytes [[gnu::vector_size(16)]] = unsigned char;
  if (text.size() < sizeof(Bytes)) return text.find_first_of("&<>\"") != std::string_view::npos;
  Bytes found{};
  const auto look_at = [&found](const char* at) {
    Bytes bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    found |= (bytes == '&') | (bytes == '<') | (bytes == '>') | (bytes == '"');
  };
  for (size_t at = 0; at + sizeof(Bytes) <= text.size(); at += sizeof(Bytes))
    look_at(text.data() + at);
  // Some of these bytes for the second time: a copy of a varying size would take longer.
  look_at(text.data() + text.size() - sizeof(Bytes));
  std::array<uint64_t, sizeof(Bytes) / sizeof(uint64_t)> words{};
  std::memcpy(words.data(), &found, sizeof found);
  return (words[0] | words[1]) != 0;
}

// Whether `escaped` is escape_xml(plain), without making a text.
bool is_xml_escape_of(std::string_view plain, std::string_view escaped) {
  // Mostly they are one and the same text.
  if (plain.data() == escaped.data() && plain.size() == escaped.size()) return !needs_escape(plain);
  for (const char c : plain) {
    std::string_view entity;
    switch (c) {
      case '&':
        entity = "&amp;";
        break;
      case '<':
        entity = "&lt;";
        break;
      case '>':
        entity = "&gt;";
        break;
      case '"':
        entity = "&quot;";
        break;
      default:
        if (escaped.empty() || escaped.front() != c) return false;
        escaped.remove_prefix(1);
        continue;
    }
    if (!escaped.starts_with(entity)) return false;
    escaped.remove_prefix(entity.size());
  }
  return escaped.empty();
}

class Validator {
 public:
  Validator(SnapshotView& view, uint64_t payload_size, Pace& pace)
      : view_(view), text_budget_(payload_size * kTextWorkPerByte), pace_(pace) {}

  Result<void> run() {
    MIRROR_CHECK(check_text_bytes());
    MIRROR_CHECK(check_countries());
    MIRROR_CHECK(check_hosts());
    MIRROR_CHECK(check_urls());
    MIRROR_CHECK(check_carrier_sets());
    MIRROR_CHECK(check_directories());
    MIRROR_CHECK(check_repositories());
    MIRROR_CHECK(check_netblocks());
    MIRROR_CHECK(check_asns());
    MIRROR_CHECK(check_categories());
    return compute_body_size_max();
  }

 private:
  // Spans that must follow each other without a gap and end with the vector.
  class Tiles {
   public:
    Tiles(std::string_view vector, size_t size) : vector_(vector), size_(size) {}
    Result<void> next(const fb::Span& span) {
      if (span.begin() != end_ || span.count() > size_ - end_) {
        return fail(ErrorKind::kInvalid,
                    "a span of {} elements at {} does not follow the one before in {}",
                    span.count(), span.begin(), vector_);
      }
      end_ += span.count();
      return {};
    }
    Result<void> finish() const {
      if (end_ == size_) return {};
      return fail(ErrorKind::kInvalid, "{} of {} elements of {} belong to nothing", size_ - end_,
                  size_, vector_);
    }

   private:
    std::string_view vector_;
    size_t size_;
    size_t end_ = 0;
  };

  static Result<void> bad(std::string_view vector, size_t at, std::string_view what) {
    return fail(ErrorKind::kInvalid, "{}[{}]: {}", vector, at, what);
  }
  static bool within(uint32_t index, size_t size) { return index < size; }
  static bool within_or_none(uint32_t index, size_t size) { return index == kNone || index < size; }

  // A text that reaches a header line or a list line: no control byte in it.
  bool is_line(const fb::Text& text) {
    return is_inside(text, line_bytes_) && text.size() <= kTextSizeMax;
  }
  bool is_inside(const fb::Text& text, size_t limit) {
    const uint64_t end = uint64_t{text.offset()} + text.size();
    if (end > limit || text.size() > text_budget_) return false;
    text_budget_ -= text.size();
    return begins_character(text.offset()) && begins_character(end);
  }
  bool begins_character(uint64_t at) const {
    return at == view_.text_bytes.size() || (view_.text_bytes[at] & 0xc0) != 0x80;
  }

  // At the end of a loop over many elements, which take about so long each.
  void pace(size_t i, uint64_t nanoseconds) {
    constexpr size_t kElements = 256;
    if (i % kElements == 0) pace_.add(kElements * nanoseconds);
  }

  Result<void> check_text_bytes() {
    constexpr size_t kPiece = size_t{64} << 10;
    const auto& bytes = view_.text_bytes;
    line_bytes_ = bytes.size();
    for (size_t begin = 0, end = 0; begin < bytes.size(); begin = end) {
      end = std::min(begin + kPiece, bytes.size());
      // A piece ends where a character does, if it is one.
      while (!begins_character(end)) ++end;
      const auto piece = bytes.subspan(begin, end - begin);
      if (!is_valid_utf8({reinterpret_cast<const char*>(piece.data()), piece.size()}))
        return fail(ErrorKind::kInvalid, "text: not valid UTF-8");
      // Beyond the first control byte nobody asks for another.
      if (line_bytes_ == bytes.size()) {
        const size_t at = find_control_byte(piece);
        if (at < piece.size()) line_bytes_ = begin + at;
      }
      pace_.add(piece.size() / 8);
    }
    return {};
  }

  Result<void> check_countries() {
    for (size_t i = 0; i < view_.countries.size(); ++i) {
      const auto& country = view_.countries[i];
      if (!is_line(country.name())) return bad("countries", i, "bad name");
      if (i > 0 && view_.text(view_.countries[i - 1].name()) >= view_.text(country.name())) {
        return bad("countries", i, "not in the order of names");
      }
      if (!within_or_none(country.continent(), view_.continents.size())) {
        return bad("countries", i, "bad continent");
      }
    }
    return check_continents();
  }

  Result<void> check_continents() {
    Tiles tiles("continent_members", view_.continent_members.size());
    for (size_t i = 0; i < view_.continents.size(); ++i) {
      const auto& continent = view_.continents[i];
      if (!is_line(continent.name())) return bad("continents", i, "bad name");
      if (i > 0 && view_.text(view_.continents[i - 1].name()) >= view_.text(continent.name())) {
        return bad("continents", i, "not in the order of names");
      }
      MIRROR_CHECK(tiles.next(continent.members()));
      const auto members = SnapshotView::part(view_.continent_members, continent.members());
      if (!is_ascending_below(members, view_.countries.size()))
        return bad("continents", i, "bad members");
      for (const auto member : members) {
        if (view_.countries[member].continent() != i) return bad("continents", i, "foreign member");
      }
    }
    MIRROR_CHECK(tiles.finish());
    const auto placed = std::ranges::count_if(view_.countries,
                                              [](const auto& c) { return c.continent() != kNone; });
    if (static_cast<size_t>(placed) == view_.continent_members.size()) return {};
    return fail(ErrorKind::kInvalid, "continent_members: a country is missing");
  }

  static bool is_ascending_below(std::span<const uint32_t> values, size_t limit) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] >= limit || (i > 0 && values[i - 1] >= values[i])) return false;
    }
    return true;
  }

  Result<void> check_hosts() {
    if (view_.host_infos.size() != view_.hosts.size()) {
      return fail(ErrorKind::kInvalid, "host_infos: {} elements for {} hosts",
                  view_.host_infos.size(), view_.hosts.size());
    }
    Tiles tiles("allowed_countries", view_.allowed_countries.size());
    for (size_t i = 0; i < view_.hosts.size(); ++i) {
      const auto& host = view_.hosts[i];
      if (host.weight() < 1 || host.weight() > kWeightMax) return bad("hosts", i, "bad weight");
      if (!within_or_none(host.country(), view_.countries.size()))
        return bad("hosts", i, "bad country");
      MIRROR_CHECK(tiles.next(host.allowed()));
      const auto allowed = SnapshotView::part(view_.allowed_countries, host.allowed());
      if (!is_ascending_below(allowed, view_.countries.size()))
        return bad("hosts", i, "bad allowed countries");
      if (host.restricted() != (allowed.empty() ? 0u : 1u))
        return bad("hosts", i, "bad restriction");
      MIRROR_CHECK(check_host_info(i));
    }
    return tiles.finish();
  }

  Result<void> check_host_info(size_t i) {
    const auto& info = view_.host_infos[i];
    if (i > 0 && view_.host_infos[i - 1].id() >= info.id())
      return bad("host_infos", i, "not in the order of ids");
    if (!is_line(info.name()) || !is_line(info.site())) return bad("host_infos", i, "bad text");
    if ((info.flags() & ~kHostFlagsKnown) != 0 || info.reserved() != 0)
      return bad("host_infos", i, "unknown flags");
    return {};
  }

  Result<void> check_urls() {
    for (size_t i = 0; i < view_.urls.size(); ++i) {
      const auto& url = view_.urls[i];
      if (!is_line(url.base()) || !is_inside(url.xml_base(), line_bytes_) ||
          !is_inside(url.metalink_head(), line_bytes_)) {
        return bad("urls", i, "bad text");
      }
      const auto base = view_.text(url.base());
      if (base.find("://") == std::string_view::npos || base.ends_with('/'))
        return bad("urls", i, "bad base");
      if (url.scheme() != static_cast<uint32_t>(scheme_of(base)))
        return bad("urls", i, "bad scheme");
      if (!is_xml_escape_of(base, view_.text(url.xml_base())))
        return bad("urls", i, "bad xml_base");
      if (!is_metalink_head(base, view_.text(url.metalink_head())))
        return bad("urls", i, "bad metalink_head");
    }
    return check_url_sets();
  }

  static bool is_metalink_head(std::string_view base, std::string_view head) {
    constexpr std::string_view kEnd = "\" preference=\"";
    const std::string bare = metalink_url_head(base, "");
    const auto begin = std::string_view(bare).substr(0, bare.size() - kEnd.size());
    if (head.size() < bare.size() || !head.starts_with(begin) || !head.ends_with(kEnd))
      return false;
    // The country was escaped; what has no special characters is its own escape.
    const auto country = head.substr(begin.size(), head.size() - bare.size());
    return country.find_first_of("<>\"") == std::string_view::npos;
  }

  Result<void> check_url_sets() {
    Tiles tiles("urls", view_.urls.size());
    for (size_t i = 0; i < view_.url_sets.size(); ++i) {
      const auto& set = view_.url_sets[i];
      MIRROR_CHECK(tiles.next(set.urls()));
      const auto urls = SnapshotView::part(view_.urls, set.urls());
      uint32_t listable = kNone;
      uint32_t web = kNone;
      for (uint32_t place = 0; place < urls.size(); ++place) {
        const auto scheme = static_cast<UrlScheme>(urls[place].scheme());
        if (listable == kNone && is_listable(scheme)) listable = place;
        if (web == kNone && scheme <= UrlScheme::kHttp) web = place;
      }
      if (set.first_listable() != listable || set.first_web() != web)
        return bad("url_sets", i, "bad first URL");
    }
    return tiles.finish();
  }

  Result<void> check_carrier_sets() {
    for (size_t i = 0; i < view_.carriers.size(); ++i) {
      if (!within(view_.carriers[i].host(), view_.hosts.size()))
        return bad("carriers", i, "bad host");
      if (!within_or_none(view_.carriers[i].url_set(), view_.url_sets.size())) {
        return bad("carriers", i, "bad url_set");
      }
      pace(i, 1);
    }
    Tiles carriers("carriers", view_.carriers.size());
    Tiles groups("country_groups", view_.country_groups.size());
    Tiles members("group_members", view_.group_members.size());
    for (size_t i = 0; i < view_.carrier_sets.size(); ++i) {
      const auto& set = view_.carrier_sets[i];
      MIRROR_CHECK(carriers.next(set.carriers()));
      MIRROR_CHECK(groups.next(set.groups()));
      pace_.add(5 * (set.carriers().count() + set.groups().count()));
      const auto all = SnapshotView::part(view_.carriers, set.carriers());
      if (set.global_count() > all.size()) return bad("carrier_sets", i, "bad global_count");
      if (!are_distinct_hosts(all.first(set.global_count()), all.subspan(set.global_count()))) {
        return bad("carrier_sets", i, "carriers are not in order");
      }
      const auto own_groups = SnapshotView::part(view_.country_groups, set.groups());
      for (size_t g = 0; g < own_groups.size(); ++g) {
        const auto& group = own_groups[g];
        MIRROR_CHECK(members.next(group.members()));
        if (!within(group.country(), view_.countries.size()) ||
            (g > 0 && own_groups[g - 1].country() >= group.country()) ||
            !is_ascending_below(SnapshotView::part(view_.group_members, group.members()),
                                all.size())) {
          return bad("carrier_sets", i, "bad country group");
        }
      }
    }
    MIRROR_CHECK(carriers.finish());
    MIRROR_CHECK(groups.finish());
    return members.finish();
  }

  // Both parts ascending by host, and no host in both: one walk through the two.
  static bool are_distinct_hosts(std::span<const fb::Carrier> global,
                                 std::span<const fb::Carrier> others) {
    const auto ascending = [](std::span<const fb::Carrier> carriers) {
      return std::ranges::adjacent_find(carriers, [](const auto& a, const auto& b) {
               return a.host() >= b.host();
             }) == carriers.end();
    };
    if (!ascending(global) || !ascending(others)) return false;
    auto other = others.begin();
    for (const auto& carrier : global) {
      while (other != others.end() && other->host() < carrier.host()) ++other;
      if (other != others.end() && other->host() == carrier.host()) return false;
    }
    return true;
  }

  Result<void> check_directories() {
    Tiles tiles("files", view_.files.size());
    for (size_t i = 0; i < view_.directories.size(); ++i) {
      const auto& directory = view_.directories[i];
      if (!is_line(directory.name()) || !is_line(directory.subpath()) ||
          !is_inside(directory.xml_subpath(), line_bytes_)) {
        return bad("directories", i, "bad text");
      }
      if (i > 0 && view_.text(view_.directories[i - 1].name()) >= view_.text(directory.name())) {
        return bad("directories", i, "not in the order of names");
      }
      if (!is_xml_escape_of(view_.text(directory.subpath()), view_.text(directory.xml_subpath()))) {
        return bad("directories", i, "bad xml_subpath");
      }
      if (!within(directory.carrier_set(), view_.carrier_sets.size()) ||
          !within_or_none(directory.category(), view_.categories.size())) {
        return bad("directories", i, "bad carrier set or category");
      }
      MIRROR_CHECK(tiles.next(directory.files()));
      MIRROR_CHECK(check_files(directory.files()));
      pace(i, 50);
    }
    MIRROR_CHECK(tiles.finish());
    return check_hash_index("directory_index", view_.directory_index, view_.directories,
                            [](const fb::Directory& d) { return d.name(); });
  }

  Result<void> check_files(const fb::Span& span) {
    for (size_t i = span.begin(); i < span.begin() + span.count(); ++i) {
      const auto& file = view_.files[i];
      if (!is_line(file.name()) || file.name().size() == 0 || file.name().size() > kFileNameMax) {
        return bad("files", i, "bad name");
      }
      if (i > span.begin() && view_.text(view_.files[i - 1].name()) >= view_.text(file.name())) {
        return bad("files", i, "not in the order of names");
      }
      // The bytes of a block are not read here, so they need no budget.
      const uint64_t end = uint64_t{file.block().offset()} + file.block().size();
      if (end > view_.text_bytes.size() || !begins_character(file.block().offset()) ||
          !begins_character(end)) {
        return bad("files", i, "bad block");
      }
      const auto block = view_.text(file.block());
      if (block.size() < kFileBlockBegin.size() + kFileBlockEnd.size() ||
          !block.starts_with(kFileBlockBegin) || !block.ends_with(kFileBlockEnd)) {
        return bad("files", i, "bad block");
      }
    }
    return {};
  }

  // Each entry once, and reachable: between the slot that its hash names and its own no slot is
  // empty. That holds if its home lies in the run of full slots that ends at its own, so one walk
  // over the slots decides.
  template <typename Element, typename NameOf>
  Result<void> check_hash_index(std::string_view name, std::span<const uint32_t> index,
                                std::span<const Element> elements, NameOf name_of) {
    if (index.size() != hash_index_size(elements.size()))
      return fail(ErrorKind::kInvalid, "{}: bad size", name);
    const size_t mask = index.size() - 1;
    // Names are hashed in the order in which they lie in memory, not in that of the slots.
    std::vector<uint32_t> homes(elements.size());
    for (size_t i = 0; i < elements.size(); ++i) {
      homes[i] = static_cast<uint32_t>(digest64(view_.text(name_of(elements[i]))) & mask);
      pace(i, 10);
    }
    // At most half of the slots are full if each entry is there once, so an empty one is found.
    const auto empty = std::ranges::find(index, kNone);
    if (empty == index.end()) return fail(ErrorKind::kInvalid, "{}: no slot is empty", name);
    const auto start = static_cast<size_t>(empty - index.begin());
    // Whether a slot is full is as good as random, and a wrong guess costs more than all that is
    // done for one: empty slots have an entry of their own, of which nothing is required.
    const size_t nobody = elements.size();
    homes.push_back(0);
    // The mark of an entry that was met, in the same word: they are met in a random order.
    constexpr uint32_t kSeen = uint32_t{1} << 31;
    static_assert(kSnapshotSizeMax / sizeof(uint32_t) < kSeen);
    size_t run = 0;
    size_t entries = 0;
    for (size_t step = 1; step <= index.size(); ++step) {
      const size_t slot = (start + step) & mask;
      const uint32_t at = index[slot];
      const bool full = at != kNone;
      if (full & (at >= nobody)) [[unlikely]]
        return bad(name, slot, "bad entry");
      const size_t entry = std::min<size_t>(at, nobody);
      run = full ? run + 1 : 0;
      const uint32_t home = homes[entry];
      const bool found = ((slot - home) & mask) < run;
      if (full & (((home & kSeen) != 0) | !found)) [[unlikely]]
        return bad(name, slot, found ? "bad entry" : "its entry cannot be found");
      homes[entry] = home | kSeen;
      entries += full ? 1 : 0;
      pace(step, 5);
    }
    if (entries != elements.size())
      return fail(ErrorKind::kInvalid, "{}: an entry is missing", name);
    return {};
  }

  Result<void> check_repositories() {
    for (size_t i = 0; i < view_.repositories.size(); ++i) {
      const auto& repository = view_.repositories[i];
      if (!is_line(repository.key())) return bad("repositories", i, "bad key");
      if (i > 0 && view_.text(view_.repositories[i - 1].key()) >= view_.text(repository.key())) {
        return bad("repositories", i, "not in the order of keys");
      }
      if (!within_or_none(repository.directory(), view_.directories.size()) ||
          !within_or_none(repository.metalink_directory(), view_.directories.size())) {
        return bad("repositories", i, "bad directory");
      }
    }
    MIRROR_CHECK(check_hash_index("repository_index", view_.repository_index, view_.repositories,
                                  [](const fb::Repository& r) { return r.key(); }));
    for (size_t i = 0; i < view_.prefixes.size(); ++i) {
      const auto& prefix = view_.prefixes[i];
      if (!is_line(prefix.name()) || !is_line(prefix.redirect()))
        return bad("prefixes", i, "bad text");
      if (i > 0 && view_.text(view_.prefixes[i - 1].name()) >= view_.text(prefix.name())) {
        return bad("prefixes", i, "not in the order of names");
      }
      if (prefix.disabled() > 1) return bad("prefixes", i, "bad flag");
    }
    MIRROR_CHECK(check_hash_index("prefix_index", view_.prefix_index, view_.prefixes,
                                  [](const fb::Prefix& p) { return p.name(); }));
    return check_repository_lists();
  }

  Result<void> check_repository_lists() {
    const size_t all = view_.text_bytes.size();
    if (!is_inside(view_.repository_list, all) || !is_inside(view_.repository_list_comment, all)) {
      return fail(ErrorKind::kInvalid, "repository_list: bad text");
    }
    const auto list =
        render_repository_list(view_.repositories | std::views::transform([this](const auto& r) {
                                 return view_.text(r.key());
                               }));
    if (view_.text(view_.repository_list) == list &&
        view_.text(view_.repository_list_comment) == comment_safe(list)) {
      return {};
    }
    return fail(ErrorKind::kInvalid, "repository_list: does not list the repositories");
  }

  template <typename Range, typename First>
  Result<void> check_ranges(std::string_view name, std::span<const Range> ranges, size_t values,
                            First first) {
    if (ranges.empty()) return fail(ErrorKind::kInvalid, "{}: empty", name);
    for (size_t i = 0; i < ranges.size(); ++i) {
      if (i == 0 ? first(ranges[0]) != first(Range{}) : first(ranges[i - 1]) >= first(ranges[i])) {
        return bad(name, i, "not in order");
      }
      if (!within_or_none(ranges[i].value(), values)) return bad(name, i, "bad value");
      if (i > 0 && ranges[i - 1].value() == ranges[i].value())
        return bad(name, i, "the same value twice");
      pace(i, 2);
    }
    return {};
  }
  Result<void> check_ranges4(std::string_view name, std::span<const fb::IpRange4> ranges,
                             size_t values) {
    return check_ranges(name, ranges, values, [](const fb::IpRange4& r) { return r.first(); });
  }
  Result<void> check_ranges6(std::string_view name, std::span<const fb::IpRange6> ranges,
                             size_t values) {
    const auto dirty =
        std::ranges::find_if(ranges, [](const fb::IpRange6& r) { return r.reserved() != 0; });
    if (dirty != ranges.end())
      return fail(ErrorKind::kInvalid, "{}: reserved bytes are not zero", name);
    return check_ranges(name, ranges, values, [](const fb::IpRange6& r) {
      return std::pair(r.first_high(), r.first_low());
    });
  }

  Result<void> check_netblocks() {
    Tiles tiles("netblock_matches", view_.netblock_matches.size());
    for (size_t i = 0; i < view_.netblock_lists.size(); ++i) {
      MIRROR_CHECK(tiles.next(view_.netblock_lists[i]));
      const auto matches = SnapshotView::part(view_.netblock_matches, view_.netblock_lists[i]);
      if (matches.empty()) return bad("netblock_lists", i, "empty");
      for (size_t m = 0; m < matches.size(); ++m) {
        if (!within(matches[m].host(), view_.hosts.size()) || matches[m].prefix_length() > 128) {
          return bad("netblock_lists", i, "bad match");
        }
        // Longest prefix first, then by host: the order of (-length, host).
        if (m > 0 && !(matches[m - 1].prefix_length() > matches[m].prefix_length() ||
                       (matches[m - 1].prefix_length() == matches[m].prefix_length() &&
                        matches[m - 1].host() < matches[m].host()))) {
          return bad("netblock_lists", i, "matches are not in order");
        }
      }
    }
    MIRROR_CHECK(tiles.finish());
    MIRROR_CHECK(check_ranges4("netblocks4", view_.netblocks4, view_.netblock_lists.size()));
    MIRROR_CHECK(check_ranges6("netblocks6", view_.netblocks6, view_.netblock_lists.size()));
    for (size_t i = 0; i < view_.netblocks4.size(); ++i) {
      const uint32_t list = view_.netblocks4[i].value();
      if (list == kNone) continue;
      // The longest one comes first.
      constexpr uint32_t kIpv4Bits = 32;
      const auto& longest = view_.netblock_matches[view_.netblock_lists[list].begin()];
      if (longest.prefix_length() > kIpv4Bits) return bad("netblocks4", i, "a prefix of IPv6");
    }
    MIRROR_CHECK(
        check_ranges4("netblock_countries4", view_.netblock_countries4, view_.countries.size()));
    return check_ranges6("netblock_countries6", view_.netblock_countries6, view_.countries.size());
  }

  Result<void> check_asns() {
    Tiles tiles("asn_hosts", view_.asn_hosts.size());
    for (size_t i = 0; i < view_.asn_groups.size(); ++i) {
      const auto& group = view_.asn_groups[i];
      if (i > 0 && view_.asn_groups[i - 1].asn() >= group.asn())
        return bad("asn_groups", i, "not in order");
      MIRROR_CHECK(tiles.next(group.hosts()));
      const auto hosts = SnapshotView::part(view_.asn_hosts, group.hosts());
      if (hosts.empty() || !is_ascending_below(hosts, view_.hosts.size()))
        return bad("asn_groups", i, "bad hosts");
    }
    MIRROR_CHECK(tiles.finish());
    MIRROR_CHECK(check_ranges4("asns4", view_.asns4, view_.asn_groups.size()));
    return check_ranges6("asns6", view_.asns6, view_.asn_groups.size());
  }

  Result<void> check_categories() {
    Tiles tiles("category_hosts", view_.category_hosts.size());
    for (size_t i = 0; i < view_.categories.size(); ++i) {
      const auto& category = view_.categories[i];
      if (i > 0 && view_.categories[i - 1].id() >= category.id())
        return bad("categories", i, "not in order");
      if (!is_line(category.name()) || !is_line(category.product()) ||
          !is_line(category.topdir())) {
        return bad("categories", i, "bad text");
      }
      MIRROR_CHECK(tiles.next(category.hosts()));
      const auto hosts = SnapshotView::part(view_.category_hosts, category.hosts());
      for (size_t h = 0; h < hosts.size(); ++h) {
        if (!within(hosts[h].host(), view_.hosts.size()) ||
            (h > 0 && hosts[h - 1].host() >= hosts[h].host()) ||
            !within_or_none(hosts[h].url_set(), view_.url_sets.size()) ||
            hosts[h].always_up2date() > 1) {
          return bad("categories", i, "bad hosts");
        }
      }
    }
    return tiles.finish();
  }

  // What the URLs of a set, or of all carriers of a set, add to a body.
  struct UrlSums {
    uint64_t count = 0;
    uint64_t text_bytes = 0;
    uint64_t metalink_bytes = 0;
    void operator+=(const UrlSums& other) {
      count += other.count;
      text_bytes += other.text_bytes;
      metalink_bytes += other.metalink_bytes;
    }
  };

  // Where a set has more than any answer may have, it has just that: no sum can overflow.
  std::vector<UrlSums> sum_carrier_sets() {
    std::vector<UrlSums> of_urls(view_.url_sets.size());
    for (size_t i = 0; i < of_urls.size(); ++i) {
      for (const auto& url : SnapshotView::part(view_.urls, view_.url_sets[i].urls())) {
        of_urls[i] +=
            {1, url.base().size(), uint64_t{url.metalink_head().size()} + url.xml_base().size()};
      }
    }
    std::vector<UrlSums> of_carriers(view_.carrier_sets.size());
    for (size_t i = 0; i < of_carriers.size(); ++i) {
      pace_.add(2 * view_.carrier_sets[i].carriers().count());
      for (const auto& carrier :
           SnapshotView::part(view_.carriers, view_.carrier_sets[i].carriers())) {
        if (carrier.url_set() != kNone) of_carriers[i] += of_urls[carrier.url_set()];
        if (of_carriers[i].metalink_bytes > kBodySizeMax) break;
      }
    }
    return of_carriers;
  }

  Result<void> compute_body_size_max() {
    constexpr uint64_t kXmlGrowthMax = 6;  // " as &quot;
    constexpr uint64_t kTextUrlExtra = 3;  // two slashes and a line feed
    constexpr uint64_t kMetalinkUrlExtra =
        64;  // preference, private mark, tags, two slashes and a line feed
    constexpr uint64_t kFrame =
        1024;  // the first lines of a metalink, the fixed words of a header line
    constexpr uint64_t kCountryExtra = 16;                         // "country = " and a blank
    constexpr uint64_t kFileTextMax = uint64_t{3} * kFileNameMax;  // every byte as %XX
    constexpr uint64_t kFileXmlMax = kXmlGrowthMax * kFileNameMax;
    const auto sums = sum_carrier_sets();
    uint64_t header = kFrame + kXmlGrowthMax * (kTextSizeMax + kFileNameMax);
    for (const auto& country : view_.countries) header += country.name().size() + kCountryExtra;
    uint64_t largest = view_.repository_list_comment.size();
    for (size_t i = 0; i < view_.directories.size(); ++i) {
      pace(i, 5);
      const auto& directory = view_.directories[i];
      const UrlSums& sum = sums[directory.carrier_set()];
      uint64_t block = 0;
      for (const auto& file : SnapshotView::part(view_.files, directory.files())) {
        block = std::max<uint64_t>(block, file.block().size());
      }
      const uint64_t text =
          sum.text_bytes + sum.count * (directory.subpath().size() + kFileTextMax + kTextUrlExtra);
      const uint64_t metalink =
          block + sum.metalink_bytes +
          sum.count * (directory.xml_subpath().size() + kFileXmlMax + kMetalinkUrlExtra);
      largest = std::max({largest, text, metalink});
    }
    view_.body_size_max = header + largest;
    if (view_.body_size_max <= kBodySizeMax) return {};
    return fail(ErrorKind::kLimit,
                "an answer could have {} bytes, more than the limit of {}: too many mirrors of a "
                "directory have too many URLs",
                view_.body_size_max, kBodySizeMax);
  }

  SnapshotView& view_;
  size_t line_bytes_ = 0;  // texts of lines end here: the first control byte of the text bytes
  uint64_t text_budget_;
  Pace& pace_;
};

}  // namespace

Result<SnapshotView> validate(std::span<const uint8_t> bytes) {
  MIRROR_TRY(const auto header, read_header(bytes));
  const auto payload = bytes.subspan(sizeof header);
  Pace pace;
  if (digest128(payload, pace) != Digest128{header.digest_high, header.digest_low}) {
    return fail(ErrorKind::kInvalid,
                "the digest of the payload is wrong: the file is damaged or incomplete");
  }
  flatbuffers::Verifier verifier(payload.data(), payload.size());
  if (!fb::VerifySnapshotBuffer(verifier)) {
    return fail(ErrorKind::kInvalid, "the payload is not a well-formed FlatBuffer of this format");
  }
  const fb::Snapshot& root = *fb::GetSnapshot(payload.data());
  // The verifier aligns the length of a vector, which has 4 bytes, but not elements that need 8.
  if (!is_aligned(root.host_infos()) || !is_aligned(root.netblocks6()) ||
      !is_aligned(root.asn_groups()) || !is_aligned(root.asns6()) ||
      !is_aligned(root.netblock_countries6()) || !is_aligned(root.categories())) {
    return fail(ErrorKind::kInvalid, "the elements of a vector are not aligned");
  }
  if (root.repository_list() == nullptr || root.repository_list_comment() == nullptr) {
    return fail(ErrorKind::kInvalid, "repository_list: missing");
  }
  SnapshotView view = view_of(root);
  view.created_at = header.created_at;
  MIRROR_CHECK(Validator(view, payload.size(), pace).run());
  return view;
}

}  // namespace mirror

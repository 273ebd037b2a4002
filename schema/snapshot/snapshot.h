// A snapshot file: what the compiler publishes and the edge serves from. schema/SNAPSHOT.md
// describes the bytes and the invariants, schema/snapshot.fbs the payload.
//
// Snapshot owns a copy of the file in memory. SnapshotView is a bundle of spans into it (or into
// any other memory that holds the payload) and must not outlive it. Both are immutable and safe to
// read from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/core/assert.h"
#include "base/core/digest.h"
#include "base/core/error.h"
#include "base/core/file_copy.h"
#include "base/core/ip.h"
#include "schema/snapshot_generated.h"

namespace mirror {

inline constexpr uint32_t kNone = 0xffffffff;
// The format that this build writes. It reads this one and, once there is one, the one before.
inline constexpr uint32_t kSnapshotFormat = 1;
inline constexpr uint64_t kSnapshotSizeMax = uint64_t{1} << 30;
// Of an answer, as SnapshotView::body_size_max estimates it: each worker has room for one.
inline constexpr uint64_t kBodySizeMax = uint64_t{256} << 20;
inline constexpr std::string_view kSnapshotMagic = "MIRRSNAP";
// The latest created_at, in Unix seconds: far away, and still far from overflows.
inline constexpr uint64_t kSnapshotTimeMax = uint64_t{1} << 40;

// Limits of what a snapshot holds; the compiler leaves out what is larger, validate() refuses it.
inline constexpr uint32_t kWeightMax = 100'000;
// The longest file name (last path component) that a question may hold: no file system has longer
// ones.
inline constexpr uint32_t kFileNameMax = 255;
// The longest name, URL or path: what a path of the operating system can be.
inline constexpr uint32_t kTextSizeMax = 4096;

enum class UrlScheme : uint32_t { kHttps = 0, kHttp = 1, kFtp = 2, kRsync = 3, kOther = 4 };
// Whether a list shows such a URL.
constexpr bool is_listable(UrlScheme scheme) { return scheme <= UrlScheme::kFtp; }

enum HostFlag : uint32_t {
  kHostAdminActive = 1 << 0,
  kHostUserActive = 1 << 1,
  kSiteAdminActive = 1 << 2,
  kSiteUserActive = 1 << 3,
  kHostPrivate = 1 << 4,
  kSitePrivate = 1 << 5,
  kHostAsnClients = 1 << 6,
  kHostFlagsKnown = (1 << 7) - 1,
};

// The first 64 bytes of a file, little-endian. The payload follows at once.
struct SnapshotHeader {
  char magic[8];             // "MIRRSNAP"
  uint32_t format;           // kSnapshotFormat
  uint32_t header_size;      // 64
  uint64_t created_at;       // Unix seconds: when the data was read
  uint64_t payload_size;     // the file has exactly 64 + payload_size bytes
  uint64_t digest_high;      // XXH3-128 of the payload: equal contents have equal digests,
  uint64_t digest_low;       //   whenever they were made
  uint64_t reserved;         // 0
  uint64_t header_checksum;  // XXH3-64 of the 56 bytes before
};
static_assert(sizeof(SnapshotHeader) == 64);

// Every vector of schema/snapshot.fbs as a span. The accessors assert their arguments in debug
// builds only, since validate() has checked every index that a file holds.
struct SnapshotView {
  std::span<const uint8_t> text_bytes;
  std::span<const fb::Country> countries;
  std::span<const fb::Continent> continents;
  std::span<const uint32_t> continent_members;
  std::span<const fb::Host> hosts;
  std::span<const fb::HostInfo> host_infos;
  std::span<const uint32_t> allowed_countries;
  std::span<const fb::Url> urls;
  std::span<const fb::UrlSet> url_sets;
  std::span<const fb::Carrier> carriers;
  std::span<const fb::CountryGroup> country_groups;
  std::span<const uint32_t> group_members;
  std::span<const fb::CarrierSet> carrier_sets;
  std::span<const fb::File> files;
  std::span<const fb::Directory> directories;
  std::span<const uint32_t> directory_index;
  std::span<const fb::Repository> repositories;
  std::span<const uint32_t> repository_index;
  std::span<const fb::Prefix> prefixes;
  std::span<const uint32_t> prefix_index;
  fb::Text repository_list;
  fb::Text repository_list_comment;
  std::span<const fb::NetblockMatch> netblock_matches;
  std::span<const fb::Span> netblock_lists;
  std::span<const fb::IpRange4> netblocks4;
  std::span<const fb::IpRange6> netblocks6;
  std::span<const fb::AsnGroup> asn_groups;
  std::span<const uint32_t> asn_hosts;
  std::span<const fb::IpRange4> asns4;
  std::span<const fb::IpRange6> asns6;
  std::span<const fb::IpRange4> netblock_countries4;
  std::span<const fb::IpRange6> netblock_countries6;
  std::span<const fb::Category> categories;
  std::span<const fb::CategoryHost> category_hosts;

  uint64_t created_at = 0;
  // No answer body made from this snapshot is larger than this plus what the request itself makes
  // longer: texts of the client that are echoed in the header line (path, repo, arch, country,
  // protocol), and fragments ` country = XX ` beyond one a country, which only a country= of many
  // names can cause. A file name in a URL counts with kFileNameMax bytes, all of them
  // percent-encoded. Computed by validate().
  uint64_t body_size_max = 0;

  [[nodiscard]] std::string_view text(const fb::Text& text) const {
    MIRROR_DEBUG_ASSERT(uint64_t{text.offset()} + text.size() <= text_bytes.size());
    return {reinterpret_cast<const char*>(text_bytes.data()) + text.offset(), text.size()};
  }
  template <typename Element>
  [[nodiscard]] static std::span<const Element> part(std::span<const Element> whole,
                                                     const fb::Span& span) {
    MIRROR_DEBUG_ASSERT(uint64_t{span.begin()} + span.count() <= whole.size());
    return whole.subspan(span.begin(), span.count());
  }

  // Look-ups; kNone if absent. Constant time: an open-addressed table and one or two string
  // comparisons.
  [[nodiscard]] uint32_t find_directory(std::string_view name) const {
    return find_hashed(directory_index, directories, name,
                       [](const fb::Directory& d) { return d.name(); });
  }
  [[nodiscard]] uint32_t find_repository(std::string_view key) const {
    return find_hashed(repository_index, repositories, key,
                       [](const fb::Repository& r) { return r.key(); });
  }
  [[nodiscard]] uint32_t find_prefix(std::string_view name) const {
    return find_hashed(prefix_index, prefixes, name, [](const fb::Prefix& p) { return p.name(); });
  }
  // Binary searches over a few hundred names, and over the files of one directory.
  [[nodiscard]] uint32_t find_country(std::string_view upper_case_name) const;
  [[nodiscard]] uint32_t find_file(const fb::Directory& directory, std::string_view name) const;
  // The value of the range that holds the address; kNone if none does. `address` must be unmapped.
  [[nodiscard]] static uint32_t find_range(std::span<const fb::IpRange4> ranges4,
                                           std::span<const fb::IpRange6> ranges6,
                                           const IpAddress& address);

 private:
  template <typename Element, typename NameOf>
  [[nodiscard]] uint32_t find_hashed(std::span<const uint32_t> index,
                                     std::span<const Element> elements, std::string_view name,
                                     NameOf name_of) const {
    const size_t mask = index.size() - 1;
    for (size_t slot = digest64(name) & mask;; slot = (slot + 1) & mask) {
      const uint32_t at = index[slot];
      if (at == kNone || text(name_of(elements[at])) == name) return at;
    }
  }
};

// Two passes over hostile bytes (header and payload of one file): the FlatBuffers verifier, then
// every invariant of SNAPSHOT.md: sizes, digest, every index in range, every span inside its
// vector, every sort order, reserved fields zero. After success nothing in the view can make a
// reader leave the bytes. `bytes` must be aligned to 16 and outlive the view. O(bytes), does not
// allocate per element.
[[nodiscard]] Result<SnapshotView> validate(std::span<const uint8_t> bytes);

class Snapshot {
 public:
  // Copies the file into memory, which may be that of `spare` (file_copy.h), and validates.
  // `expected` is what CURRENT says of the file, if it came from there.
  struct Expectation {
    uint64_t size = 0;
    Digest128 digest;
  };
  [[nodiscard]] static Result<Snapshot> open(
      const std::string& path, const std::optional<Expectation>& expected = std::nullopt,
      FileCopy spare = {});

  [[nodiscard]] const SnapshotView& view() const { return view_; }
  [[nodiscard]] const Digest128& digest() const { return digest_; }
  [[nodiscard]] uint64_t size() const { return file_.bytes().size(); }
  [[nodiscard]] const FileCopy& file() const { return file_; }
  // Gives the memory away; the views are void.
  [[nodiscard]] FileCopy take_file() && { return std::move(file_); }

 private:
  FileCopy file_;
  SnapshotView view_;
  Digest128 digest_;
};

// What the header of a whole file says of its contents. REQUIRES: bytes that validate() accepted or
// make_snapshot_file() made.
[[nodiscard]] Digest128 digest_of_file(std::string_view file_bytes);

// Adds the header to a payload: the bytes of a whole file. A pure function of its arguments.
[[nodiscard]] std::string make_snapshot_file(std::span<const uint8_t> payload, uint64_t created_at);

}  // namespace mirror

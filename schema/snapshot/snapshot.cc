#include "schema/snapshot/snapshot.h"

#include <algorithm>
#include <cstring>

namespace mirror {

uint32_t SnapshotView::find_country(std::string_view upper_case_name) const {
  const auto at = std::lower_bound(countries.begin(), countries.end(), upper_case_name,
                                   [this](const fb::Country& country, std::string_view name) {
                                     return text(country.name()) < name;
                                   });
  if (at == countries.end() || text(at->name()) != upper_case_name) return kNone;
  return static_cast<uint32_t>(at - countries.begin());
}

uint32_t SnapshotView::find_file(const fb::Directory& directory, std::string_view name) const {
  const auto candidates = part(files, directory.files());
  const auto at = std::lower_bound(
      candidates.begin(), candidates.end(), name,
      [this](const fb::File& file, std::string_view wanted) { return text(file.name()) < wanted; });
  if (at == candidates.end() || text(at->name()) != name) return kNone;
  return directory.files().begin() + static_cast<uint32_t>(at - candidates.begin());
}

namespace {

// The last range that does not begin after the key. Halves without branches on the data:
// mispredicted branches would cost more than the extra steps.
template <typename Range, typename NotAfter>
uint32_t value_at(std::span<const Range> ranges, NotAfter not_after) {
  MIRROR_DEBUG_ASSERT(!ranges.empty());
  const Range* base = ranges.data();
  for (size_t count = ranges.size(); count > 1;) {
    const size_t half = count / 2;
    base = not_after(base[half]) ? base + half : base;
    count -= half;
  }
  return base->value();
}

}  // namespace

uint32_t SnapshotView::find_range(std::span<const fb::IpRange4> ranges4,
                                  std::span<const fb::IpRange6> ranges6, const IpAddress& address) {
  if (address.is_ipv4()) {
    return value_at(ranges4,
                    [key = address.ipv4()](const fb::IpRange4& r) { return r.first() <= key; });
  }
  return value_at(ranges6, [&address](const fb::IpRange6& r) {
    return r.first_high() < address.high ||
           (r.first_high() == address.high && r.first_low() <= address.low);
  });
}

Result<Snapshot> Snapshot::open(const std::string& path, const std::optional<Expectation>& expected,
                                FileCopy spare) {
  MIRROR_TRY(auto file, FileCopy::open(path, kSnapshotSizeMax, std::move(spare)));
  if (expected && expected->size != file.bytes().size()) {
    return fail(ErrorKind::kInvalid, "{}: {} bytes instead of the {} that CURRENT says", path,
                file.bytes().size(), expected->size);
  }
  auto view = validate(file.bytes());
  if (!view) return with_context(std::move(view).error(), path);
  Snapshot snapshot;
  snapshot.digest_ =
      digest_of_file({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
  if (expected && expected->digest != snapshot.digest_) {
    return fail(ErrorKind::kInvalid, "{}: its digest is {}, not {} as CURRENT says", path,
                snapshot.digest_.hex(), expected->digest.hex());
  }
  snapshot.view_ = *view;
  snapshot.file_ = std::move(file);
  return snapshot;
}

Digest128 digest_of_file(std::string_view file_bytes) {
  MIRROR_ASSERT(file_bytes.size() >= sizeof(SnapshotHeader));
  SnapshotHeader header;
  std::memcpy(&header, file_bytes.data(), sizeof header);
  return {header.digest_high, header.digest_low};
}

std::string make_snapshot_file(std::span<const uint8_t> payload, uint64_t created_at) {
  SnapshotHeader header{};
  std::memcpy(header.magic, kSnapshotMagic.data(), sizeof header.magic);
  header.format = kSnapshotFormat;
  header.header_size = sizeof header;
  header.created_at = created_at;
  header.payload_size = payload.size();
  const auto digest = digest128(payload);
  header.digest_high = digest.high;
  header.digest_low = digest.low;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&header);
  header.header_checksum = digest64(std::span(bytes, offsetof(SnapshotHeader, header_checksum)));
  std::string file;
  file.reserve(sizeof header + payload.size());
  file.append(reinterpret_cast<const char*>(&header), sizeof header);
  file.append(reinterpret_cast<const char*>(payload.data()), payload.size());
  return file;
}

}  // namespace mirror

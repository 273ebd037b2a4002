#include "edge/answer/geo_database.h"

#include <maxminddb.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/core/file_copy.h"
#include "edge/answer/limits.h"

namespace mirror {
namespace {

constexpr std::array<const char*, 3> kNestedPath = {"country", "iso_code", nullptr};
constexpr std::array<const char*, 2> kFlatPath = {"country_code", nullptr};

bool is_code_byte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// A text that may stand in a header line and in a log; anything else is no country.
std::string_view text_at(MMDB_entry_s& entry, const char* const* path) {
  MMDB_entry_data_s data;
  if (MMDB_aget_value(&entry, &data, path) != MMDB_SUCCESS || !data.has_data) return {};
  if (data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size > kGeoCountrySizeMax) return {};
  const std::string_view text(data.utf8_string, data.data_size);
  return std::all_of(text.begin(), text.end(), is_code_byte) ? text : std::string_view();
}

std::string_view country_at(MMDB_entry_s entry) {
  const std::string_view nested = text_at(entry, kNestedPath.data());
  return nested.empty() ? text_at(entry, kFlatPath.data()) : nested;
}

MMDB_lookup_result_s look_up(const MMDB_s& database, const IpAddress& address, int& error) {
  if (address.is_ipv4()) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_addr.s_addr = htonl(address.ipv4());
    return MMDB_lookup_sockaddr(&database, reinterpret_cast<const sockaddr*>(&ipv4), &error);
  }
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  address.write_network_bytes(ipv6.sin6_addr.s6_addr);
  return MMDB_lookup_sockaddr(&database, reinterpret_cast<const sockaddr*>(&ipv6), &error);
}

// Looks at every node of the tree: a record that points nowhere, or a file without any country (an
// edition for AS numbers, say), would otherwise only show as clients in no country.
Result<void> check_tree(const MMDB_s& database, const std::string& path) {
  bool any_country = false;
  for (uint32_t number = 0; number < database.metadata.node_count; ++number) {
    MMDB_search_node_s node;
    if (MMDB_read_node(&database, number, &node) != MMDB_SUCCESS ||
        node.left_record_type == MMDB_RECORD_TYPE_INVALID ||
        node.right_record_type == MMDB_RECORD_TYPE_INVALID) {
      return fail(ErrorKind::kInvalid, "{}: node {} of the search tree is damaged", path, number);
    }
    const auto has_country = [](uint8_t type, const MMDB_entry_s& entry) {
      return type == MMDB_RECORD_TYPE_DATA && !country_at(entry).empty();
    };
    any_country = any_country || has_country(node.left_record_type, node.left_record_entry) ||
                  has_country(node.right_record_type, node.right_record_entry);
  }
  if (any_country) return {};
  return fail(
      ErrorKind::kInvalid,
      "{}: no record holds country.iso_code or country_code; is it a database of countries?", path);
}

}  // namespace

struct GeoDatabase::Implementation {
  MMDB_s database{};
  bool open = false;
  ~Implementation() {
    if (open) MMDB_close(&database);
  }
};

GeoDatabase::GeoDatabase(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
GeoDatabase::~GeoDatabase() = default;

Result<std::unique_ptr<GeoDatabase>> GeoDatabase::open(const std::string& path) {
  MIRROR_TRY(const FileCopy file, FileCopy::open(path, kGeoFileSizeMax));
  auto implementation = std::make_unique<Implementation>();
  const int status = MMDB_open(file.file_path().c_str(), MMDB_MODE_MMAP, &implementation->database);
  if (status != MMDB_SUCCESS) {
    return fail(ErrorKind::kInvalid, "{}: {}", path, MMDB_strerror(status));
  }
  implementation->open = true;
  MIRROR_CHECK(check_tree(implementation->database, path));
  return std::unique_ptr<GeoDatabase>(new GeoDatabase(std::move(implementation)));
}

std::optional<uint32_t> GeoDatabase::find(const IpAddress& address) const {
  int error = MMDB_SUCCESS;
  const MMDB_lookup_result_s found = look_up(implementation_->database, address, error);
  if (error != MMDB_SUCCESS || !found.found_entry) return std::nullopt;
  return found.entry.offset;
}

std::string_view GeoDatabase::country(const IpAddress& address) const {
  const auto record = find(address);
  return record ? country_of(*record) : std::string_view();
}

std::string_view GeoDatabase::country_of(uint32_t record) const {
  return country_at({&implementation_->database, record});
}

int64_t GeoDatabase::build_epoch() const {
  return static_cast<int64_t>(implementation_->database.metadata.build_epoch);
}

std::string GeoDatabase::database_type() const {
  const char* type = implementation_->database.metadata.database_type;
  return type == nullptr ? std::string() : std::string(type);
}

}  // namespace mirror

// Writes small MaxMind DB files (https://maxmind.github.io/MaxMind-DB/, format 2.0, 24-bit
// records), so that tests need no fixture of somebody else's data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/ip.h"

namespace mirror {

class MmdbWriter {
 public:
  enum class Layout { kNested, kFlat };

  // `ip_version`: 4 or 6; a tree of version 6 holds IPv4 addresses in ::/96. Prefixes are added
  // before those that lie in them.
  explicit MmdbWriter(int ip_version) : ip_version_(ip_version) { nodes_.push_back({}); }

  // A record with country.iso_code, or with country_code.
  void add(std::string_view prefix, std::string_view country, Layout layout = Layout::kNested) {
    const size_t offset = data_.size();
    if (layout == Layout::kNested) {
      data_ += map(1) + text("country") + map(1) + text("iso_code") + text(country);
    } else {
      data_ += map(1) + text("country_code") + text(country);
    }
    insert(*IpPrefix::parse(prefix), offset);
  }
  // A record that is no place to look for a country.
  void add_registered_only(std::string_view prefix, std::string_view country) {
    const size_t offset = data_.size();
    data_ += map(1) + text("registered_country") + map(1) + text("iso_code") + text(country);
    insert(*IpPrefix::parse(prefix), offset);
  }
  // A record of these bytes.
  void add_raw(std::string_view prefix, std::string_view bytes) {
    const size_t offset = data_.size();
    data_ += bytes;
    insert(*IpPrefix::parse(prefix), offset);
  }

  [[nodiscard]] std::string bytes() const {
    std::string file;
    for (const Node& node : nodes_) {
      for (const int64_t record : node.records) {
        const auto count = static_cast<uint32_t>(nodes_.size());
        uint32_t value = count;  // empty
        if (record > 0) value = static_cast<uint32_t>(record);
        if (record < 0) value = count + 16 + static_cast<uint32_t>(-record - 1);
        for (int shift = 16; shift >= 0; shift -= 8) file += static_cast<char>(value >> shift);
      }
    }
    file += std::string(16, '\0') + data_ + "\xab\xcd\xefMaxMind.com";
    file += map(9);
    file += text("node_count") + uint32(static_cast<uint32_t>(nodes_.size()));
    file += text("record_size") + uint16(24);
    file += text("ip_version") + uint16(static_cast<uint16_t>(ip_version_));
    file += text("database_type") + text("Test-Country");
    file += text("languages") + std::string{0, 4};  // an empty array
    file += text("description") + map(0);
    file += text("binary_format_major_version") + uint16(2);
    file += text("binary_format_minor_version") + uint16(0);
    file += text("build_epoch") + uint64(1700000000);
    return file;
  }

  static std::string map(size_t pairs) { return std::string(1, static_cast<char>(7 << 5 | pairs)); }
  static std::string text(std::string_view value) {
    if (value.size() < 29) return static_cast<char>(2 << 5 | value.size()) + std::string(value);
    return std::string{static_cast<char>(2 << 5 | 29), static_cast<char>(value.size() - 29)} +
           std::string(value);
  }

 private:
  struct Node {
    int64_t records[2] = {0, 0};  // a node, -(offset of data) - 1, or 0: nothing
  };

  static std::string uint16(uint16_t value) {
    return {static_cast<char>(5 << 5 | 2), static_cast<char>(value >> 8), static_cast<char>(value)};
  }
  static std::string uint32(uint32_t value) {
    std::string bytes(1, static_cast<char>(6 << 5 | 4));
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
    return bytes;
  }
  static std::string uint64(uint64_t value) {
    std::string bytes = {static_cast<char>(8), static_cast<char>(2)};  // extended: 2 + 7
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
    return bytes;
  }

  static int bit(const IpAddress& address, int number) {
    const uint64_t word = number < 64 ? address.high : address.low;
    return static_cast<int>(word >> (63 - number % 64) & 1);
  }

  void insert(const IpPrefix& prefix, size_t offset) {
    // IPv4 lies in the low 32 bits in either family.
    const int skipped = prefix.address.is_ipv4() && ip_version_ == 4 ? 96 : 0;
    const int end = prefix.length + (prefix.address.is_ipv4() ? 96 : 0);
    size_t node = 0;
    for (int number = skipped; number < end; ++number) {
      int64_t& record = nodes_[node].records[bit(prefix.address, number)];
      if (number == end - 1) {
        record = -static_cast<int64_t>(offset) - 1;
        return;
      }
      if (record <= 0) {
        // What the shorter prefix said holds for both halves.
        const int64_t above = record;
        record = static_cast<int64_t>(nodes_.size());
        node = nodes_.size();
        nodes_.push_back({{above, above}});
      } else {
        node = static_cast<size_t>(record);
      }
    }
  }

  int ip_version_;
  std::vector<Node> nodes_;
  std::string data_;
};

}  // namespace mirror

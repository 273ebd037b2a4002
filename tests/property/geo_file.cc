#include "tests/property/geo_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string_view>

namespace mirror {
namespace {

constexpr size_t kSeparatorSize = 16;
enum Type : unsigned { kString = 2, kUint16 = 5, kUint32 = 6, kMap = 7, kUint64 = 9, kArray = 11 };

// Sizes below 29 and types fit into one byte, or two.
void put_control(std::string& out, Type type, size_t size) {
  out += static_cast<char>((type <= kMap ? type << 5 : 0) | size);
  if (type > kMap) out += static_cast<char>(type - kMap);
}
void put_string(std::string& out, std::string_view text) {
  put_control(out, kString, text.size());
  out += text;
}
void put_number(std::string& out, Type type, uint64_t number, size_t bytes) {
  put_control(out, type, bytes);
  for (size_t i = bytes; i-- > 0;) out += static_cast<char>(number >> (8 * i));
}

std::string metadata(size_t node_count) {
  std::string out("\xab\xcd\xefMaxMind.com");
  put_control(out, kMap, 9);
  put_string(out, "binary_format_major_version");
  put_number(out, kUint16, 2, 1);
  put_string(out, "binary_format_minor_version");
  put_number(out, kUint16, 0, 1);
  put_string(out, "build_epoch");
  put_number(out, kUint64, 1'700'000'000, 8);
  put_string(out, "database_type");
  put_string(out, "Test-Country");
  put_string(out, "description");
  put_control(out, kMap, 0);
  put_string(out, "languages");
  put_control(out, kArray, 0);
  put_string(out, "ip_version");
  put_number(out, kUint16, 6, 1);
  put_string(out, "node_count");
  put_number(out, kUint32, node_count, 4);
  put_string(out, "record_size");
  put_number(out, kUint16, 24, 1);
  return out;
}

// A binary trie. Values: below kLeaf another node, from it on a record, kNothing neither.
class Trie {
 public:
  static constexpr uint32_t kLeaf = 0x10000000;
  static constexpr uint32_t kNothing = 0xffffffff;

  // Shorter prefixes first.
  void insert(const IpPrefix& prefix, uint32_t record) {
    const int shift = prefix.address.is_ipv4() ? 96 : 0;
    size_t node = 0;
    for (int i = 0; i < prefix.length + shift; ++i) {
      const int place = i < 64 ? 63 - i : 127 - i;
      const unsigned side = (i < 64 ? prefix.address.high : prefix.address.low) >> place & 1;
      if (i + 1 == prefix.length + shift) {
        nodes_[node][side] = kLeaf + record;
      } else if (nodes_[node][side] >= kLeaf) {  // a leaf, or nothing, moves one level down
        const uint32_t above = nodes_[node][side];
        nodes_[node][side] = static_cast<uint32_t>(nodes_.size());
        nodes_.push_back({above, above});
        node = nodes_.size() - 1;
      } else {
        node = nodes_[node][side];
      }
    }
  }
  [[nodiscard]] const std::vector<std::array<uint32_t, 2>>& nodes() const { return nodes_; }

 private:
  std::vector<std::array<uint32_t, 2>> nodes_ = {{kNothing, kNothing}};
};

}  // namespace

std::string make_geo_file(std::vector<std::pair<IpPrefix, std::string>> records) {
  // An IPv4 prefix lies 96 bits deeper in the tree than its length says.
  const auto depth = [](const IpPrefix& prefix) {
    return prefix.length + (prefix.address.is_ipv4() ? 96 : 0);
  };
  std::stable_sort(records.begin(), records.end(),
                   [&](const auto& a, const auto& b) { return depth(a.first) < depth(b.first); });
  Trie trie;
  std::string data;
  std::map<std::string, uint32_t> places;
  for (const auto& [prefix, country] : records) {
    const auto [place, fresh] = places.emplace(country, static_cast<uint32_t>(data.size()));
    if (fresh) {
      put_control(data, kMap, 1);
      put_string(data, country.empty() ? "registered_country" : "country");
      put_control(data, kMap, 1);
      put_string(data, "iso_code");
      put_string(data, country.empty() ? "XX" : country);
    }
    trie.insert(prefix, place->second);
  }
  std::string out;
  const size_t node_count = trie.nodes().size();
  for (const auto& node : trie.nodes())
    for (const uint32_t side : node) {
      size_t record = side;
      if (side == Trie::kNothing) record = node_count;
      if (side != Trie::kNothing && side >= Trie::kLeaf)
        record = node_count + kSeparatorSize + (side - Trie::kLeaf);
      for (const int shift : {16, 8, 0}) out += static_cast<char>(record >> shift);
    }
  return out + std::string(kSeparatorSize, '\0') + data + metadata(node_count);
}

}  // namespace mirror

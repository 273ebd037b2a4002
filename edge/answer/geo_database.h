// Country of an address, from a MaxMind DB file (https://maxmind.github.io/MaxMind-DB/).
// Understands `country.iso_code` (GeoIP2, GeoLite2; registered_country is not a substitute) and the
// flat `country_code`.
//
// The file is copied into memory (base/core/file_copy.h) before it is opened: libmaxminddb maps its
// file, update scripts write in place, and a mapped file that is truncated is a SIGBUS.
// Immutable after open(); safe from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/error.h"
#include "base/core/ip.h"

namespace mirror {

class GeoDatabase {
 public:
  // Blocks: reads the whole file. Hostile input: refused with a reason.
  [[nodiscard]] static Result<std::unique_ptr<GeoDatabase>> open(const std::string& path);
  ~GeoDatabase();
  GeoDatabase(const GeoDatabase&) = delete;
  GeoDatabase& operator=(const GeoDatabase&) = delete;

  // Which record holds for the address; records of many addresses are the same.
  [[nodiscard]] std::optional<uint32_t> find(const IpAddress& address) const;
  // The country of a record that find() returned, as the file has it; "" if it has none or the
  // record cannot be decoded. Does not allocate. The text lives as long as this object.
  [[nodiscard]] std::string_view country_of(uint32_t record) const;
  // Both at once; "" also if no record holds.
  [[nodiscard]] std::string_view country(const IpAddress& address) const;

  [[nodiscard]] int64_t build_epoch() const;  // Unix seconds
  [[nodiscard]] std::string database_type() const;

 private:
  struct Implementation;
  explicit GeoDatabase(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace mirror

// XXH3 (https://xxhash.com): fast digests against accidents, not against attackers.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/core/pace.h"

namespace mirror {

struct Digest128 {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const Digest128&) const = default;
  // 32 lower-case hexadecimal digits, high word first.
  [[nodiscard]] std::string hex() const;
  [[nodiscard]] static std::optional<Digest128> from_hex(std::string_view text);
};

[[nodiscard]] Digest128 digest128(std::span<const uint8_t> bytes);
// The same in pieces.
[[nodiscard]] Digest128 digest128(std::span<const uint8_t> bytes, Pace& pace);
[[nodiscard]] uint64_t digest64(std::span<const uint8_t> bytes);
[[nodiscard]] uint64_t digest64(std::string_view text);

}  // namespace mirror

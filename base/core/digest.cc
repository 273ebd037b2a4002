#include "base/core/digest.h"

#include <fmt/format.h>

// Short texts are hashed on every request: without a call through the shared library they take half
// the time.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>

namespace mirror {

std::string Digest128::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

std::optional<Digest128> Digest128::from_hex(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
  }
  Digest128 digest;
  std::from_chars(text.data(), text.data() + 16, digest.high, 16);
  std::from_chars(text.data() + 16, text.data() + 32, digest.low, 16);
  return digest;
}

Digest128 digest128(std::span<const uint8_t> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

Digest128 digest128(std::span<const uint8_t> bytes, Pace& pace) {
  constexpr size_t kPiece = size_t{256} << 10;
  constexpr uint64_t kBytesPerNs = 16;
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kPiece));
    XXH3_128bits_update(&state, piece.data(), piece.size());
    bytes = bytes.subspan(piece.size());
    pace.add(piece.size() / kBytesPerNs);
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return {hash.high64, hash.low64};
}

uint64_t digest64(std::span<const uint8_t> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}
uint64_t digest64(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

}  // namespace mirror

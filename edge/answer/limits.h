// Every limit of the answer path, in one place. What is beyond a limit gets a clear refusal.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mirror {

// The longest request target that is looked at; longer ones answer 414. The number of parameters
// has no limit of its own: unknown ones are skipped, known ones keep their last value, and nothing
// is stored for them.
inline constexpr size_t kTargetSizeMax = 32768;
// Names in `country=`, duplicates included. A longer list answers 400.
inline constexpr size_t kRequestedCountriesMax = 64;
// Names in `protocol=`, duplicates included. A longer list answers 400.
inline constexpr size_t kRequestedProtocolsMax = 16;
// The longest country that a GeoIP record may hold; what is longer is no country.
inline constexpr size_t kGeoCountrySizeMax = 16;
// The largest .mmdb that is read; MaxMind's largest editions are below a tenth of it.
inline constexpr uint64_t kGeoFileSizeMax = uint64_t{1} << 30;
// kFileNameMax (schema/snapshot/snapshot.h) bounds the last component of `path=`; a longer one
// answers 404.

}  // namespace mirror

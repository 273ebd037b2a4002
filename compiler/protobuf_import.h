// Reads the cache file of MirrorManager's generate-mirrorlist-cache (proto2, message MirrorList),
// so that mirror-edge can answer from the same data as the mirrorlist-server that it replaces.
//
// The file is read in pieces, one entry of the outermost message at a time: memory does not grow
// with the file, and a writer that truncates it in the middle causes an error, not a crash (a
// mapping would).
#pragma once

#include <string>

#include "base/core/clock.h"
#include "base/core/error.h"
#include "compiler/diagnostics.h"
#include "compiler/world.h"

namespace mirror {

// Errors name the file and the offset of the entry that is wrong: truncation, unknown wire types,
// missing required fields, texts that are not UTF-8. Of entries with one key the first counts.
// Unless `quiet`, progress is shown.
[[nodiscard]] Result<World> import_protobuf(const std::string& path, const Clock& clock, bool quiet,
                                            Diagnostics& diagnostics);

}  // namespace mirror

// A snapshot as text: every element of every vector, one a line, in an order that does not change.
// For people, diff(1) and golden tests. Texts are quoted, control bytes as \xNN; places are numbers
// in the file.
#pragma once

#include <array>
#include <functional>
#include <string_view>

#include "schema/snapshot/snapshot.h"

namespace mirror {

// Words for the bits of HostFlag, the lowest first.
inline constexpr std::array<std::string_view, 7> kHostFlagWords = {
    "host-admin-active", "host-user-active", "site-admin-active", "site-user-active",
    "host-private",      "site-private",     "asn-clients"};

// Calls `write` with pieces of text. `view` must be valid.
void dump_snapshot(const SnapshotView& view, const std::function<void(std::string_view)>& write);

}  // namespace mirror

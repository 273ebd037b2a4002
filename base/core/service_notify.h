// Messages to the service manager, as sd_notify(3) specifies them: written out here, since
// libsystemd would bring its four compression and encryption libraries into each process.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mirror {

// Sends lines such as "READY=1" to the socket of NOTIFY_SOCKET; does nothing without one, or if
// nobody is there.
void notify_service_manager(std::string_view lines);

// How often "WATCHDOG=1" is expected of this process (WATCHDOG_USEC), nanoseconds; nullopt: not at
// all.
[[nodiscard]] std::optional<int64_t> watchdog_interval_ns();

}  // namespace mirror

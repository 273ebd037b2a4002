// The two small protocols of systemd and its like, as sd_listen_fds(3) and sd_notify(3) specify
// them: sockets that the service manager opened and passes on, and messages to it. They are written
// out here, since libsystemd would bring its four compression and encryption libraries into a
// process that stands in the open.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/error.h"
#include "edge/serve/listen_socket.h"

namespace mirror {

// The sockets of LISTEN_FDS, if they are for this process; a name of LISTEN_FDNAMES that begins
// with `proxy` means that each connection begins with a PROXY header. Each must be a stream socket
// that listens. Takes the variables out of the environment, so that no child believes them. Call it
// once and before threads start.
[[nodiscard]] Result<std::vector<ListenSocket>> take_passed_sockets();

// Sends lines such as "READY=1" to the socket of NOTIFY_SOCKET; does nothing without one, or if
// nobody is there.
void notify_service_manager(std::string_view lines);

}  // namespace mirror

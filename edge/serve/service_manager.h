// Sockets that the service manager opened and passes on, as sd_listen_fds(3) specifies it: written
// out here, since libsystemd would bring its four compression and encryption libraries into a
// process that stands in the open. Messages to it: base/core/service_notify.h.
#pragma once

#include <string>
#include <vector>

#include "base/core/error.h"
#include "edge/serve/listen_socket.h"

namespace mirror {

// The sockets of LISTEN_FDS, if they are for this process; a name of LISTEN_FDNAMES that begins
// with `proxy` means that each connection begins with a PROXY header. Each must be a stream socket
// that listens. Takes the variables out of the environment, so that no child believes them. Call it
// once and before threads start.
[[nodiscard]] Result<std::vector<ListenSocket>> take_passed_sockets();

}  // namespace mirror

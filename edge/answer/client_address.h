// Who asks. X-Forwarded-For counts only when it comes from a trusted proxy: the chain is walked
// from the right past trusted hops; the first hop that is not trusted is the client. If every hop
// is trusted, the left-most one is. An element that is no address ends the walk at the hop to its
// right (at the right-most: the peer of the connection). Ports and brackets of an element are cut.
// The address serves for choosing mirrors and for the log, nothing else.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/core/ip.h"

namespace mirror {

// Who is at the other end of a connection: the TCP peer, or what a trusted proxy's PROXY header
// says.
struct Peer {
  IpAddress address;  // unmapped; 127.0.0.1 for a unix socket
  // A unix socket: only who may open it can connect, so that its peer is trusted.
  bool is_local = false;
};
inline constexpr Peer kLocalPeer{{IpAddress::Family::kIpv4, 0, 0x7f000001}, true};

class TrustedProxies {
 public:
  explicit TrustedProxies(std::vector<IpPrefix> prefixes) : prefixes_(std::move(prefixes)) {}
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool contains(const Peer& peer) const {
    return peer.is_local || contains(peer.address);
  }

 private:
  std::vector<IpPrefix> prefixes_;
};

// `forwarded_for`: the values of all X-Forwarded-For header lines, in order. The result is
// unmapped. Does not allocate.
[[nodiscard]] IpAddress resolve_client(const Peer& peer,
                                       std::span<const std::string_view> forwarded_for,
                                       const TrustedProxies& trusted);

}  // namespace mirror

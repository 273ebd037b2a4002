// Host names among the netblocks: resolved side by side with one deadline for all, and remembered,
// so that a dead resolver never takes a netblock away in silence (C-12).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/core/error.h"
#include "base/core/ip.h"
#include "compiler/diagnostics.h"
#include "compiler/world.h"

namespace mirror {

class NetblockResolver {
 public:
  virtual ~NetblockResolver() = default;
  // One result a name, in the order of the names; a name without addresses is an error.
  [[nodiscard]] virtual std::vector<Result<std::vector<IpAddress>>> resolve(
      std::span<const std::string> names) = 0;
};

// Asks for one name and may take any time; called by several threads at once, perhaps still when
// nobody waits for its answer any more.
using LookUp = std::function<Result<std::vector<IpAddress>>(const std::string& name)>;

// At most so many names are asked for at a time: dozens of dead ones cannot stop the others.
constexpr size_t kResolverThreadsMax = 64;

// Many names at a time. After `deadline` what has not come is an error; the threads that still wait
// for it end by themselves, or with the process.
[[nodiscard]] std::unique_ptr<NetblockResolver> make_parallel_resolver(
    LookUp look_up, std::chrono::milliseconds deadline);
// The same with the resolver of the system.
[[nodiscard]] std::unique_ptr<NetblockResolver> make_system_resolver(
    std::chrono::milliseconds deadline);

struct RememberedName {
  std::vector<IpAddress> addresses;
  int64_t resolved_at = 0;  // Unix seconds
};
using RememberedNames = std::map<std::string, RememberedName, std::less<>>;

// A netblock that is a name, and the host that it belongs to.
struct NamedNetblock {
  int64_t row_id = 0;
  std::string name;
  uint32_t host;  // World::hosts
};

// Adds a netblock for every address of every name; where the resolver fails, for the remembered
// ones. Returns what should be remembered anew.
[[nodiscard]] RememberedNames add_named_netblocks(std::span<const NamedNetblock> netblocks,
                                                  const RememberedNames& remembered,
                                                  NetblockResolver& resolver, int64_t now,
                                                  World& world, Diagnostics& diagnostics);

// Addresses as mw_netblock_name holds them: canonical texts, separated by commas.
[[nodiscard]] std::string join_addresses(std::span<const IpAddress> addresses);
[[nodiscard]] std::vector<IpAddress> split_addresses(std::string_view text);

}  // namespace mirror

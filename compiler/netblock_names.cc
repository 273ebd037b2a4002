#include "compiler/netblock_names.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "base/core/text.h"

namespace mirror {
namespace {

// A remembered answer is written again after so long even if it did not change, so that the time in
// it stays meaningful without a write at every compile.
constexpr int64_t kRefreshAfterSeconds = 24 * 60 * 60;

Result<std::vector<IpAddress>> ask_system(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;  // one entry an address instead of one a socket type
  addrinfo* list = nullptr;
  if (const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &list); error != 0) {
    return fail(ErrorKind::kNotFound, "{}: {}", name, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
  std::vector<IpAddress> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (const auto address = IpAddress::from_sockaddr(entry->ai_addr))
      addresses.push_back(*address);
  }
  // Resolvers rotate their answers.
  std::ranges::sort(addresses);
  const auto rest = std::ranges::unique(addresses);
  addresses.erase(rest.begin(), rest.end());
  if (addresses.empty()) return fail(ErrorKind::kNotFound, "{}: no address", name);
  return addresses;
}

// What the threads share with the one that waits; the last of them frees it.
struct Lookups {
  LookUp look_up;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> names;
  std::vector<std::optional<Result<std::vector<IpAddress>>>> results;
  size_t next = 0;
  size_t done = 0;
  bool abandoned = false;
};

void work(const std::shared_ptr<Lookups>& lookups) {
  std::unique_lock lock(lookups->mutex);
  while (lookups->next < lookups->names.size() && !lookups->abandoned) {
    const size_t mine = lookups->next++;
    const std::string name = lookups->names[mine];
    lock.unlock();
    auto result = lookups->look_up(name);
    lock.lock();
    lookups->results[mine] = std::move(result);
    ++lookups->done;
    lookups->changed.notify_one();
  }
}

class ParallelResolver final : public NetblockResolver {
 public:
  ParallelResolver(LookUp look_up, std::chrono::milliseconds deadline)
      : look_up_(std::move(look_up)), deadline_(deadline) {}

  std::vector<Result<std::vector<IpAddress>>> resolve(std::span<const std::string> names) override {
    const auto lookups = std::make_shared<Lookups>();
    lookups->look_up = look_up_;
    lookups->names.assign(names.begin(), names.end());
    lookups->results.resize(names.size());
    size_t threads = 0;
    for (; threads < std::min(names.size(), kResolverThreadsMax); ++threads) {
      try {
        // Detached: a thread inside of getaddrinfo cannot be stopped, and neither the compile nor
        // the end of the process must wait for it.
        std::thread([lookups] { work(lookups); }).detach();
      } catch (const std::system_error&) {
        break;  // fewer threads do as well
      }
    }
    std::unique_lock lock(lookups->mutex);
    if (threads > 0) {
      lookups->changed.wait_for(lock, deadline_, [&] { return lookups->done == names.size(); });
    }
    lookups->abandoned = true;
    std::vector<Result<std::vector<IpAddress>>> results;
    for (size_t i = 0; i < names.size(); ++i) {
      auto& result = lookups->results[i];
      if (result)
        results.push_back(std::move(*result));
      else
        results.push_back(
            fail(ErrorKind::kLimit, "{}: no answer within {} ms", names[i], deadline_.count()));
    }
    return results;
  }

 private:
  LookUp look_up_;
  std::chrono::milliseconds deadline_;
};

// Each once. Those that were never resolved, or longest ago, come first: where the time does not
// suffice for all, it is not always the same ones that get none of it.
std::vector<std::string> names_to_ask(std::span<const NamedNetblock> netblocks,
                                      const RememberedNames& remembered) {
  std::vector<std::pair<int64_t, std::string>> by_age;
  for (const auto& netblock : netblocks) {
    const auto known = remembered.find(netblock.name);
    by_age.emplace_back(known == remembered.end() ? INT64_MIN : known->second.resolved_at,
                        netblock.name);
  }
  std::ranges::sort(by_age);
  const auto rest = std::ranges::unique(by_age);
  by_age.erase(rest.begin(), rest.end());
  std::vector<std::string> names;
  for (auto& [age, name] : by_age) names.push_back(std::move(name));
  return names;
}

}  // namespace

std::unique_ptr<NetblockResolver> make_parallel_resolver(LookUp look_up,
                                                         std::chrono::milliseconds deadline) {
  return std::make_unique<ParallelResolver>(std::move(look_up), deadline);
}

std::unique_ptr<NetblockResolver> make_system_resolver(std::chrono::milliseconds deadline) {
  return make_parallel_resolver(ask_system, deadline);
}

RememberedNames add_named_netblocks(std::span<const NamedNetblock> netblocks,
                                    const RememberedNames& remembered, NetblockResolver& resolver,
                                    int64_t now, World& world, Diagnostics& diagnostics) {
  constexpr std::string_view kTable = "host_netblock";
  const auto names = names_to_ask(netblocks, remembered);
  RememberedNames fresh;
  if (names.empty()) return fresh;
  const auto results = resolver.resolve(names);
  std::map<std::string_view, size_t> place_of;
  for (size_t i = 0; i < names.size(); ++i) place_of[names[i]] = i;
  for (const auto& netblock : netblocks) {
    const auto& result = results[place_of.at(netblock.name)];
    const auto known = remembered.find(netblock.name);
    std::span<const IpAddress> addresses;
    if (result) {
      addresses = *result;
      const bool changed =
          known == remembered.end() || !std::ranges::equal(known->second.addresses, addresses);
      if (changed || known->second.resolved_at + kRefreshAfterSeconds < now)
        fresh[netblock.name] = {*result, now};
    } else if (known != remembered.end() && !known->second.addresses.empty()) {
      addresses = known->second.addresses;
      diagnostics.add(kTable, "names could not be resolved; the last good answer is used",
                      netblock.row_id, quote_for_message(netblock.name));
    } else {
      diagnostics.add(kTable, "names could not be resolved and never were; left out",
                      netblock.row_id, quote_for_message(netblock.name));
    }
    for (const auto& address : addresses) {
      world.netblocks.push_back(
          {IpPrefix::of(address.unmapped(), address.unmapped().bit_count()), netblock.host});
    }
  }
  return fresh;
}

std::string join_addresses(std::span<const IpAddress> addresses) {
  std::string text;
  for (const auto& address : addresses)
    text.append(text.empty() ? "" : ",").append(address.to_string());
  return text;
}

std::vector<IpAddress> split_addresses(std::string_view text) {
  std::vector<IpAddress> addresses;
  for (const auto piece : split(text, ',')) {
    if (const auto address = IpAddress::parse(trim(piece))) addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace mirror

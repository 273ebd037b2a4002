#include "compiler/world.h"

namespace mirror {

void WorldCarrierSet::encode(std::vector<uint32_t>& out) const {
  out.assign({static_cast<uint32_t>(global.size()), static_cast<uint32_t>(urls.size())});
  out.insert(out.end(), global.begin(), global.end());
  for (const auto& entry : urls) out.insert(out.end(), {entry.host, entry.url_list});
  for (const auto& group : groups) {
    out.insert(out.end(), {group.country, static_cast<uint32_t>(group.hosts.size())});
    out.insert(out.end(), group.hosts.begin(), group.hosts.end());
  }
}

void WorldCarrierSet::decode(std::span<const uint32_t> run) {
  clear();
  const auto take = [&run](size_t count) {
    const auto head = run.first(count);
    run = run.subspan(count);
    return head;
  };
  const auto counts = take(2);
  const auto all_global = take(counts[0]);
  global.assign(all_global.begin(), all_global.end());
  for (uint32_t i = 0; i < counts[1]; ++i) {
    const auto entry = take(2);
    urls.push_back({entry[0], entry[1]});
  }
  while (!run.empty()) {
    const auto head = take(2);
    const auto hosts = take(head[1]);
    groups.push_back({head[0], {hosts.begin(), hosts.end()}});
  }
}

void WorldCarrierSet::clear() {
  global.clear();
  urls.clear();
  groups.clear();
}

}  // namespace mirror

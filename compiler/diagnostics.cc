#include "compiler/diagnostics.h"

namespace mirror {

void Diagnostics::add(std::string_view table, std::string_view reason, std::string_view where,
                      std::string_view detail) {
  Entry& entry = entries_[{std::string(table), std::string(reason)}];
  ++entry.count;
  const bool keep = entry.examples.size() < examples_max_;
  if (!keep && log_ == nullptr) return;
  std::string example(where);
  if (!detail.empty()) example.append(" ").append(detail);
  if (log_ != nullptr) log_->debug("{} {}: {}", table, example, reason);
  if (keep) entry.examples.push_back(std::move(example));
}

void Diagnostics::add(std::string_view table, std::string_view reason, int64_t id,
                      std::string_view detail) {
  char text[24];
  const auto end = fmt::format_to(text, "{}", id);
  add(table, reason, std::string_view(text, static_cast<size_t>(end - text)), detail);
}

void Diagnostics::add(std::string_view table, std::string_view reason, uint64_t count,
                      const std::vector<std::string>& examples) {
  if (count == 0) return;
  for (const auto& example : examples) add(table, reason, example);
  entries_.find(std::pair(std::string(table), std::string(reason)))->second.count +=
      count - examples.size();
}

uint64_t Diagnostics::count() const {
  uint64_t all = 0;
  for (const auto& [key, entry] : entries_) all += entry.count;
  return all;
}

uint64_t Diagnostics::count(std::string_view table, std::string_view reason) const {
  const auto entry = entries_.find(std::pair(std::string(table), std::string(reason)));
  return entry == entries_.end() ? 0 : entry->second.count;
}

void Diagnostics::report(const Log& log) const {
  for (const auto& [key, entry] : entries_) {
    log.warning("{}: {} {} ({}{})", key.first, entry.count, key.second,
                fmt::join(entry.examples, ", "),
                entry.count > entry.examples.size() ? ", ..." : "");
  }
}

}  // namespace mirror

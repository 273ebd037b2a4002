#include "edge/serve/worker_counters.h"

namespace mirror {
namespace {

template <typename Wanted>
uint64_t sum_of(const AnswerCounters& answers, const Wanted& wanted) {
  uint64_t sum = 0;
  for (size_t resource = 0; resource < kCountedResourceNames.size(); ++resource) {
    for (size_t status = 0; status < kStatuses.size(); ++status) {
      for (size_t group = 0; group < kAnswerGroups; ++group) {
        if (!wanted(kStatuses[status], static_cast<AnswerGroup>(group))) continue;
        sum += answers.get(static_cast<CountedResource>(resource), status,
                           static_cast<AnswerGroup>(group));
      }
    }
  }
  return sum;
}

}  // namespace

uint64_t AnswerCounters::total() const {
  return sum_of(*this, [](uint16_t, AnswerGroup) { return true; });
}

uint64_t AnswerCounters::of_status_class(uint16_t hundreds) const {
  return sum_of(*this,
                [hundreds](uint16_t status, AnswerGroup) { return status / 100 == hundreds; });
}

uint64_t AnswerCounters::of_group(AnswerGroup group) const {
  return sum_of(*this, [group](uint16_t, AnswerGroup other) { return other == group; });
}

std::span<const NamedCounter> named_counters() {
  static constexpr NamedCounter kCounters[] = {
      {"bytes_sent", &WorkerCounters::bytes_sent, false, "Bytes that the kernel has taken"},
      {"connections", &WorkerCounters::connections, true, "Connections open now"},
      {"accepted", &WorkerCounters::accepted, false, "Connections accepted"},
      {"accept_failures", &WorkerCounters::accept_failures, false,
       "Connections that could not be accepted"},
      {"accept_pauses", &WorkerCounters::accept_pauses, false,
       "Times that accepting paused, since every connection was busy"},
      {"idle_evicted", &WorkerCounters::idle_evicted, false,
       "Idle connections closed to make room for new ones"},
      {"idle_timeouts", &WorkerCounters::idle_timeouts, false,
       "Connections closed because no request came"},
      {"header_timeouts", &WorkerCounters::header_timeouts, false,
       "Connections closed because a request did not come to its end"},
      {"write_timeouts", &WorkerCounters::write_timeouts, false,
       "Connections closed because the client took its answer too slowly"},
      {"request_limits", &WorkerCounters::request_limits, false,
       "Connections closed because they had all their requests"},
      {"readers_evicted", &WorkerCounters::readers_evicted, false,
       "Connections closed because the read buffers were used up"},
      {"writers_evicted", &WorkerCounters::writers_evicted, false,
       "Connections closed because the memory for unfinished answers, or connections, were used "
       "up"},
      {"lingers_cut", &WorkerCounters::lingers_cut, false,
       "Connections closed because they did not end after their last answer, or soon enough"},
      {"drain_cut", &WorkerCounters::drain_cut, false,
       "Connections closed because the time to drain was over"},
      {"proxy_headers", &WorkerCounters::proxy_headers, false, "PROXY protocol headers taken"},
      {"proxy_headers_malformed", &WorkerCounters::proxy_headers_malformed, false,
       "Connections closed because they did not begin with a PROXY protocol header"},
      {"proxies_untrusted", &WorkerCounters::proxies_untrusted, false,
       "Connections to a proxies' listener that no trusted proxy made"},
      {"answers_unfinished", &WorkerCounters::answers_unfinished, false,
       "Answers that the client did not take at once"},
      {"pending_bytes", &WorkerCounters::pending_bytes, true,
       "Bytes of unfinished answers held now"},
      {"log_lines", &WorkerCounters::log_lines, false, "Lines given to the access log"},
      {"log_lines_dropped", &WorkerCounters::log_lines_dropped, false,
       "Lines of the access log that found no room"},
      {"swaps", &WorkerCounters::swaps, false, "Generations adopted"},
  };
  return kCounters;
}

}  // namespace mirror

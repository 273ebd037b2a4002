// What /-/metrics says: Prometheus' text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Names and labels are stable, new
// ones are only ever added. Counters of workers are summed up: who balances them is the kernel.
#pragma once

#include <string>

#include "edge/serve/status_report.h"

namespace mirror {

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4";

[[nodiscard]] std::string render_metrics(const StatusInput& input);

}  // namespace mirror

#include "edge/serve/edge_options.h"

#include <sys/socket.h>

#include <cstdio>
#include <vector>

#include "base/core/command_line.h"
#include "base/core/text.h"

namespace mirror {
namespace {

// As they come from the command line.
struct RawOptions {
  std::vector<std::string> listen;
  std::vector<std::string> trusted_proxies;
  int64_t port = 3000;
  int64_t minimum = 5;
  int64_t workers = uv_available_parallelism();
  int64_t connections_max = 10000;
  int64_t header_timeout_s = 10;
  int64_t idle_timeout_s = 60;
  int64_t write_timeout_s = 30;
  int64_t drain_timeout_s = 30;
  int64_t await_timeout_s = 120;
  int64_t pending_mb = 32;
  int64_t send_buffer_bytes = 0;
  int64_t ready_age_max_s = 0;
  int64_t stale_after_s = 21600;
  bool no_ip_parameter = false;
  std::string log_level = "info";
  std::optional<std::string> cache, netblocks, country_continent, internet2;
};

constexpr int64_t kSecondsMax = 86400;
constexpr int64_t kAgeMax = int64_t{10} * 366 * 86400;

void declare_serving(CommandLine& line, RawOptions& raw, ServerOptions& server) {
  line.option("--snapshots", &server.publisher.snapshots,
              "Directory that mirror-compile publishes to", "MIRROR_SNAPSHOTS");
  line.option("--listen", &raw.listen,
              "ADDRESS or ADDRESS:PORT to listen on (127.0.0.1); may be repeated");
  line.option("--port", &raw.port, 0, 65535, "Port where --listen names none; 0: any free one");
  line.option("--geoip", &server.publisher.geoip,
              "MaxMind DB file with the countries of addresses");
  line.option("-m,--minimum", &raw.minimum, 0, 1000000,
              "Usable mirrors below which the global list is appended");
  line.option("-l,--log", &server.access_log,
              "Append the access log to this file (none is written otherwise)");
  line.option("--workers", &raw.workers, 1, 1024, "Threads that answer requests");
  line.option("--admin", &server.admin,
              "ADDRESS:PORT or unix:PATH for /-/live, /-/ready and /-/status (none otherwise)");
  line.option(
      "--trusted-proxy", &raw.trusted_proxies,
      "CIDR of proxies whose X-Forwarded-For counts (127.0.0.0/8 and ::1); may be repeated");
  line.flag("--no-ip-parameter", &raw.no_ip_parameter, "Ignore ip= in queries");
  line.option("--pid-file", &server.pid_file, "Write the process id to this file while serving");
  line.option("--log-level", &raw.log_level,
              std::string("Messages on stderr: ") + std::string(Log::kLevelHelp));
}

void declare_limits(CommandLine& line, RawOptions& raw) {
  line.option("--max-connections", &raw.connections_max, 1, 10000000,
              "Connections of all workers together");
  line.option("--header-timeout", &raw.header_timeout_s, 1, kSecondsMax,
              "Seconds for a whole request to come");
  line.option("--idle-timeout", &raw.idle_timeout_s, 1, kSecondsMax,
              "Seconds between two requests");
  line.option("--write-timeout", &raw.write_timeout_s, 1, kSecondsMax,
              "Seconds for a client to take an answer");
  line.option("--drain-timeout", &raw.drain_timeout_s, 0, kSecondsMax,
              "Seconds to finish answers after SIGTERM");
  line.option("--await-timeout", &raw.await_timeout_s, 0, kSecondsMax,
              "Seconds to wait for a file that CURRENT names to be whole");
  line.option("--pending-megabytes", &raw.pending_mb, 1, 65536,
              "Memory of each worker for answers that clients take slowly");
  line.option("--send-buffer", &raw.send_buffer_bytes, 0, 1 << 30,
              "Bytes of the kernel's send buffer of a connection; 0: as the kernel thinks best");
  line.option("--ready-max-age", &raw.ready_age_max_s, 0, kAgeMax,
              "Seconds after which an old snapshot makes /-/ready fail; 0: never");
  line.option("--stale-after", &raw.stale_after_s, 1, kAgeMax,
              "Seconds after which /-/ready calls the snapshot stale, still with 200");
}

void declare_compiler_inputs(CommandLine& line, RawOptions& raw) {
  line.option("-c,--cache", &raw.cache, "Refused: see mirror-compile --from-protobuf");
  line.option("-g,--global_netblocks", &raw.netblocks, "Refused: see mirror-compile --netblocks");
  line.option("--cccsv", &raw.country_continent, "Refused: see mirror-compile --country-continent");
  line.option("-i,--internet2_netblocks", &raw.internet2, "Ignored, as ever");
}

std::optional<int> refuse_compiler_inputs(const CommandLine& line, const RawOptions& raw) {
  if (raw.cache) {
    return line.usage_error(
        "--cache is an input of the compiler now: mirror-compile --from-protobuf " +
        quote_for_message(*raw.cache) + " --snapshots DIR, then mirror-edge --snapshots DIR");
  }
  if (raw.netblocks) {
    return line.usage_error(
        "--global_netblocks is an input of the compiler now: mirror-compile --netblocks " +
        quote_for_message(*raw.netblocks));
  }
  if (raw.country_continent) {
    return line.usage_error(
        "--cccsv is an input of the compiler now: mirror-compile --country-continent " +
        quote_for_message(*raw.country_continent));
  }
  return std::nullopt;
}

Result<void> take_addresses(const RawOptions& raw, ServerOptions* server) {
  const std::vector<std::string> fallback = {"127.0.0.1"};
  for (const auto& text : raw.listen.empty() ? fallback : raw.listen) {
    auto address = ListenAddress::parse(text, static_cast<uint16_t>(raw.port));
    if (!address) return with_context(std::move(address).error(), "--listen");
    server->listen.push_back(*address);
  }
  const std::vector<std::string> loopback = {"127.0.0.0/8", "::1"};
  for (const auto& text : raw.trusted_proxies.empty() ? loopback : raw.trusted_proxies) {
    const auto prefix = IpPrefix::parse(text);
    if (!prefix) {
      return fail(ErrorKind::kInvalid,
                  "--trusted-proxy: '{}' is no prefix: give ADDRESS/LENGTH, such as 192.0.2.0/24 "
                  "or 2001:db8::/32",
                  quote_for_message(text));
    }
    server->trusted_proxies.push_back(*prefix);
  }
  return {};
}

void take_numbers(const RawOptions& raw, ServerOptions* server) {
  server->workers = static_cast<uint32_t>(raw.workers);
  server->connections_max = static_cast<uint32_t>(raw.connections_max);
  server->limits.header_timeout_ms = static_cast<uint64_t>(raw.header_timeout_s) * 1000;
  server->limits.idle_timeout_ms = static_cast<uint64_t>(raw.idle_timeout_s) * 1000;
  server->limits.write_timeout_ms = static_cast<uint64_t>(raw.write_timeout_s) * 1000;
  server->limits.pending_bytes = static_cast<uint64_t>(raw.pending_mb) << 20;
  server->limits.send_buffer_bytes = static_cast<int>(raw.send_buffer_bytes);
  server->drain_timeout_ms = static_cast<uint64_t>(raw.drain_timeout_s) * 1000;
  server->publisher.await_timeout_ms = static_cast<uint64_t>(raw.await_timeout_s) * 1000;
  server->answer.minimum = static_cast<uint32_t>(raw.minimum);
  server->answer.ip_parameter = !raw.no_ip_parameter;
  server->readiness.stale_after_seconds = raw.stale_after_s;
  server->readiness.age_seconds_max = raw.ready_age_max_s;
}

}  // namespace

std::optional<int> parse_edge_options(int argc, const char* const* argv, EdgeOptions* options) {
  RawOptions raw;
  CommandLine line("mirror-edge", "Answers /mirrorlist and /metalink from published snapshots.");
  declare_serving(line, raw, options->server);
  declare_limits(line, raw);
  declare_compiler_inputs(line, raw);
  line.footer(
      "Signals: TERM, INT drain and end (twice: end at once); HUP looks for new data; USR1 reopens "
      "the access log.\n"
      "Exit codes: 0 done, 1 failed, 2 usage.");
  if (const auto code = line.parse(argc, argv)) return code;
  if (const auto code = refuse_compiler_inputs(line, raw)) return code;
  const auto level = Log::parse_level(raw.log_level);
  if (!level) return line.usage_error("--log-level takes " + std::string(Log::kLevelHelp));
  options->log_level = *level;
  if (options->server.publisher.snapshots.empty()) {
    return line.usage_error(
        "--snapshots DIR is needed: the directory that mirror-compile publishes to");
  }
  take_numbers(raw, &options->server);
  if (auto taken = take_addresses(raw, &options->server); !taken) {
    std::fprintf(stderr, "mirror-edge: %s\n", taken.error().message.c_str());
    return exit_code(taken.error());
  }
  return std::nullopt;
}

}  // namespace mirror

#include "edge/serve/edge_options.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <tuple>
#include <utility>
#include <vector>

#include "base/core/command_line.h"
#include "base/core/text.h"
#include "edge/answer/limits.h"
#include "edge/http/proxy_header.h"

namespace mirror {
namespace {

// As they come from the command line.
struct RawOptions {
  std::vector<std::string> listen;
  std::vector<std::string> listen_proxy;
  std::vector<std::string> trusted_proxies;
  int64_t port = 3000;
  int64_t minimum = 5;
  int64_t workers = uv_available_parallelism();
  int64_t connections_max = 10000;
  int64_t requests_max = 10000;
  int64_t head_bytes_max = kDefaultRequestLimits.head_bytes;
  int64_t target_bytes_max = kDefaultRequestLimits.target_bytes;
  int64_t headers_max = kDefaultRequestLimits.headers;
  int64_t header_timeout_s = 10;
  int64_t idle_timeout_s = 60;
  int64_t write_timeout_s = 30;
  int64_t write_rate = 1024;
  int64_t drain_timeout_s = 30;
  int64_t await_timeout_s = 120;
  int64_t pending_mb = 32;
  int64_t send_buffer_bytes = 0;
  int64_t ready_age_max_s = 0;
  int64_t stale_after_s = 21600;
  bool no_ip_parameter = false;
  std::string log_format = "mirrormanager";
  std::string log_address = "full";
  std::string socket_mode;
  std::string log_level = "info";
  std::optional<std::string> cache, netblocks, country_continent, internet2;
};

constexpr int64_t kSecondsMax = 86400;
constexpr int64_t kAgeMax = int64_t{10} * 366 * 86400;

void declare_serving(CommandLine& line, RawOptions& raw, ServerOptions& server) {
  line.option("--snapshots", &server.publisher.snapshots,
              "Directory that mirror-compile publishes to", "MIRROR_SNAPSHOTS");
  line.option(
      "--listen", &raw.listen,
      "ADDRESS, ADDRESS:PORT or unix:PATH to listen on (127.0.0.1 if nothing else is listened "
      "on); may be repeated");
  line.option("--listen-proxy", &raw.listen_proxy,
              "The same for trusted proxies that speak the PROXY protocol; may be repeated");
  line.option("--port", &raw.port, 0, 65535, "Port where --listen names none; 0: any free one");
  line.option("--geoip", &server.publisher.geoip,
              "MaxMind DB file with the countries of addresses");
  line.option("-m,--minimum", &raw.minimum, 0, 1000000,
              "Usable mirrors below which the global list is appended");
  line.option("-l,--log", &server.access_log,
              "Append the access log to this file (none is written otherwise)");
  line.option("--log-format", &raw.log_format,
              "mirrormanager: the line that its tools read; json: an object for every answer");
  line.option("--log-address", &raw.log_address,
              "How much of a client's address is logged: full, prefix (/24, /48) or none");
  line.option("--workers", &raw.workers, 1, 1024, "Threads that answer requests");
  line.option("--admin", &server.sockets.admin,
              "ADDRESS:PORT or unix:PATH for /-/status, /-/metrics and the like (none otherwise)");
  line.option(
      "--trusted-proxy", &raw.trusted_proxies,
      "CIDR of proxies whose X-Forwarded-For and PROXY headers count (127.0.0.0/8 and ::1; unix "
      "sockets always); may be repeated");
  line.flag("--no-ip-parameter", &raw.no_ip_parameter, "Ignore ip= in queries");
  line.option("--hand-over", &server.sockets.hand_over,
              "Path of a unix socket by which another mirror-edge can take over without a pause");
  line.flag("--take-over", &server.sockets.take_over,
            "Take the place of the edge at --hand-over, if there is one, with all its sockets");
  line.option("--socket-mode", &raw.socket_mode,
              "Permissions of unix sockets for clients and proxies, octal (as the umask says)");
  line.option("--pid-file", &server.pid_file, "Write the process id to this file while serving");
  line.option("--log-level", &raw.log_level,
              std::string("Messages on stderr: ") + std::string(Log::kLevelHelp));
}

void declare_limits(CommandLine& line, RawOptions& raw) {
  line.option("--max-connections", &raw.connections_max, 1, 10000000,
              "Connections of all workers together");
  line.option("--max-requests", &raw.requests_max, 0, UINT32_MAX,
              "Requests on one connection; 0: any number");
  line.option("--max-header-bytes", &raw.head_bytes_max, kProxyHeaderSizeMax, 65536,
              "Bytes of a request line and its headers");
  line.option("--max-target-bytes", &raw.target_bytes_max, 64, kTargetSizeMax,
              "Bytes of a request target");
  line.option("--max-headers", &raw.headers_max, 1, 10000, "Header lines of a request");
  line.option("--header-timeout", &raw.header_timeout_s, 1, kSecondsMax,
              "Seconds for a whole request to come");
  line.option("--idle-timeout", &raw.idle_timeout_s, 1, kSecondsMax,
              "Seconds between two requests");
  line.option("--write-timeout", &raw.write_timeout_s, 1, kSecondsMax,
              "Seconds in which a slow client must take its share of an answer");
  line.option("--write-rate", &raw.write_rate, 0, 1 << 30,
              "Bytes a second that a slow client must take, looked at every --write-timeout");
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
  const auto port = static_cast<uint16_t>(raw.port);
  MIRROR_TRY(server->sockets.fallback, ListenAddress::parse("127.0.0.1", port));
  for (const auto& [texts, role, name] :
       {std::tuple(&raw.listen, ListenRole::kClients, "--listen"),
        std::tuple(&raw.listen_proxy, ListenRole::kProxies, "--listen-proxy")}) {
    for (const auto& text : *texts) {
      auto address = ListenAddress::parse(text, port);
      if (!address) return with_context(std::move(address).error(), name);
      server->sockets.listen.push_back({std::move(*address), role});
    }
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
  server->limits.requests_per_connection = static_cast<uint32_t>(raw.requests_max);
  server->limits.request = {static_cast<uint32_t>(raw.head_bytes_max),
                            static_cast<uint32_t>(raw.target_bytes_max),
                            static_cast<uint32_t>(raw.headers_max)};
  server->limits.write_rate_min = static_cast<uint64_t>(raw.write_rate);
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

// Words and numbers that CLI11 does not check; what is wrong, if something is.
std::optional<std::string> take_words(const RawOptions& raw, ServerOptions* server) {
  static constexpr std::array kFormats = {std::pair("mirrormanager", LogFormat::kMirrorManager),
                                          std::pair("json", LogFormat::kJson)};
  static constexpr std::array kAddresses = {std::pair("full", LogAddress::kFull),
                                            std::pair("prefix", LogAddress::kPrefix),
                                            std::pair("none", LogAddress::kHidden)};
  const auto* format = std::ranges::find(kFormats, raw.log_format, [](auto p) { return p.first; });
  if (format == kFormats.end()) return "--log-format takes mirrormanager or json";
  const auto* address =
      std::ranges::find(kAddresses, raw.log_address, [](auto p) { return p.first; });
  if (address == kAddresses.end()) return "--log-address takes full, prefix or none";
  server->log_line = {format->second, address->second};
  if (!raw.socket_mode.empty()) {
    constexpr uint32_t kModeMax = 0777;
    const auto* end = raw.socket_mode.data() + raw.socket_mode.size();
    const auto parsed = std::from_chars(raw.socket_mode.data(), end, server->sockets.mode, 8);
    if (parsed.ec != std::errc() || parsed.ptr != end || server->sockets.mode == 0 ||
        server->sockets.mode > kModeMax) {
      return "--socket-mode takes octal permissions such as 0660";
    }
  }
  if (server->sockets.take_over && server->sockets.hand_over.empty())
    return "--take-over needs --hand-over PATH, the socket of the edge whose place it takes";
  return std::nullopt;
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
      "the access log; USR2 starts the program anew, to take over (needs --hand-over).\n"
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
  if (const auto wrong = take_words(raw, &options->server)) return line.usage_error(*wrong);
  options->server.command_line.assign(argv, argv + argc);
  if (auto taken = take_addresses(raw, &options->server); !taken) {
    std::fprintf(stderr, "mirror-edge: %s\n", taken.error().message.c_str());
    return exit_code(taken.error());
  }
  return std::nullopt;
}

}  // namespace mirror

#include "edge/serve/access_line.h"

#include <fmt/format.h>

#include <array>

#include "edge/answer/limits.h"

namespace mirror {
namespace {

constexpr std::string_view kNoAddress = "-";
// Percent-encoding triples a text, escaping doubles it; names and numbers are short.
constexpr size_t kJsonSizeMax = 6 * kTargetSizeMax + 1024;

std::string_view name_of(AnsweredResource resource) {
  switch (resource) {
    case AnsweredResource::kUnknown:
      return "other";
    case AnsweredResource::kMirrorlist:
      return "mirrorlist";
    case AnsweredResource::kMetalink:
      return "metalink";
  }
  return "";
}

}  // namespace

AccessLine::AccessLine(const AccessLineOptions& options) : options_(options) {
  if (options.format == LogFormat::kJson) json_.allocate(kJsonSizeMax);
}

AccessLine::Outcome AccessLine::push(const Reply& reply, uint64_t generation, const HttpDate& now,
                                     LineRing& ring) {
  const bool json = options_.format == LogFormat::kJson;
  if (!json && !reply.logged) return Outcome::kNoLine;
  const bool written =
      json ? push_json(reply, generation, now, ring) : push_mirrormanager(reply, now, ring);
  return written ? Outcome::kWritten : Outcome::kDropped;
}

std::string_view AccessLine::format_address(const IpAddress& address) {
  constexpr int kIpv4Kept = 24;
  constexpr int kIpv6Kept = 48;
  if (options_.address == LogAddress::kHidden) return kNoAddress;
  const bool whole = options_.address == LogAddress::kFull;
  const IpAddress shown =
      whole ? address : IpPrefix::of(address, address.is_ipv4() ? kIpv4Kept : kIpv6Kept).address;
  return {address_, shown.format(address_)};
}

bool AccessLine::push_mirrormanager(const Reply& reply, const HttpDate& now, LineRing& ring) {
  const std::array<std::string_view, 11> line = {"IP: ",        format_address(reply.log_client),
                                                 "; DATE: ",    now.day(),
                                                 "; COUNTRY: ", reply.log_country,
                                                 "; REPO: ",    reply.log_repo,
                                                 "; ARCH: ",    reply.log_arch,
                                                 "\n"};
  return ring.push(line);
}

bool AccessLine::push_json(const Reply& reply, uint64_t generation, const HttpDate& now,
                           LineRing& ring) {
  json_.clear();
  json_.append("{\"time\":\"");
  json_.append(now.day());
  json_.append('T');
  json_.append(now.time_of_day());
  json_.append("Z\"");
  append_field("client", format_address(reply.log_client));
  append_field("country", reply.log_country);
  append_field("resource", name_of(reply.resource));
  append_field("repo", reply.log_repo);
  append_field("arch", reply.log_arch);
  append_field("path", reply.log_path);
  append_number("status", reply.status);
  append_number("bytes", reply.body_size());
  append_field("group", code_of(reply.group));
  append_number("generation", generation);
  json_.append("}\n");
  const std::array<std::string_view, 1> line = {json_.text()};
  return ring.push(line);
}

// The values are UTF-8 without control bytes (Reply), so that two characters are left to escape
// (RFC 8259 section 7).
void AccessLine::append_field(std::string_view name, std::string_view value) {
  if (value.empty()) return;
  json_.append(",\"");
  json_.append(name);
  json_.append("\":\"");
  for (const char c : value) {
    if (c == '"' || c == '\\') json_.append('\\');
    json_.append(c);
  }
  json_.append('"');
}

void AccessLine::append_number(std::string_view name, uint64_t value) {
  const fmt::format_int text(value);
  json_.append(",\"");
  json_.append(name);
  json_.append("\":");
  json_.append({text.data(), text.size()});
}

}  // namespace mirror

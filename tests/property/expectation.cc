#include "tests/property/expectation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/core/text.h"

namespace mirror {
namespace {

std::string body_of(const Reply& reply) {
  std::string body;
  for (const std::string_view part : reply.body) body += part;
  return body;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool coded = text[i] == '%' && i + 2 < text.size() && std::isxdigit(text[i + 1]) &&
                       std::isxdigit(text[i + 2]);
    decoded += coded ? static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16))
                     : text[i];
    if (coded) i += 2;
  }
  return decoded;
}

// The last component of a URL is the client's file name (or nothing), which shows percent-encoded
// where a byte would end the path or could not stand in a URL; what comes before is as in the data.
std::string with_encoded_file(const std::string& url) {
  std::string shown = url.substr(0, url.rfind('/') + 1);
  for (const char c : url.substr(shown.size())) {
    const bool plain =
        c > ' ' && c < 0x7f && std::string_view("\"<>#%?").find(c) == std::string_view::npos;
    shown += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return shown;
}

// The lines of one host at a place of the answer (counted from 1).
std::string lines_of(const OracleHost& host, int place, bool metalink) {
  std::string lines;
  for (const std::string& plain : host.urls) {
    const std::string url = with_encoded_file(plain);
    if (metalink) {
      const std::string scheme = escape_xml(url.substr(0, url.find(':')));
      lines += fmt::format(
          "    <url protocol=\"{0}\" type=\"{0}\" location=\"{1}\" "
          "preference=\"{2}\"{3}>{4}</url>\n",
          scheme, escape_xml(host.country), std::max(1, 101 - place),
          host.is_private ? " mm0:private=\"True\"" : "", escape_xml(url));
    } else {
      lines += url + "\n";
    }
  }
  return lines;
}

// Takes the hosts of the groups off the front of `text`.
std::string match_groups(const OracleAnswer& want, std::string_view& text) {
  int place = 1;
  for (const OracleGroup& group : want.groups) {
    std::vector<const OracleHost*> left;
    for (const OracleHost& host : group.hosts) left.push_back(&host);
    while (!left.empty()) {
      // Of two hosts that both fit, the one with more lines is meant: hosts share no URL otherwise.
      size_t best_size = 0;
      auto best = left.end();
      for (auto host = left.begin(); host != left.end(); ++host) {
        const std::string lines = lines_of(**host, place, want.metalink_type);
        if (!text.starts_with(lines) || lines.size() <= best_size) continue;
        best_size = lines.size();
        best = host;
      }
      if (best == left.end())
        return fmt::format("place {}: none of the {} hosts left in group {} stands here: {:?}",
                           place, left.size(), static_cast<int>(group.kind),
                           text.substr(0, text.find('\n')));
      text.remove_prefix(best_size);
      left.erase(best);
      ++place;
    }
  }
  return "";
}

std::string difference_of_bodies(const OracleAnswer& want, const std::string& body) {
  if (want.text) return body == *want.text ? "" : "body";
  std::string_view left = body;
  if (!left.starts_with(want.head)) return "what stands before the first URL";
  left.remove_prefix(want.head.size());
  const std::string said = match_groups(want, left);
  if (!said.empty()) return said;
  return left == want.tail
             ? ""
             : fmt::format("too much at the end: {:?}", left.substr(0, left.find('\n')));
}

}  // namespace

AnswerGroup group_of(OracleGroupKind kind) {
  switch (kind) {
    case OracleGroupKind::kNetblock:
      return AnswerGroup::kNetblock;
    case OracleGroupKind::kAsn:
      return AnswerGroup::kAsn;
    case OracleGroupKind::kCountry:
      return AnswerGroup::kCountry;
    case OracleGroupKind::kGeoIp:
      return AnswerGroup::kGeoIp;
    case OracleGroupKind::kContinent:
      return AnswerGroup::kContinent;
    case OracleGroupKind::kGlobal:
      return AnswerGroup::kGlobal;
  }
  return AnswerGroup::kNoMirror;
}

std::string difference(const OracleAnswer& want, const Reply& got) {
  if (got.status != want.status)
    return fmt::format("status {}, expected {}", got.status, want.status);
  if (got.logged == want.log.empty()) return "whether a line is logged";
  if (got.logged) {
    const std::vector<std::string> log = {got.log_client.to_string(), std::string(got.log_country),
                                          std::string(got.log_repo), std::string(got.log_arch)};
    if (log != want.log)
      return fmt::format("logged {}, expected {}", fmt::join(log, "|"), fmt::join(want.log, "|"));
  }
  const std::string body = body_of(got);
  // Quirk Q-09: the bare text is as good.
  if (want.status == 500 && got.type == ContentType::kTextPlain && want.metalink_type &&
      body == "mirrorlist cache index out of range, you broke it!" &&
      want.text->find(body) != std::string::npos)
    return "";
  if ((got.type == ContentType::kMetalink) != want.metalink_type) return "content type";
  if (want.locations.empty() != got.location.empty()) return "whether there is a Location";
  if (!want.locations.empty()) {
    const auto fits = [&](const std::string& url) {
      return percent_decoded(with_encoded_file(url)) == percent_decoded(got.location);
    };
    if (std::none_of(want.locations.begin(), want.locations.end(), fits))
      return fmt::format("Location {}, permitted {}", got.location, fmt::join(want.locations, " "));
  }
  const std::string said = difference_of_bodies(want, body);
  if (!said.empty() || want.status != 200) return said;
  const AnswerGroup group =
      want.groups.empty() ? AnswerGroup::kNoMirror : group_of(want.groups[0].kind);
  return got.group == group ? "" : fmt::format("group {}", static_cast<int>(got.group));
}

std::string unsafe_part(const Reply& got) {
  if (got.status == 400) return "";
  std::string all = body_of(got) + std::string(got.location) + std::string(got.log_repo) +
                    std::string(got.log_arch);
  if (!is_valid_utf8(all)) return "no UTF-8";
  const auto is_bad = [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f; };
  if (std::any_of(all.begin(), all.end(), is_bad)) return "a control byte";
  return all.find("X: y") == std::string::npos ? "" : "an injected line";
}

std::string describe(const OracleAnswer& want, const Reply& got) {
  std::string text =
      fmt::format("--- expected {} {}\n", want.status, want.metalink_type ? "metalink" : "text");
  text += want.text.value_or(want.head);
  for (const OracleGroup& group : want.groups) {
    text += fmt::format("(group {})\n", static_cast<int>(group.kind));
    for (const OracleHost& host : group.hosts)
      text += fmt::format("  host {} {}{}: {}\n", host.id, host.country,
                          host.is_private ? " private" : "", fmt::join(host.urls, " "));
  }
  for (const std::string& location : want.locations) text += "Location: " + location + "\n";
  text += fmt::format("--- got {} {} {}\n", got.status,
                      got.type == ContentType::kMetalink ? "metalink" : "text", got.location);
  return text + body_of(got) + "\n---";
}

}  // namespace mirror

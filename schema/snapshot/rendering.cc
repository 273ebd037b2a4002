#include "schema/snapshot/rendering.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/core/text.h"

namespace mirror {

UrlScheme scheme_of(std::string_view url) {
  const auto scheme = url.substr(0, url.find("://"));
  if (scheme == "https") return UrlScheme::kHttps;
  if (scheme == "http") return UrlScheme::kHttp;
  if (scheme == "ftp") return UrlScheme::kFtp;
  if (scheme == "rsync") return UrlScheme::kRsync;
  return UrlScheme::kOther;
}

std::string metalink_url_head(std::string_view base, std::string_view country) {
  const auto protocol = escape_xml(base.substr(0, base.find(':')));
  return fmt::format(R"(    <url protocol="{0}" type="{0}" location="{1}" preference=")", protocol,
                     escape_xml(country));
}

namespace {

struct Indents {
  std::string_view detail, hash;
};

void render_version(const FileVersion& version, const Indents& indents, std::string& out) {
  auto to = std::back_inserter(out);
  if (version.timestamp != 0) {
    fmt::format_to(to, "{}<mm0:timestamp>{}</mm0:timestamp>\n", indents.detail, version.timestamp);
  }
  if (version.size != 0) fmt::format_to(to, "{}<size>{}</size>\n", indents.detail, version.size);
  fmt::format_to(to, "{}<verification>\n", indents.detail);
  const auto hash = [&](std::string_view type, std::string_view text) {
    if (text.empty()) return;
    fmt::format_to(to, "{}<hash type=\"{}\">{}</hash>\n", indents.hash, type, escape_xml(text));
  };
  hash("md5", version.md5);
  hash("sha1", version.sha1);
  hash("sha256", version.sha256);
  hash("sha512", version.sha512);
  fmt::format_to(to, "{}</verification>\n", indents.detail);
}

}  // namespace

void render_file_block(std::string_view name, std::span<const FileVersion> versions,
                       std::string& out) {
  out += kFileBlockBegin;
  fmt::format_to(std::back_inserter(out), "  <file name=\"{}\">\n", escape_xml(name));
  if (!versions.empty()) {
    render_version(versions[0], {"   ", "    "}, out);
    const auto alternates = versions.subspan(1, std::min(versions.size() - 1, kAlternatesMax));
    if (!alternates.empty()) out += "   <mm0:alternates>\n";
    for (const auto& alternate : alternates) {
      out += "    <mm0:alternate>\n";
      render_version(alternate, {"      ", "       "}, out);
      out += "    </mm0:alternate>\n";
    }
    if (!alternates.empty()) out += "   </mm0:alternates>\n";
  }
  out += kFileBlockEnd;
}

bool has_checksums(std::string_view block) {
  // The main version comes first. Names are escaped, so that no file name can look like a tag.
  const auto main_version = block.substr(0, block.find("</verification>"));
  return main_version.find("<hash ") != std::string_view::npos;
}

std::string comment_safe(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  size_t begin = 0;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] != '-' || text[i - 1] != '-') continue;
    safe.append(text.substr(begin, i - begin)).append(" ");
    begin = i;
  }
  return safe.append(text.substr(begin));
}

}  // namespace mirror

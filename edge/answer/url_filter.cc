#include "edge/answer/url_filter.h"

#include <algorithm>
#include <array>

namespace mirror {
namespace {

constexpr std::array<std::string_view, 4> kSchemeNames = {"https", "http", "ftp", "rsync"};

constexpr uint32_t bit(UrlScheme scheme) { return uint32_t{1} << static_cast<uint32_t>(scheme); }

bool is_web(const fb::Url& url) {
  return ((uint32_t{1} << url.scheme()) & (bit(UrlScheme::kHttps) | bit(UrlScheme::kHttp))) != 0;
}

}  // namespace

UrlFilter::UrlFilter(const SnapshotView& view, const Question& question)
    : view_(view), protocols_(question.protocols) {
  if (question.has_protocol) {
    mode_ = question.wants_redirect ? Mode::kWebOfProtocols : Mode::kProtocols;
  } else if (question.resource == Resource::kMetalink) {
    mode_ = Mode::kAll;
  } else {
    mode_ = question.wants_redirect ? Mode::kFirstWeb : Mode::kFirstListable;
  }
  for (const std::string_view name : protocols_) {
    const auto* known = std::find(kSchemeNames.begin(), kSchemeNames.end(), name);
    if (known == kSchemeNames.end()) {
      unusual_names_ = true;
    } else {
      known_ |= uint32_t{1} << (known - kSchemeNames.begin());
    }
  }
}

bool UrlFilter::accepts(const fb::Url& url) const {
  if (((known_ >> url.scheme()) & 1) != 0) return true;
  if (!unusual_names_) return false;
  const std::string_view base = view_.text(url.base());
  return std::any_of(protocols_.begin(), protocols_.end(), [&](std::string_view name) {
    return base.size() > name.size() && base.starts_with(name) && base[name.size()] == ':';
  });
}

uint32_t UrlFilter::pick_by_protocol(uint32_t url_set) const {
  const fb::Span span = view_.url_sets[url_set].urls();
  size_t left = protocols_.size();
  for (uint32_t at = span.begin(); at < span.begin() + span.count() && left > 0; ++at) {
    if (!accepts(view_.urls[at])) continue;
    if (mode_ == Mode::kProtocols) return url_set;
    if (is_web(view_.urls[at])) return at;
    --left;
  }
  return kNone;
}

}  // namespace mirror

#include "edge/answer/metalink_reply.h"

#include <algorithm>
#include <array>

namespace mirror {
namespace {

constexpr std::string_view kBeforeDate =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
    "<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" type=\"dynamic\" pubdate=\"";
constexpr std::string_view kAfterDate =
    "\" generator=\"mirrormanager\" xmlns:mm0=\"http://fedorahosted.org/mirrormanager\">\n";
constexpr std::string_view kUrlsEnd = "   </resources>\n  </file>\n </files>\n</metalink>\n";
constexpr std::string_view kPrivateMark = "\" mm0:private=\"True\">";

// `N">`, at the place that N has when it falls from 100.
struct PreferenceText {
  std::array<char, 8> text{};
  uint32_t digits = 0;
};
constexpr size_t kPreferences = 100;
constexpr std::array<PreferenceText, kPreferences> make_preferences() {
  std::array<PreferenceText, kPreferences> all{};
  for (size_t i = 0; i < kPreferences; ++i) {
    const size_t number = kPreferences - i;
    size_t end = 0;
    if (number >= 100) all[i].text[end++] = static_cast<char>('0' + number / 100);
    if (number >= 10) all[i].text[end++] = static_cast<char>('0' + number / 10 % 10);
    all[i].text[end++] = static_cast<char>('0' + number % 10);
    all[i].digits = static_cast<uint32_t>(end);
    all[i].text[end++] = '"';
    all[i].text[end] = '>';
  }
  return all;
}
constexpr std::array<PreferenceText, kPreferences> kPreferenceTexts = make_preferences();
constexpr size_t kPublicMarkSize = 2;  // `">`

}  // namespace

MetalinkHead::MetalinkHead() { text_.allocate(kBeforeDate.size() + 64 + kAfterDate.size()); }

std::string_view MetalinkHead::at(int64_t unix_seconds) {
  if (text_.size() == 0 || unix_seconds != written_) {
    written_ = unix_seconds;
    text_.clear();
    text_.append(kBeforeDate);
    text_.append(date_.at(unix_seconds));
    text_.append(kAfterDate);
  }
  return text_.text();
}

void append_metalink_urls(const SnapshotView& view, const MetalinkUrls& urls, TextBuffer& out) {
  constexpr size_t kHeadChunk = 96;  // scheme twice, a country of two letters: 65 bytes
  constexpr size_t kBaseChunk = 64;
  static_assert(std::max(kHeadChunk, kBaseChunk) <= TextBuffer::kSlack);
  const std::string_view end = urls.tail.text();
  const size_t fixed = end.size() + sizeof(PreferenceText::text) + kPrivateMark.size();
  char* at = out.cursor();
  const char* const limit = out.limit();
  for (size_t i = 0; i < urls.mirrors.size(); ++i) {
    const PreferenceText& preference = kPreferenceTexts[std::min(i, kPreferences - 1)];
    const bool is_private = urls.mirrors[i].carrier >= urls.private_from;
    urls.filter.for_each_url(urls.mirrors[i].pick, [&](const fb::Url& url) {
      const size_t needed = url.metalink_head().size() + url.xml_base().size() + fixed;
      MIRROR_ASSERT(static_cast<size_t>(limit - at) >= needed);
      at = copy_text<kHeadChunk>(at, view, url.metalink_head());
      std::memcpy(at, preference.text.data(), preference.text.size());
      at += preference.digits + kPublicMarkSize;
      if (is_private) [[unlikely]] {
        at -= kPublicMarkSize;
        std::memcpy(at, kPrivateMark.data(), kPrivateMark.size());
        at += kPrivateMark.size();
      }
      at = copy_text<kBaseChunk>(at, view, url.xml_base());
      at = copy_tail(at, end);
    });
  }
  out.end_at(at);
  out.append(kUrlsEnd);
}

void append_failure_begin(std::string_view head, TextBuffer& out) {
  out.append(head);
  out.append("<!-- ");
}

void append_for_comment(std::string_view text, TextBuffer& out) {
  for (const char c : text) {
    if (c == '-' && out.text().ends_with('-')) out.append(' ');
    out.append(c);
  }
}

}  // namespace mirror

#include "edge/answer/metalink_reply.h"

#include <algorithm>
#include <array>

#include "edge/answer/avx2.h"

namespace mirror {
namespace {

constexpr std::string_view kBeforeDate =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
    "<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" type=\"dynamic\" pubdate=\"";
constexpr std::string_view kAfterDate =
    "\" generator=\"mirrormanager\" xmlns:mm0=\"http://fedorahosted.org/mirrormanager\">\n";
constexpr std::string_view kUrlsEnd = "   </resources>\n  </file>\n </files>\n</metalink>\n";
constexpr std::string_view kPublicMark = "\">";
constexpr std::string_view kPrivateMark = "\" mm0:private=\"True\">";

// N, as it falls from 100.
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
  }
  return all;
}
constexpr std::array<PreferenceText, kPreferences> kPreferenceTexts = make_preferences();

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

namespace {

template <size_t kBlock>
[[gnu::always_inline]] inline void append_urls(const SnapshotView& view, const MetalinkUrls& urls,
                                               TextBuffer& out) {
  constexpr size_t kHeadChunk = 96;  // scheme twice, a country of two letters: 65 bytes
  constexpr size_t kBaseChunk = 64;
  constexpr size_t kPrefetched = 64;
  LineWriter<kBlock> writer(view, urls.tail, out);
  for (size_t begin = 0; begin < urls.mirrors.size(); begin += kPrefetched) {
    const auto mirrors =
        urls.mirrors.subspan(begin, std::min(kPrefetched, urls.mirrors.size() - begin));
    urls.filter.prefetch(mirrors);
    for (size_t i = 0; i < mirrors.size(); ++i) {
      const PreferenceText& preference = kPreferenceTexts[std::min(begin + i, kPreferences - 1)];
      const bool is_private = mirrors[i].carrier >= urls.private_from;
      urls.filter.for_each_url(
          mirrors[i].pick, [&](const fb::Url& url) __attribute__((always_inline)) {
            const fb::Text head = url.metalink_head();
            const fb::Text base = url.xml_base();
            writer.begin(head.size() + sizeof preference.text + kPrivateMark.size() + base.size());
            writer.template append<kHeadChunk>(head);
            writer.template append_chunk<sizeof preference.text>(preference.text.data(),
                                                                 preference.digits);
            if (is_private) [[unlikely]] {
              writer.template append_chunk<kPrivateMark.size()>(kPrivateMark.data(),
                                                                kPrivateMark.size());
            } else {
              writer.template append_chunk<kPublicMark.size()>(kPublicMark.data(),
                                                               kPublicMark.size());
            }
            writer.template append<kBaseChunk>(base);
            writer.append_tail();
          });
    }
  }
  writer.end();
  out.append(kUrlsEnd);
}

MIRROR_TARGET_AVX2 void append_urls_by_32(const SnapshotView& view, const MetalinkUrls& urls,
                                          TextBuffer& out) {
  append_urls<32>(view, urls, out);
}

}  // namespace

void append_metalink_urls_by_16(const SnapshotView& view, const MetalinkUrls& urls,
                                TextBuffer& out) {
  append_urls<16>(view, urls, out);
}

void append_metalink_urls(const SnapshotView& view, const MetalinkUrls& urls, TextBuffer& out) {
  if (has_avx2()) {
    append_urls_by_32(view, urls, out);
    return;
  }
  append_metalink_urls_by_16(view, urls, out);
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

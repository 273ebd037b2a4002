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

namespace {

// Writes lines by moves of kBlock bytes. Everything that stays the same lies in members that the
// compiler can keep in registers: what is written are bytes, which might be anything's.
template <size_t kBlock>
class LineWriter {
 public:
  LineWriter(const SnapshotView& view, std::string_view tail, TextBuffer& out)
      : text_(reinterpret_cast<const char*>(view.text_bytes.data()), view.text_bytes.size()),
        tail_(tail),
        at_(out.cursor()),
        limit_(out.limit()) {}

  [[gnu::always_inline]] void append(const fb::Url& url, const PreferenceText& preference,
                                     bool is_private) {
    constexpr size_t kHeadChunk = 96;  // scheme twice, a country of two letters: 65 bytes
    constexpr size_t kBaseChunk = 64;
    static_assert(std::max(kHeadChunk, kBaseChunk) <= TextBuffer::kSlack);
    const fb::Text head = url.metalink_head();
    const fb::Text base = url.xml_base();
    char* at = at_;
    MIRROR_ASSERT(static_cast<size_t>(limit_ - at) >= head.size() + base.size() + tail_.size() +
                                                          sizeof(PreferenceText::text) +
                                                          kPrivateMark.size());
    at = copy_text<kBlock, kHeadChunk>(at, text_, head);
    std::memcpy(at, preference.text.data(), preference.text.size());
    at += preference.digits + kPublicMarkSize;
    if (is_private) [[unlikely]] {
      at -= kPublicMarkSize;
      std::memcpy(at, kPrivateMark.data(), kPrivateMark.size());
      at += kPrivateMark.size();
    }
    at = copy_text<kBlock, kBaseChunk>(at, text_, base);
    at_ = copy_tail<kBlock>(at, tail_);
  }
  [[nodiscard]] const char* at() const { return at_; }

 private:
  const std::string_view text_;
  const std::string_view tail_;
  char* at_;
  const char* const limit_;
};

template <size_t kBlock>
[[gnu::always_inline]] inline void append_urls(const SnapshotView& view, const MetalinkUrls& urls,
                                               TextBuffer& out) {
  LineWriter<kBlock> writer(view, urls.tail.text(), out);
  constexpr size_t kPrefetched = 64;
  for (size_t begin = 0; begin < urls.mirrors.size(); begin += kPrefetched) {
    const auto mirrors =
        urls.mirrors.subspan(begin, std::min(kPrefetched, urls.mirrors.size() - begin));
    urls.filter.prefetch(mirrors);
    for (size_t i = 0; i < mirrors.size(); ++i) {
      const PreferenceText& preference = kPreferenceTexts[std::min(begin + i, kPreferences - 1)];
      const bool is_private = mirrors[i].carrier >= urls.private_from;
      urls.filter.for_each_url(
          mirrors[i].pick, [&](const fb::Url& url) __attribute__((always_inline)) {
            writer.append(url, preference, is_private);
          });
    }
  }
  out.end_at(writer.at());
  out.append(kUrlsEnd);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void append_urls_by_32(const SnapshotView& view, const MetalinkUrls& urls,
                                               TextBuffer& out) {
  append_urls<32>(view, urls, out);
}
#endif

}  // namespace

void append_metalink_urls_by_16(const SnapshotView& view, const MetalinkUrls& urls,
                                TextBuffer& out) {
  append_urls<16>(view, urls, out);
}

void append_metalink_urls(const SnapshotView& view, const MetalinkUrls& urls, TextBuffer& out) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") != 0) {
    append_urls_by_32(view, urls, out);
    return;
  }
#endif
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

// Metalink 3.0 documents, byte for byte as MirrorManager's mirrorlist-server writes them, with text
// escaped for XML. The block from ` <files>` to `<resources ...>` lies ready-made in the snapshot.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/core/http_date.h"
#include "edge/answer/mirror_choice.h"
#include "edge/answer/text_buffer.h"
#include "edge/answer/url_filter.h"
#include "edge/answer/url_text.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// The first two lines, with the time in them. One a thread.
class MetalinkHead {
 public:
  MetalinkHead();
  // Valid until the next call.
  [[nodiscard]] std::string_view at(int64_t unix_seconds);

 private:
  HttpDate date_;
  TextBuffer text_;
  int64_t written_ = -1;
};

inline constexpr std::string_view kMetalinkTailEnd = "</url>\n";

// The `<url>` lines and the end of the document. The preference falls from 100 by one a mirror and
// not below 1. `private_from`: carriers from this place on are private. `tail` is XML and ends with
// kMetalinkTailEnd.
struct MetalinkUrls {
  const UrlFilter& filter;
  std::span<const ChosenMirror> mirrors;
  uint32_t private_from = 0;
  const UrlTail& tail;
};
void append_metalink_urls(const SnapshotView& view, const MetalinkUrls& urls, TextBuffer& out);
// The same on every processor; append_metalink_urls() takes wider moves where there are some.
void append_metalink_urls_by_16(const SnapshotView& view, const MetalinkUrls& urls,
                                TextBuffer& out);

// A document without files: the message as a comment. kFailureEnd must follow.
void append_failure_begin(std::string_view head, TextBuffer& out);
// Puts a blank between hyphens that would touch. `--` would end a comment (XML 1.0 section 2.5).
void append_for_comment(std::string_view text, TextBuffer& out);
inline constexpr std::string_view kFailureEnd = "\n-->\n</metalink>\n";

}  // namespace mirror

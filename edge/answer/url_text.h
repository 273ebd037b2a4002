// The bytes of URLs: base from the snapshot, then what is the same for every mirror of an answer.
#pragma once

#include <cstring>
#include <string_view>

#include "edge/answer/directory_choice.h"
#include "edge/answer/text_buffer.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// Copies a text of the snapshot to `to`, where kChunk bytes must be writable; returns its end.
template <size_t kBlock, size_t kChunk>
[[gnu::always_inline]] inline char* copy_text(char* to, std::string_view text_bytes,
                                              const fb::Text& text) {
  const char* from = text_bytes.data() + text.offset();
  if (size_t{text.offset()} + kChunk > text_bytes.size()) [[unlikely]] {
    std::memcpy(to, from, text.size());
    return to + text.size();
  }
  return copy_over<kBlock, kChunk>(to, from, text.size());
}

// What follows the base of each URL. Copies are a few whole blocks: the number of blocks is the
// same for each mirror, so that the branch is foreseen.
class UrlTail {
 public:
  void allocate();

  // `/SUBPATH/` for a directory, `/SUBPATH/FILE` for a file; the client's file name is
  // percent-encoded where a byte could not stand in a URL's path, everything else is as in the
  // data.
  void set_plain(const SnapshotView& view, const DirectoryChoice& choice, std::string_view end);
  // The same, escaped for XML.
  void set_xml(const SnapshotView& view, const DirectoryChoice& choice, std::string_view end);

  [[nodiscard]] size_t size() const { return text_.size(); }
  [[nodiscard]] std::string_view text() const { return text_.text(); }

 private:
  void set(std::string_view subpath, const DirectoryChoice& choice, bool xml);
  void append_file(std::string_view file, bool xml);

  TextBuffer text_;
};

// Copies `tail`; up to 31 bytes more are written.
template <size_t kBlock>
[[gnu::always_inline]] inline char* copy_tail(char* to, std::string_view tail) {
  constexpr size_t kStep = 32;
  static_assert(kStep <= TextBuffer::kSlack);
  const char* from = tail.data();
  for (size_t at = 0; at < tail.size(); at += kStep) {
    copy_blocks<kBlock, kStep>(to + at, from + at);
  }
  return to + tail.size();
}

// Appends with every byte percent-encoded that may not stand in a header field: RFC 3986
// section 2.1.
void append_for_header(std::string_view text, TextBuffer& out);

}  // namespace mirror

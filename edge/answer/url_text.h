// The bytes of URLs: base from the snapshot, then what is the same for every mirror of an answer.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "edge/answer/directory_choice.h"
#include "edge/answer/text_buffer.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// What follows the base of each URL.
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

// Writes lines that end with a URL, by moves of kBlock bytes (text_buffer.h). Everything that stays
// the same lies in members that the compiler can keep in registers: what is written are bytes,
// which might be anything's.
template <size_t kBlock>
class LineWriter {
 public:
  // All must outlive the writer; `out` knows of the lines once end() was called.
  LineWriter(const SnapshotView& view, const UrlTail& tail, TextBuffer& out)
      : texts_(reinterpret_cast<const char*>(view.text_bytes.data())),
        last_(static_cast<int64_t>(view.text_bytes.size()) - kChunkMax),
        tail_(tail.text()),
        at_(out.cursor()),
        limit_(out.limit()),
        out_(out) {}

  // Before a line of so many bytes and the tail.
  [[gnu::always_inline]] void begin(size_t size) const {
    MIRROR_ASSERT(static_cast<size_t>(limit_ - at_) >= size + tail_.size());
  }
  // Nearly all texts are at most kChunk bytes long.
  template <size_t kChunk>
  [[gnu::always_inline]] void append(const fb::Text& text) {
    static_assert(kChunk <= kChunkMax);
    const char* from = texts_ + text.offset();
    if (text.offset() > last_) [[unlikely]] {
      std::memcpy(at_, from, text.size());
      at_ += text.size();
      return;
    }
    at_ = copy_over<kBlock, kChunk>(at_, from, text.size());
  }
  // kChunk bytes are readable, of which `size` count.
  template <size_t kChunk>
  [[gnu::always_inline]] void append_chunk(const char* text, size_t size) {
    static_assert(kChunk <= TextBuffer::kSlack);
    std::memcpy(at_, text, kChunk);
    at_ += size;
  }
  [[gnu::always_inline]] void append_tail() {
    // A buffer's slack is readable, too.
    at_ = copy_over<kBlock, kChunkMax>(at_, tail_.data(), tail_.size());
  }
  void end() const { out_.end_at(at_); }

 private:
  static constexpr int64_t kChunkMax = 96;
  static_assert(kChunkMax <= TextBuffer::kSlack);

  const char* const texts_;
  const int64_t last_;  // the last offset at which kChunkMax bytes are readable
  const std::string_view tail_;
  char* at_;
  const char* const limit_;
  TextBuffer& out_;
};

// Appends with every byte percent-encoded that may not stand in a header field: RFC 3986
// section 2.1.
void append_for_header(std::string_view text, TextBuffer& out);

}  // namespace mirror

#include "edge/answer/list_reply.h"

#include <fmt/format.h>

namespace mirror {

void append_repository(std::string_view repository, std::string_view arch, TextBuffer& out) {
  out.append("# repo = ");
  out.append(repository);
  out.append(" arch = ");
  out.append(arch);
  out.append(' ');
}

void append_list_begin(const Question& question, const DirectoryChoice& choice, TextBuffer& out) {
  if (!question.has_path) {
    append_repository(choice.repository, choice.arch, out);
    return;
  }
  out.append("# path = ");
  out.append(choice.path);
  out.append(' ');
}

void append_list_options(const Question& question, uint64_t created_at, TextBuffer& out) {
  if (question.has_protocol) {
    out.append("protocol = ");
    out.append(question.protocol);
  }
  if (question.wants_time) {
    const fmt::format_int number(created_at);
    out.append("\n# database creation time: ");
    out.append({number.data(), number.size()});
  }
  out.append('\n');
}

void append_list_urls(const SnapshotView& view, const UrlFilter& filter,
                      std::span<const ChosenMirror> mirrors, const UrlTail& tail, TextBuffer& out) {
  constexpr size_t kBaseChunk = 64;  // nearly all base URLs are shorter
  static_assert(kBaseChunk <= TextBuffer::kSlack);
  const std::string_view end = tail.text();
  char* at = out.cursor();
  const char* const limit = out.limit();
  const std::string_view text(reinterpret_cast<const char*>(view.text_bytes.data()),
                              view.text_bytes.size());
  const auto show = [&](const fb::Url& url) {
    MIRROR_ASSERT(static_cast<size_t>(limit - at) >= url.base().size() + end.size());
    at = copy_text<16, kBaseChunk>(at, text, url.base());
    at = copy_tail<16>(at, end);
  };
  filter.prefetch(mirrors);
  if (filter.picks_one_url()) {
    for (const ChosenMirror& mirror : mirrors) show(view.urls[mirror.pick]);
  } else {
    for (const ChosenMirror& mirror : mirrors) filter.for_each_url(mirror.pick, show);
  }
  out.end_at(at);
}

void append_location(const SnapshotView& view, uint32_t pick, const UrlTail& tail,
                     TextBuffer& out) {
  append_for_header(view.text(view.urls[pick].base()), out);
  append_for_header(tail.text(), out);
}

}  // namespace mirror

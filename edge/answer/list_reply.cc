#include "edge/answer/list_reply.h"

#include <fmt/format.h>

#include "edge/answer/avx2.h"

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

namespace {

template <size_t kBlock>
[[gnu::always_inline]] inline void append_urls(const SnapshotView& view, const UrlFilter& filter,
                                               std::span<const ChosenMirror> mirrors,
                                               const UrlTail& tail, TextBuffer& out) {
  constexpr size_t kBaseChunk = 64;  // nearly all base URLs are shorter
  LineWriter<kBlock> writer(view, tail, out);
  const auto show = [&](const fb::Url& url) __attribute__((always_inline)) {
    writer.begin(url.base().size());
    writer.template append<kBaseChunk>(url.base());
    writer.append_tail();
  };
  filter.prefetch(mirrors);
  if (filter.picks_one_url()) {
    for (const ChosenMirror& mirror : mirrors) show(view.urls[mirror.pick]);
  } else {
    for (const ChosenMirror& mirror : mirrors) filter.for_each_url(mirror.pick, show);
  }
  writer.end();
}

MIRROR_TARGET_AVX2 void append_urls_by_32(const SnapshotView& view, const UrlFilter& filter,
                                          std::span<const ChosenMirror> mirrors,
                                          const UrlTail& tail, TextBuffer& out) {
  append_urls<32>(view, filter, mirrors, tail, out);
}

}  // namespace

void append_list_urls_by_16(const SnapshotView& view, const UrlFilter& filter,
                            std::span<const ChosenMirror> mirrors, const UrlTail& tail,
                            TextBuffer& out) {
  append_urls<16>(view, filter, mirrors, tail, out);
}

void append_list_urls(const SnapshotView& view, const UrlFilter& filter,
                      std::span<const ChosenMirror> mirrors, const UrlTail& tail, TextBuffer& out) {
  if (has_avx2()) {
    append_urls_by_32(view, filter, mirrors, tail, out);
    return;
  }
  append_list_urls_by_16(view, filter, mirrors, tail, out);
}

void append_location(const SnapshotView& view, uint32_t pick, const UrlTail& tail,
                     TextBuffer& out) {
  append_for_header(view.text(view.urls[pick].base()), out);
  append_for_header(tail.text(), out);
}

}  // namespace mirror

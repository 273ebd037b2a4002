// The text list and the redirect.
//
//   # path = PATH Using preferred netblock country = SE country = global protocol = https
//   # database creation time: SECONDS                                  (only with `time`)
//   URL                                                                (a line each)
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "edge/answer/directory_choice.h"
#include "edge/answer/mirror_choice.h"
#include "edge/answer/question.h"
#include "edge/answer/text_buffer.h"
#include "edge/answer/url_filter.h"
#include "edge/answer/url_text.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// `# path = PATH ` or `# repo = REPOSITORY arch = ARCH `.
void append_list_begin(const Question& question, const DirectoryChoice& choice, TextBuffer& out);
void append_repository(std::string_view repository, std::string_view arch, TextBuffer& out);
// What follows the fragments of the mirror choice: `protocol = VALUE`, the line feed, the time.
void append_list_options(const Question& question, uint64_t created_at, TextBuffer& out);

// The URLs of the mirrors, a line each; `tail` ends with the line feed.
void append_list_urls(const SnapshotView& view, const UrlFilter& filter,
                      std::span<const ChosenMirror> mirrors, const UrlTail& tail, TextBuffer& out);
// The same on every processor; append_list_urls() takes wider moves where there are some.
void append_list_urls_by_16(const SnapshotView& view, const UrlFilter& filter,
                            std::span<const ChosenMirror> mirrors, const UrlTail& tail,
                            TextBuffer& out);

// The URL of a pick of a redirect's filter, fit for a header.
void append_location(const SnapshotView& view, uint32_t pick, const UrlTail& tail, TextBuffer& out);

}  // namespace mirror

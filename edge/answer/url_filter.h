// Which URLs of a mirror an answer shows: the first stored one of an accepted scheme in a list, all
// in a metalink, and with `protocol=` as many as names were asked for, in stored order.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "edge/answer/prefetch.h"
#include "edge/answer/question.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

class UrlFilter {
 public:
  // Both must outlive the filter.
  UrlFilter(const SnapshotView& view, const Question& question);

  // What to remember of a mirror with this URL set; kNone if no URL of it is shown. One look at the
  // set in the usual cases, a walk over its URLs if the question names protocols.
  [[nodiscard]] uint32_t pick(uint32_t url_set) const {
    uint32_t picked = kNone;
    with_picker([&](const auto& picker) { picked = picker(url_set); });
    return picked;
  }

  // Calls use(picker) with a function object that does what pick() does and decides nothing but
  // what differs from mirror to mirror: for loops.
  template <typename Use>
  void with_picker(const Use& use) const {
    const fb::UrlSet* const sets = view_.url_sets.data();
    switch (mode_) {
      case Mode::kFirstListable:
        use([sets](uint32_t at) { return place_in(sets[at].urls(), sets[at].first_listable()); });
        return;
      case Mode::kFirstWeb:
        use([sets](uint32_t at) { return place_in(sets[at].urls(), sets[at].first_web()); });
        return;
      case Mode::kAll:
        use([sets](uint32_t at) { return sets[at].urls().count() == 0 ? kNone : at; });
        return;
      case Mode::kProtocols:
      case Mode::kWebOfProtocols:
        use([this](uint32_t at) { return pick_by_protocol(at); });
        return;
    }
  }

  // Whether a pick is one URL (SnapshotView::urls) and not a set of them.
  [[nodiscard]] bool picks_one_url() const {
    return mode_ != Mode::kAll && mode_ != Mode::kProtocols;
  }
  // Calls show(const fb::Url&) for each URL of a pick, in stored order.
  template <typename Show>
  [[gnu::always_inline]] void for_each_url(uint32_t pick, const Show& show) const {
    if (picks_one_url()) {
      show(view_.urls[pick]);
      return;
    }
    const auto urls = SnapshotView::part(view_.urls, view_.url_sets[pick].urls());
    if (mode_ == Mode::kAll) {
      for (const fb::Url& url : urls) show(url);
      return;
    }
    size_t left = protocols_.size();
    for (const fb::Url& url : urls) {
      if (left == 0) return;
      if (!accepts(url)) continue;
      show(url);
      --left;
    }
  }

  // Asks for the memory that the URLs of some mirrors lie in: all at once it comes in the time of
  // one, while for_each_url() of one after the other would wait each time.
  template <typename Mirrors>
  void prefetch(const Mirrors& mirrors) const {
    if (picks_one_url()) {
      for (const auto& mirror : mirrors) __builtin_prefetch(&view_.urls[mirror.pick]);
      for (const auto& mirror : mirrors) {
        __builtin_prefetch(view_.text_bytes.data() + view_.urls[mirror.pick].base().offset());
      }
      return;
    }
    // A pick has URLs, which follow each other, as their texts do unless another set had one first.
    for (const auto& mirror : mirrors) {
      const auto urls = SnapshotView::part(view_.urls, view_.url_sets[mirror.pick].urls());
      __builtin_prefetch(&urls.front());
      __builtin_prefetch(&urls.back());
    }
    for (const auto& mirror : mirrors) {
      const fb::Url& first = view_.urls[view_.url_sets[mirror.pick].urls().begin()];
      prefetch_lines(view_.text_bytes.data() + first.xml_base().offset(), kUsualTexts);
    }
  }

 private:
  enum class Mode : uint8_t {
    kFirstListable,   // a list
    kFirstWeb,        // a redirect
    kAll,             // a metalink
    kProtocols,       // a list or a metalink with protocol=
    kWebOfProtocols,  // a redirect with protocol=
  };
  // Bytes of the bases of a set: three URLs are usual.
  static constexpr size_t kUsualTexts = 192;

  static uint32_t place_in(const fb::Span& urls, uint32_t place) {
    return place == kNone ? kNone : urls.begin() + place;
  }
  [[nodiscard]] bool accepts(const fb::Url& url) const;
  [[nodiscard]] uint32_t pick_by_protocol(uint32_t url_set) const;

  const SnapshotView& view_;
  std::span<const std::string_view> protocols_;
  Mode mode_;
  bool unusual_names_ = false;  // a name that is not in known_
  uint32_t known_ = 0;          // bit UrlScheme
};

}  // namespace mirror

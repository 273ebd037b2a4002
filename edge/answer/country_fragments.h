// `country = XX ` for every country of a snapshot, ready to be copied: a client on a large
// continent gets forty of them in its first line. Immutable after the constructor; one a thread or
// shared.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "edge/answer/text_buffer.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

class CountryFragments {
 public:
  CountryFragments() = default;
  explicit CountryFragments(const SnapshotView& view);

  void append(const SnapshotView& view, uint32_t country, TextBuffer& out) const {
    const Fragment& fragment = fragments_[country];
    if (fragment.size == 0) [[unlikely]] {
      append_name(view.text(view.countries[country].name()), out);
    } else {
      out.append_short(fragment.text.data(), fragment.size);
    }
  }
  static void append_name(std::string_view name, TextBuffer& out) {
    out.append("country = ");
    out.append(name);
    out.append(' ');
  }
  // The bytes of all fragments together.
  [[nodiscard]] size_t total_size() const { return total_size_; }

 private:
  struct Fragment {
    std::array<char, 32> text{};
    uint32_t size = 0;  // 0: too long for this
  };
  std::vector<Fragment> fragments_;
  size_t total_size_ = 0;
};

}  // namespace mirror

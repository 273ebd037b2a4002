#include "edge/answer/country_fragments.h"

#include <algorithm>

namespace mirror {

CountryFragments::CountryFragments(const SnapshotView& view) : fragments_(view.countries.size()) {
  TextBuffer text;
  text.allocate(kTextSizeMax + 32);
  for (size_t i = 0; i < fragments_.size(); ++i) {
    text.clear();
    append_name(view.text(view.countries[i].name()), text);
    total_size_ += text.size();
    if (text.size() > fragments_[i].text.size()) continue;
    std::copy_n(text.data(), text.size(), fragments_[i].text.begin());
    fragments_[i].size = static_cast<uint32_t>(text.size());
  }
}

}  // namespace mirror

// The lines of a metalink and of a list are the same whatever moves the processor has, and as the
// naive text of them says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "edge/answer/list_reply.h"
#include "edge/answer/metalink_reply.h"
#include "tests/unit/answer/answer_world.h"

namespace mirror {
namespace {

// One mirror for each length of a base URL around the chunks in which texts are copied, half of
// them with several URLs, the last ones private.
class ReplyUrlsTest : public testing::Test {
 protected:
  static constexpr size_t kLengthMin = 22;
  static constexpr size_t kLengthMax = 150;

  ReplyUrlsTest() {
    std::vector<uint32_t> carriers;
    for (size_t length = kLengthMin; length <= kLengthMax; ++length) {
      std::string url = fmt::format("https://m{}.example/", length);
      url.resize(length, 'p');
      std::vector<std::string> urls = {url};
      if (length % 2 == 0) {
        urls.push_back("http" + url.substr(5));
        urls.push_back("rsync" + url.substr(5));
      }
      carriers.push_back(builder_.host(
          {.country = "DE", .urls = std::move(urls), .global = length + 3 <= kLengthMax}));
    }
    builder_.directory("pub/os", "os", carriers, {{"a&b.iso", {}}});
    builder_.category("Linux", {"pub/os"});
    snapshot_.emplace(builder_.build());
    const SnapshotView& view = snapshot_->view();
    for (uint32_t i = 0; i < carriers.size(); ++i) {
      const uint32_t set = view.carrier_sets[0].carriers().begin() + i;
      mirrors_.push_back({view.carriers[set].url_set(), i});
    }
    question_.resource = Resource::kMetalink;
    filter_.emplace(view, question_);
    tail_.allocate();
    body_.allocate(view.body_size_max);
  }

  [[nodiscard]] MetalinkUrls urls(std::string_view file) {
    DirectoryChoice choice;
    choice.directory = 0;
    choice.file = file;
    tail_.set_xml(snapshot_->view(), choice, kMetalinkTailEnd);
    return {*filter_, mirrors_, snapshot_->view().carrier_sets[0].global_count(), tail_};
  }
  [[nodiscard]] std::string expected(std::string_view escaped_file) const {
    const SnapshotView& view = snapshot_->view();
    std::string lines;
    for (size_t i = 0; i < mirrors_.size(); ++i) {
      const fb::Span set = view.url_sets[mirrors_[i].pick].urls();
      for (uint32_t url = set.begin(); url < set.begin() + set.count(); ++url) {
        const std::string_view base = view.text(view.urls[url].base());
        const std::string_view scheme = base.substr(0, base.find(':'));
        lines += fmt::format(
            "    <url protocol=\"{}\" type=\"{}\" location=\"DE\" preference=\"{}\"{}>{}/os/{}"
            "</url>\n",
            scheme, scheme, i < 100 ? 100 - i : 1,
            i + 3 < mirrors_.size() ? "" : " mm0:private=\"True\"", base, escaped_file);
      }
    }
    return lines + "   </resources>\n  </file>\n </files>\n</metalink>\n";
  }

  WorldBuilder builder_;
  std::optional<SnapshotInMemory> snapshot_;
  Question question_;
  std::optional<UrlFilter> filter_;
  std::vector<ChosenMirror> mirrors_;
  UrlTail tail_;
  TextBuffer body_;
};

TEST_F(ReplyUrlsTest, TheWidestMovesWriteTheSameMetalink) {
  for (const auto& [file, escaped] : std::vector<std::pair<std::string, std::string>>{
           {"a&b.iso", "a&amp;b.iso"}, {std::string(27, 'f'), std::string(27, 'f')}}) {
    append_metalink_urls(snapshot_->view(), urls(file), body_);
    EXPECT_EQ(body_.text(), expected(escaped));
    body_.clear();
  }
}

TEST_F(ReplyUrlsTest, MovesOf16BytesWriteTheSameMetalink) {
  append_metalink_urls_by_16(snapshot_->view(), urls("a&b.iso"), body_);
  EXPECT_EQ(body_.text(), expected("a&amp;b.iso"));
}

TEST_F(ReplyUrlsTest, BothMovesWriteTheSameList) {
  const SnapshotView& view = snapshot_->view();
  Question question;
  question.resource = Resource::kMirrorlist;
  const UrlFilter filter(view, question);
  DirectoryChoice choice;
  choice.directory = 0;
  tail_.set_plain(view, choice, "\n");
  std::string expected;
  std::vector<ChosenMirror> picks;
  for (const ChosenMirror& mirror : mirrors_) {
    picks.push_back({filter.pick(mirror.pick), mirror.carrier});
    const fb::Span set = view.url_sets[mirror.pick].urls();
    expected += fmt::format("{}/os/\n", view.text(view.urls[set.begin()].base()));
  }
  append_list_urls(view, filter, picks, tail_, body_);
  EXPECT_EQ(body_.text(), expected);
  body_.clear();
  append_list_urls_by_16(view, filter, picks, tail_, body_);
  EXPECT_EQ(body_.text(), expected);
}

}  // namespace
}  // namespace mirror

#include "compiler/dump.h"

#include <fmt/format.h>

#include "base/core/text.h"

namespace mirror {
namespace {

class Dumper {
 public:
  Dumper(const SnapshotView& view, const std::function<void(std::string_view)>& write)
      : view_(view), write_(write) {}

  void run() {
    line("created_at {}", view_.created_at);
    countries();
    hosts();
    urls();
    carrier_sets();
    directories();
    repositories();
    netblocks();
    asns();
    line("netblock_countries");
    ranges(view_.netblock_countries4, view_.netblock_countries6,
           [this](uint32_t value) { return country(value); });
    categories();
    flush();
  }

 private:
  template <typename... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    constexpr size_t kPiece = 1 << 16;
    fmt::format_to(std::back_inserter(buffer_), format, std::forward<Arguments>(arguments)...);
    buffer_ += '\n';
    if (buffer_.size() > kPiece) flush();
  }
  void flush() {
    write_(buffer_);
    buffer_.clear();
  }

  std::string quoted(const fb::Text& text) const {
    return quote_for_message(view_.text(text), text.size());
  }
  std::string country(uint32_t index) const {
    return index == kNone ? "-" : quoted(view_.countries[index].name());
  }
  static std::string place(uint32_t index) { return index == kNone ? "-" : fmt::to_string(index); }
  std::string host(uint32_t index) const {
    return fmt::format("host {}", view_.host_infos[index].id());
  }

  void countries() {
    line("countries {}", view_.countries.size());
    for (const auto& entry : view_.countries) {
      line("  {} continent {}", quoted(entry.name()),
           entry.continent() == kNone ? "-" : quoted(view_.continents[entry.continent()].name()));
    }
  }

  void hosts() {
    line("hosts {}", view_.hosts.size());
    for (size_t i = 0; i < view_.hosts.size(); ++i) {
      const auto& entry = view_.hosts[i];
      const auto& info = view_.host_infos[i];
      std::string allowed;
      for (const uint32_t index : SnapshotView::part(view_.allowed_countries, entry.allowed())) {
        allowed += " " + country(index);
      }
      line("  {} {} site {} country {} weight {} flags{}{}{}", info.id(), quoted(info.name()),
           quoted(info.site()), country(entry.country()), entry.weight(), flags(info.flags()),
           allowed.empty() ? "" : " allowed", allowed);
    }
  }

  static std::string flags(uint32_t bits) {
    std::string names;
    for (size_t bit = 0; bit < kHostFlagWords.size(); ++bit) {
      if ((bits >> bit & 1) != 0) names.append(" ").append(kHostFlagWords[bit]);
    }
    return names.empty() ? " -" : names;
  }

  void urls() {
    line("url_sets {}", view_.url_sets.size());
    for (size_t i = 0; i < view_.url_sets.size(); ++i) {
      const auto& set = view_.url_sets[i];
      line("  url_set {} first_listable {} first_web {}", i, place(set.first_listable()),
           place(set.first_web()));
      for (const auto& url : SnapshotView::part(view_.urls, set.urls())) {
        line("    {} scheme {} xml {} head {}", quoted(url.base()), url.scheme(),
             quoted(url.xml_base()), quoted(url.metalink_head()));
      }
    }
  }

  void carrier_sets() {
    line("carrier_sets {}", view_.carrier_sets.size());
    for (size_t i = 0; i < view_.carrier_sets.size(); ++i) {
      const auto& set = view_.carrier_sets[i];
      line("  carrier_set {}", i);
      const auto carriers = SnapshotView::part(view_.carriers, set.carriers());
      for (size_t c = 0; c < carriers.size(); ++c) {
        line("    {} {} url_set {}", c < set.global_count() ? "global" : "other",
             host(carriers[c].host()), place(carriers[c].url_set()));
      }
      for (const auto& group : SnapshotView::part(view_.country_groups, set.groups())) {
        std::string members;
        for (const uint32_t member : SnapshotView::part(view_.group_members, group.members())) {
          members += fmt::format(" {}", view_.host_infos[carriers[member].host()].id());
        }
        line("    group {}{}", country(group.country()), members);
      }
    }
  }

  void directories() {
    line("directories {}", view_.directories.size());
    for (const auto& directory : view_.directories) {
      line("  {} subpath {} xml {} carrier_set {} category {}", quoted(directory.name()),
           quoted(directory.subpath()), quoted(directory.xml_subpath()), directory.carrier_set(),
           directory.category() == kNone ? "-"
                                         : quoted(view_.categories[directory.category()].name()));
      for (const auto& file : SnapshotView::part(view_.files, directory.files())) {
        line("    file {}", quoted(file.name()));
        for (const auto row : split(view_.text(file.block()), '\n')) {
          if (!row.empty()) line("      |{}", row);
        }
      }
    }
  }

  std::string directory(uint32_t index) const {
    return index == kNone ? "-" : quoted(view_.directories[index].name());
  }

  void repositories() {
    line("repositories {}", view_.repositories.size());
    for (const auto& repository : view_.repositories) {
      line("  {} directory {} metalink {}", quoted(repository.key()),
           directory(repository.directory()), directory(repository.metalink_directory()));
    }
    line("prefixes {}", view_.prefixes.size());
    for (const auto& prefix : view_.prefixes) {
      line("  {} redirect {}{}", quoted(prefix.name()), quoted(prefix.redirect()),
           prefix.disabled() != 0 ? " disabled" : "");
    }
    for (const auto row : split(view_.text(view_.repository_list), '\n')) {
      if (!row.empty()) line("  |{}", row);
    }
  }

  template <typename Show>
  void ranges(std::span<const fb::IpRange4> ranges4, std::span<const fb::IpRange6> ranges6,
              Show show) {
    for (const auto& range : ranges4) {
      line("  {} {}", IpAddress::from_ipv4(range.first()).to_string(),
           range.value() == kNone ? "-" : show(range.value()));
    }
    for (const auto& range : ranges6) {
      line("  {} {}", IpAddress::from_ipv6(range.first_high(), range.first_low()).to_string(),
           range.value() == kNone ? "-" : show(range.value()));
    }
  }

  void netblocks() {
    line("netblocks");
    ranges(view_.netblocks4, view_.netblocks6, [this](uint32_t value) {
      std::string matches;
      for (const auto& match :
           SnapshotView::part(view_.netblock_matches, view_.netblock_lists[value])) {
        matches += fmt::format("{}{} /{}", matches.empty() ? "" : ", ", host(match.host()),
                               match.prefix_length());
      }
      return matches;
    });
  }

  void asns() {
    line("asn_groups {}", view_.asn_groups.size());
    for (const auto& group : view_.asn_groups) {
      std::string hosts;
      for (const uint32_t index : SnapshotView::part(view_.asn_hosts, group.hosts())) {
        hosts += fmt::format(" {}", view_.host_infos[index].id());
      }
      line("  AS{}{}", group.asn(), hosts);
    }
    line("asns");
    ranges(view_.asns4, view_.asns6,
           [this](uint32_t value) { return fmt::format("AS{}", view_.asn_groups[value].asn()); });
  }

  void categories() {
    line("categories {}", view_.categories.size());
    for (const auto& category : view_.categories) {
      line("  {} {} product {} topdir {}", category.id(), quoted(category.name()),
           quoted(category.product()), quoted(category.topdir()));
      for (const auto& entry : SnapshotView::part(view_.category_hosts, category.hosts())) {
        line("    {} url_set {}{}", host(entry.host()), place(entry.url_set()),
             entry.always_up2date() != 0 ? " always-up2date" : "");
      }
    }
  }

  const SnapshotView& view_;
  const std::function<void(std::string_view)>& write_;
  std::string buffer_;
};

}  // namespace

void dump_snapshot(const SnapshotView& view, const std::function<void(std::string_view)>& write) {
  Dumper(view, write).run();
}

}  // namespace mirror

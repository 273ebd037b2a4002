#include "edge/answer/url_text.h"

namespace mirror {
namespace {

constexpr size_t kTailEndMax = 16;    // `</url>` and a line feed
constexpr size_t kFileGrowthMax = 5;  // & as &amp;

void append_encoded(char c, TextBuffer& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out.append('%');
  out.append(kDigits[byte >> 4]);
  out.append(kDigits[byte & 15]);
}

bool is_graphic_ascii(char c) { return c > 0x20 && c < 0x7f; }

// Bytes that end a path or a URL, or would be read as an encoded one.
bool is_plain_in_path(char c) {
  return is_graphic_ascii(c) && std::string_view("\"<>#%?").find(c) == std::string_view::npos;
}

}  // namespace

void UrlTail::allocate() {
  text_.allocate(size_t{kTextSizeMax} * 6 + kFileNameMax * kFileGrowthMax + kTailEndMax);
}

void UrlTail::append_file(std::string_view file, bool xml) {
  for (const char c : file) {
    if (!is_plain_in_path(c)) {
      append_encoded(c, text_);
    } else if (xml && c == '&') {
      text_.append("&amp;");
    } else {
      text_.append(c);
    }
  }
}

void UrlTail::set(std::string_view subpath, const DirectoryChoice& choice, bool xml) {
  text_.clear();
  if (!subpath.empty()) {
    text_.append('/');
    text_.append(subpath);
  }
  if (choice.is_directory || !text_.text().ends_with('/')) text_.append('/');
  append_file(choice.file, xml);
}

void UrlTail::set_plain(const SnapshotView& view, const DirectoryChoice& choice,
                        std::string_view end) {
  set(view.text(view.directories[choice.directory].subpath()), choice, false);
  text_.append(end);
}

void UrlTail::set_xml(const SnapshotView& view, const DirectoryChoice& choice,
                      std::string_view end) {
  set(view.text(view.directories[choice.directory].xml_subpath()), choice, true);
  text_.append(end);
}

void append_for_header(std::string_view text, TextBuffer& out) {
  for (const char c : text) {
    if (is_graphic_ascii(c)) {
      out.append(c);
    } else {
      append_encoded(c, out);
    }
  }
}

}  // namespace mirror

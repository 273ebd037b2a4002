#include "scanner/repomd.h"

#include <expat.h>

#include <algorithm>
#include <memory>
#include <string>
#include <type_traits>

#include "base/core/text.h"
#include "scanner/limits.h"

namespace mirror {
namespace {

constexpr char kNamespaceSeparator = '\n';
constexpr size_t kTimestampBytesMax = 64;
constexpr int64_t kTimestampMax = int64_t{1} << 40;  // the year 36812: what is later is garbage

struct FreeParser {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

// "1700000000" or "1700000000.25"; nullopt for everything else.
std::optional<int64_t> read_timestamp(std::string_view text) {
  text = trim(text);
  const auto point = text.find('.');
  if (point != std::string_view::npos) {
    const std::string_view fraction = text.substr(point + 1);
    if (!std::all_of(fraction.begin(), fraction.end(),
                     [](char c) { return c >= '0' && c <= '9'; })) {
      return std::nullopt;
    }
    text = text.substr(0, point);
  }
  const auto seconds = parse_int64(text);
  if (!seconds || *seconds < 0 || *seconds > kTimestampMax) return std::nullopt;
  return seconds;
}

class RepomdReader {
 public:
  RepomdReader() : parser_(XML_ParserCreateNS(nullptr, kNamespaceSeparator)) {
    if (parser_ == nullptr) return;
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), on_start, on_end);
    XML_SetCharacterDataHandler(parser_.get(), on_text);
    XML_SetStartDoctypeDeclHandler(parser_.get(), on_doctype);
  }

  Result<RepomdFacts> read(std::string_view bytes) {
    if (parser_ == nullptr) return fail(ErrorKind::kSystem, "no memory for an XML parser");
    const auto status = XML_Parse(parser_.get(), bytes.data(), static_cast<int>(bytes.size()), 1);
    if (refusal_ != nullptr) return fail(refusal_kind_, "line {}: {}", line(), refusal_);
    if (status != XML_STATUS_OK) {
      return fail(ErrorKind::kInvalid, "line {}: {}", line(),
                  XML_ErrorString(XML_GetErrorCode(parser_.get())));
    }
    return facts_;
  }

 private:
  static void on_start(void* self, const XML_Char* name, const XML_Char**) {
    static_cast<RepomdReader*>(self)->start(local_name(name));
  }
  static void on_end(void* self, const XML_Char*) { static_cast<RepomdReader*>(self)->end(); }
  static void on_text(void* self, const XML_Char* text, int length) {
    static_cast<RepomdReader*>(self)->characters({text, static_cast<size_t>(length)});
  }
  static void on_doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    static_cast<RepomdReader*>(self)->refuse(ErrorKind::kInvalid, "a DOCTYPE is not accepted");
  }

  static std::string_view local_name(const XML_Char* name) {
    const std::string_view whole = name;
    return whole.substr(whole.rfind(kNamespaceSeparator) + 1);
  }

  void start(std::string_view name) {
    ++depth_;
    if (depth_ > scan_limits::kRepomdDepthMax) refuse(ErrorKind::kLimit, "elements lie too deep");
    if (++elements_ > scan_limits::kRepomdElementsMax)
      refuse(ErrorKind::kLimit, "too many elements");
    if (depth_ == 1 && name != "repomd")
      refuse(ErrorKind::kInvalid, "the root element is not repomd");
    if (depth_ == 2) in_data_ = name == "data";
    if (depth_ == 3) in_timestamp_ = in_data_ && name == "timestamp";
    if (in_timestamp_ && depth_ == 3) text_.clear();
  }

  void end() {
    if (depth_ == 3 && in_timestamp_) {
      const auto timestamp = read_timestamp(text_);
      if (timestamp) facts_.timestamp = std::max(*timestamp, facts_.timestamp.value_or(0));
      in_timestamp_ = false;
    }
    --depth_;
  }

  void characters(std::string_view text) {
    // One byte beyond the limit already makes it no timestamp.
    if (in_timestamp_ && depth_ == 3)
      text_.append(
          text.substr(0, kTimestampBytesMax + 1 - std::min(text_.size(), kTimestampBytesMax + 1)));
  }

  void refuse(ErrorKind kind, const char* why) {
    if (refusal_ == nullptr) {
      refusal_ = why;
      refusal_kind_ = kind;
    }
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  [[nodiscard]] unsigned long line() const { return XML_GetCurrentLineNumber(parser_.get()); }

  std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser> parser_;
  RepomdFacts facts_;
  std::string text_;
  int depth_ = 0;
  size_t elements_ = 0;
  bool in_data_ = false;
  bool in_timestamp_ = false;
  const char* refusal_ = nullptr;  // why, a literal
  ErrorKind refusal_kind_ = ErrorKind::kInvalid;
};

}  // namespace

Result<RepomdFacts> parse_repomd(std::string_view bytes) {
  if (bytes.size() > scan_limits::kRepomdBytesMax) {
    return fail(ErrorKind::kLimit, "more than {} bytes", scan_limits::kRepomdBytesMax);
  }
  if (bytes.empty()) return fail(ErrorKind::kInvalid, "empty");
  RepomdReader reader;
  return reader.read(bytes);
}

}  // namespace mirror

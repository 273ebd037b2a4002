// What a client asks: the request target, taken apart. Specified by the observable behaviour of
// MirrorManager's mirrorlist-server, with percent-decoding of names and values added (RFC 3986
// section 2.1;
// '+' is a plus sign, directories are named so).
//
// Hostile input. A value that would be echoed and holds a control byte, a non-character or no UTF-8
// makes the question a refusal, so that nothing a client sends can add a line to a list or a
// header, or break XML.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <tl/expected.hpp>

#include "edge/answer/limits.h"
#include "edge/answer/refusal.h"
#include "edge/answer/text_buffer.h"

namespace mirror {

enum class Resource : uint8_t { kMirrorlist, kMetalink };

struct Question {
  Resource resource = Resource::kMirrorlist;
  bool has_path = false;        // else repository and arch were given
  bool has_repository = false;  // repo= and arch= were both given, perhaps besides path=
  bool use_networks = true;     // the netblock and AS steps: no country= and netblock= absent or 1
  bool has_protocol = false;
  bool wants_time = false;
  bool wants_redirect = false;  // never set for a metalink
  std::string_view path, repository, arch, ip;
  std::string_view protocol;                    // as sent, decoded
  std::span<const std::string_view> countries;  // sorted by bytes, without duplicates
  std::span<const std::string_view> protocols;  // likewise
};

// Appends the text with each `%XX` as the byte that it means; what is no such triple stays.
// REQUIRES: room for the text.
void append_decoded(std::string_view text, TextBuffer& out);

// Takes targets apart. Owns what decoding and splitting need; one object a thread. read() does not
// allocate, and a Question points into the target and into this object: it is valid until the next
// read().
class QuestionReader {
 public:
  QuestionReader();

  struct Refused {
    Refusal refusal;
    Resource resource = Resource::kMirrorlist;  // decides the form of the refusal
  };
  [[nodiscard]] tl::expected<Question, Refused> read(std::string_view target);

 private:
  struct Values;
  [[nodiscard]] std::string_view decode(std::string_view text);
  void read_query(std::string_view query, Values& values);
  [[nodiscard]] tl::expected<Question, Refusal> interpret(const Values& values, Resource resource);

  TextBuffer decoded_;
  std::array<std::string_view, kRequestedCountriesMax> countries_;
  std::array<std::string_view, kRequestedProtocolsMax> protocols_;
};

}  // namespace mirror

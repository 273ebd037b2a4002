#include "edge/http/http_connection.h"

#include <cstring>

#include "base/core/assert.h"
#include "base/core/text.h"

namespace mirror {
namespace {

// Header names in upper case.
constexpr std::string_view kForwardedFor = "X-FORWARDED-FOR";
constexpr std::string_view kTransferEncoding = "TRANSFER-ENCODING";

static_assert(kForwardedForMax < 255, "forwarded_for_count_ has 8 bits");

bool is_named(std::string_view name, std::string_view upper_case) {
  if (name.size() != upper_case.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (upper_ascii(name[i]) != upper_case[i]) return false;
  }
  return true;
}

// What llhttp's strict mode still accepts: a line feed without a carriage return before it; a line
// that begins with a blank (obs-fold, RFC 9112 section 5.2) or with a colon (an empty header name).
// Looks at the bytes from `from` on and at the one before, which an earlier read may have brought.
bool lines_are_clean(std::string_view bytes, size_t from) {
  size_t at = from == 0 ? 0 : from - 1;
  while (at < bytes.size()) {
    const auto* feed =
        static_cast<const char*>(std::memchr(bytes.data() + at, '\n', bytes.size() - at));
    if (feed == nullptr) return true;
    const auto index = static_cast<size_t>(feed - bytes.data());
    if (index == 0 || bytes[index - 1] != '\r') return false;
    at = index + 1;
    if (at < bytes.size() && (bytes[at] == ' ' || bytes[at] == '\t' || bytes[at] == ':'))
      return false;
  }
  return true;
}

// A client may send empty lines before a request (RFC 9112 section 2.2), and llhttp passes over any
// number of carriage returns there.
bool begin_is_clean(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size() && bytes[at] == '\r') {
    if (at + 1 < bytes.size() && bytes[at + 1] != '\n') return false;
    at += 2;
  }
  return true;
}

// llhttp has refused control bytes, blanks and bytes above 0x7f. Quotes and angle brackets may not
// stand in a target at all, a backtick only in its query.
bool target_is_clean(std::string_view target) {
  // One pass: std::string_view::find_first_of() calls memchr for each byte.
  bool in_query = false;
  for (const char c : target) {
    if (c == '"' || c == '<' || c == '>' || (c == '`' && !in_query)) return false;
    in_query = in_query || c == '?';
  }
  return true;
}

HttpConnection& connection_of(llhttp_t* parser) {
  return *static_cast<HttpConnection*>(parser->data);
}

}  // namespace

struct HttpConnection::Callbacks {
  static int on_url(llhttp_t* parser, const char* at, size_t length) {
    auto& self = connection_of(parser);
    self.extend(&self.target_, at, length);
    if (self.target_.size <= self.limits_->target_bytes) return HPE_OK;
    return self.refuse(RequestFault::kTargetTooLong, "the request target is too long");
  }

  static int on_version(llhttp_t* parser, const char* at, size_t) {
    auto& self = connection_of(parser);
    // The rest of one that an earlier read has begun.
    if (self.has_version_) return HPE_OK;
    self.has_version_ = true;
    // llhttp knows RTSP and ICE as well.
    constexpr std::string_view kProtocol = "HTTP/";
    const std::string_view before(self.base_, static_cast<size_t>(at - self.base_));
    if (before.ends_with(kProtocol)) return HPE_OK;
    return self.refuse(RequestFault::kVersion, "only HTTP/1 is supported");
  }

  static int on_header_field(llhttp_t* parser, const char* at, size_t length) {
    auto& self = connection_of(parser);
    self.extend(&self.field_, at, length);
    return HPE_OK;
  }

  static int on_header_value(llhttp_t* parser, const char* at, size_t length) {
    auto& self = connection_of(parser);
    self.extend(&self.value_, at, length);
    return HPE_OK;
  }

  static int on_header_value_complete(llhttp_t* parser) {
    auto& self = connection_of(parser);
    const Piece field = self.field_;
    const Piece value = self.value_;
    self.field_ = {};
    self.value_ = {};
    if (++self.header_count_ > self.limits_->headers)
      return self.refuse(RequestFault::kTooManyHeaders, "too many headers");
    const std::string_view name(self.base_ + field.begin, field.size);
    // By name, since llhttp does not notice the header when its value is empty.
    if (is_named(name, kTransferEncoding)) {
      return self.refuse(RequestFault::kMalformed, "a request has no transfer coding here");
    }
    if (!is_named(name, kForwardedFor)) return HPE_OK;
    if (self.forwarded_for_count_ == kForwardedForMax) {
      return self.refuse(RequestFault::kMalformed, "too many X-Forwarded-For lines");
    }
    self.forwarded_for_[self.forwarded_for_count_++] = value;
    return HPE_OK;
  }

  static int on_headers_complete(llhttp_t* parser) {
    auto& self = connection_of(parser);
    if (!self.has_version_)
      return self.refuse(RequestFault::kMalformed, "HTTP/0.9 is not supported");
    if (parser->http_major != 1)
      return self.refuse(RequestFault::kVersion, "only HTTP/1 is supported");
    if (parser->method != HTTP_GET && parser->method != HTTP_HEAD) {
      return self.refuse(RequestFault::kMethod, "only GET and HEAD are allowed");
    }
    if ((parser->flags & F_CONTENT_LENGTH) != 0 && parser->content_length > 0) {
      return self.refuse(RequestFault::kBody, "a request has no body here");
    }
    return HPE_OK;
  }

  static int on_message_complete(llhttp_t* parser) {
    // Asked here, because the parser forgets it with the next byte.
    connection_of(parser).keep_alive_ = llhttp_should_keep_alive(parser) != 0;
    return HPE_PAUSED;
  }
};

const llhttp_settings_t HttpConnection::kSettings = [] {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = Callbacks::on_url;
  settings.on_version = Callbacks::on_version;
  settings.on_header_field = Callbacks::on_header_field;
  settings.on_header_value = Callbacks::on_header_value;
  settings.on_header_value_complete = Callbacks::on_header_value_complete;
  settings.on_headers_complete = Callbacks::on_headers_complete;
  settings.on_message_complete = Callbacks::on_message_complete;
  return settings;
}();

uint16_t RequestRefusal::status() const {
  switch (fault) {
    case RequestFault::kMalformed:
      return 400;
    case RequestFault::kMethod:
      return 405;
    case RequestFault::kVersion:
      return 505;
    case RequestFault::kBody:
      return 413;
    case RequestFault::kTargetTooLong:
      return 414;
    case RequestFault::kHeadTooLarge:
    case RequestFault::kTooManyHeaders:
      return 431;
  }
  return 400;
}

HttpConnection::HttpConnection(const RequestLimits& limits) : limits_(&limits) { reset(limits); }

void HttpConnection::reset(const RequestLimits& limits) {
  limits_ = &limits;
  begin_request();
  is_refused_ = false;
  refusal_ = {};
}

void HttpConnection::begin_request() {
  llhttp_init(&parser_, HTTP_REQUEST, &kSettings);
  parser_.data = this;
  parsed_ = 0;
  target_ = {};
  field_ = {};
  value_ = {};
  forwarded_for_count_ = 0;
  header_count_ = 0;
  has_version_ = false;
  keep_alive_ = false;
}

int HttpConnection::refuse(RequestFault fault, std::string_view reason) {
  is_refused_ = true;
  refusal_ = {fault, reason};
  return HPE_USER;
}

HttpConnection::Outcome HttpConnection::refused(RequestFault fault, std::string_view reason) {
  static_cast<void>(refuse(fault, reason));
  return Outcome::kRefused;
}

void HttpConnection::extend(Piece* piece, const char* at, size_t length) const {
  if (piece->size == 0) piece->begin = static_cast<uint32_t>(at - base_);
  piece->size += static_cast<uint32_t>(length);
}

HttpConnection::Outcome HttpConnection::parse(std::string_view bytes, RequestHead* head) {
  if (is_refused_) return Outcome::kRefused;
  MIRROR_ASSERT(bytes.size() >= parsed_);
  const size_t from = parsed_;
  // Beyond the limit nothing is parsed: what lies there belongs to the next request or to none.
  const auto within = bytes.substr(0, limits_->head_bytes);
  base_ = bytes.data();
  const auto error = llhttp_execute(&parser_, base_ + from, within.size() - from);
  if (is_refused_) return Outcome::kRefused;
  size_t end = within.size();
  if (error == HPE_PAUSED) end = static_cast<size_t>(llhttp_get_error_pos(&parser_) - base_);
  if (error != HPE_OK && error != HPE_PAUSED) return refuse_parse_error(error);
  if (!begin_is_clean(within.substr(0, end)) || !lines_are_clean(within.substr(0, end), from)) {
    return refused(RequestFault::kMalformed,
                   "a bare line end, a folded header line or an empty header name");
  }
  if (error == HPE_PAUSED) return finish_request(bytes, end, head);
  parsed_ = static_cast<uint32_t>(end);
  if (parsed_ == limits_->head_bytes)
    return refused(RequestFault::kHeadTooLarge, "the request head is too large");
  return Outcome::kIncomplete;
}

HttpConnection::Outcome HttpConnection::refuse_parse_error(llhttp_errno_t error) {
  if (error == HPE_INVALID_VERSION)
    return refused(RequestFault::kVersion, "unknown protocol version");
  return refused(RequestFault::kMalformed, "malformed request");
}

HttpConnection::Outcome HttpConnection::finish_request(std::string_view bytes, size_t size,
                                                       RequestHead* head) {
  const auto target = text(bytes, target_);
  if (!target_is_clean(target))
    return refused(RequestFault::kMalformed, "a byte that a target may not hold");
  head->method = parser_.method == HTTP_HEAD ? RequestMethod::kHead : RequestMethod::kGet;
  head->keep_alive = keep_alive_;
  head->announce_keep_alive = keep_alive_ && parser_.http_minor == 0;
  head->target = target.substr(0, target.find('#'));
  head->size = size;
  head->forwarded_for_count = forwarded_for_count_;
  for (size_t i = 0; i < forwarded_for_count_; ++i) {
    head->forwarded_for_values[i] = trim(text(bytes, forwarded_for_[i]));
  }
  begin_request();
  return Outcome::kRequest;
}

}  // namespace mirror

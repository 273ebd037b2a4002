// The receiving side of one HTTP/1 connection, without any input or output of its own: bytes in,
// request heads or a refusal out (RFC 9112). The parser is llhttp 8.1 in strict mode; a guard of
// ours refuses what that still lets through: bare line feeds, folded header lines (CVE-2024-27982)
// and empty header names. Requests with a body or a transfer coding are refused, so that no byte of
// a body is ever taken as a request.
//
// The caller keeps the bytes: it hands in everything that it holds from the first byte of the
// current request on, again and longer each time, and cuts off RequestHead::size bytes once a
// request is whole. The bytes may move between calls. One object a connection, used by one thread;
// does not allocate.
#pragma once

#include <llhttp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "edge/http/request_head.h"

namespace mirror {

class HttpConnection {
 public:
  enum class Outcome : uint8_t {
    kIncomplete,  // more bytes are needed
    kRequest,     // `head` is filled; the next call of parse() begins the next request
    kRefused,     // refusal() says why; the object takes no more bytes until reset()
  };

  // `limits` must outlive the object.
  explicit HttpConnection(const RequestLimits& limits = kDefaultRequestLimits);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // For a new connection.
  void reset(const RequestLimits& limits);

  // `bytes` begins with the first byte of the current request. Bytes that an earlier call has seen
  // are not parsed again: the total work is linear in the bytes of the connection.
  [[nodiscard]] Outcome parse(std::string_view bytes, RequestHead* head);

  // REQUIRES: the last call of parse() returned kRefused.
  [[nodiscard]] const RequestRefusal& refusal() const { return refusal_; }

  // True if a part of a request has come.
  [[nodiscard]] bool inside_request() const { return parsed_ > 0; }

 private:
  // A piece of the bytes by its place, since the bytes may move.
  struct Piece {
    uint32_t begin = 0;
    uint32_t size = 0;
  };
  struct Callbacks;
  static const llhttp_settings_t kSettings;

  void begin_request();
  [[nodiscard]] int refuse(RequestFault fault, std::string_view reason);
  [[nodiscard]] Outcome refused(RequestFault fault, std::string_view reason);
  [[nodiscard]] Outcome refuse_parse_error(llhttp_errno_t error);
  [[nodiscard]] Outcome finish_request(std::string_view bytes, size_t size, RequestHead* head);
  void extend(Piece* piece, const char* at, size_t length) const;
  [[nodiscard]] static std::string_view text(std::string_view bytes, const Piece& piece) {
    return bytes.substr(piece.begin, piece.size);
  }

  const RequestLimits* limits_;
  llhttp_t parser_{};
  const char* base_ = nullptr;  // where the bytes of the call in progress begin
  uint32_t parsed_ = 0;         // bytes of the current request that the parser has taken
  Piece target_;
  Piece field_;
  Piece value_;
  std::array<Piece, kForwardedForMax> forwarded_for_{};
  uint32_t header_count_ = 0;
  uint8_t forwarded_for_count_ = 0;
  bool has_version_ = false;
  bool keep_alive_ = false;
  bool is_refused_ = false;
  RequestRefusal refusal_;
};

}  // namespace mirror

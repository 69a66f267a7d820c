// HTTP/1.1 messages (RFC 9112) out of bytes that somebody else has read. Beast's parser does the work; this
// is the only header of it that others see, so that one translation unit pays for it.
//
// Heads come whole (head_end finds the end); bodies come in any pieces. What RFC 9112 says about request
// smuggling holds: Content-Length with Transfer-Encoding, two different lengths, or a transfer coding that is
// not "chunked", make the message bad.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "ports/http.h"

namespace dray::net {

// Bytes up to and including the empty line after the head; npos = not there yet. `from`: where a former look
// ended.
std::size_t head_end(std::string_view bytes, std::size_t from = 0);

// What one look at body bytes gave. `piece` points into the bytes that were given.
struct BodyStep {
  std::size_t used = 0;
  std::string_view piece;
  bool done = false;
  bool bad = false;
};

class RequestParser {
 public:
  RequestParser();
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  // Starts a new message. Fills method, target (origin form), headers and length. 0, or the status to refuse
  // with.
  int parse_head(std::string_view head, HttpRequest& out);
  // May these bytes still become a head? Looked at once in a while, so that a client that does not speak HTTP
  // (TLS to the plain port) is told at once and not after the time limit.
  static bool may_become_head(std::string_view part);

  bool has_body() const;
  bool keep_alive() const;  // as the client asked and its version implies
  bool is_http10() const;
  BodyStep parse_body(std::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ResponseParser {
 public:
  ResponseParser();
  ~ResponseParser();
  ResponseParser(ResponseParser&&) noexcept;
  ResponseParser& operator=(ResponseParser&&) noexcept;

  // Starts a new message; false = not HTTP. to_head: it answers HEAD, so it has no body whatever it says.
  bool parse_head(std::string_view head, bool to_head, int& status, Headers& headers);

  bool has_body() const;
  bool keep_alive() const;
  bool ends_with_connection() const;  // neither a length nor chunks: EOF is the end
  BodyStep parse_body(std::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dray::net

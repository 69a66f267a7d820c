// The head of a response as bytes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "ports/http.h"

namespace dray::net {

// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" (RFC 9110 section 5.6.7).
std::string date_line(WallTime time);

struct HeadFacts {
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool to_http10 = false;
  std::string_view date_line;
};

// Appends status line and headers, up to and including the empty line. Content-Length always (but for 204 and
// 304, where RFC 9110 section 8.6 forbids one that is not the resource's), Connection where it says
// something. What a handler set of these itself is left out; CR, LF and NUL in its values become spaces.
void append_head(std::string& out, const HttpResponse& response, const HeadFacts& facts);

std::string_view reason_phrase(int status);

}  // namespace dray::net

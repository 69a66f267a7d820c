// Absolute http URLs (RFC 3986), as much of them as a client of ours needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dray::net {

struct Url {
  std::string host;  // name or address; an IPv6 address without its brackets
  std::uint16_t port = 80;
  std::string target = "/";  // "/path?query" as it goes into the request line
  std::string authority;     // "host:port" as it goes into Host
};

// kInvalid, with words: no absolute URL, a scheme that is not http, user information, blanks. A fragment is
// dropped.
Result<Url> parse_url(std::string_view text);

}  // namespace dray::net

// What an answer to "this file, from byte N on" is worth, told by its head: whoever is on the way (a portal, a cache, a proxy
// that knows no ranges) may answer something else, and nothing that is here already is given up for it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dray::wire {

struct FileWish {
  std::uint64_t size = 0;  // of the whole file
  std::uint64_t have = 0;  // bytes that are here, from its start; fewer than size, or both 0
  std::string tag;         // the file's, without quotes; empty: not known
};

struct FileHead {
  int status = 0;  // 200 or 206
  std::optional<std::string_view> tag, range, length;  // ETag, Content-Range, Content-Length
};

// How many bytes at the start of the body are here already; the next one is the first that is missing. kInvalid, with the
// reason: not a body of this file, or nothing in it that is missing. The tag is compared weakly; an answer without one
// (some proxies take it away) has to name the file's length.
Result<std::uint64_t> already_here(const FileHead& head, const FileWish& wish);

}  // namespace dray::wire

// Range, If-Range, If-Match and If-None-Match of a file, decided above the cut: RFC 9110 section 14, with hawkBit's answers where they
// differ (a malformed Range is 416, If-Match compares the bare or the quoted tag). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dray::wire {

struct ByteRange {
  std::uint64_t offset = 0, length = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct FileQuestion {
  std::optional<std::string_view> range, if_range, if_match, if_none_match;
  bool is_get = true;              // Range is for GET only
  std::uint64_t size = 0;
  std::string_view tag;            // without quotes
  std::string_view last_modified;  // HTTP date; empty = none
};

// 200: everything (ranges empty) · 206: ranges (one, or several that do not overlap, sorted as asked) · 304 · 412 · 416
struct FileAnswer {
  int status = 200;
  std::vector<ByteRange> ranges;
};
FileAnswer answer_range(const FileQuestion& question);
// "bytes 0-99/812"; for 416 "bytes */812".
std::string content_range(const ByteRange& range, std::uint64_t size);
std::string unsatisfied_range(std::uint64_t size);

}  // namespace dray::wire

#include "wire/range.h"

#include <algorithm>
#include <charconv>

#include "wire/http_fields.h"

namespace dray::wire {
namespace {

constexpr std::size_t kMostRanges = 64;

// A number that is too large for us lies behind the end of every file, and is clipped like any other that does.
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size()) return {};
  if (error == std::errc::result_out_of_range) return UINT64_MAX;
  if (error != std::errc{}) return {};
  return value;
}

// One "a-b", "a-" or "-n" of a file of `size` bytes; nothing where it can't be satisfied.
std::optional<ByteRange> parse_one(std::string_view text, std::uint64_t size) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos || size == 0) return {};
  const auto first = text.substr(0, dash);
  const auto last = text.substr(dash + 1);
  if (first.empty()) {
    const auto tail = number(last);
    if (!tail || *tail == 0) return {};
    const auto length = std::min(*tail, size);
    return ByteRange{size - length, length};
  }
  const auto from = number(first);
  if (!from || *from >= size) return {};
  if (last.empty()) return ByteRange{*from, size - *from};
  const auto to = number(last);
  if (!to || *to < *from) return {};
  return ByteRange{*from, std::min(*to, size - 1) - *from + 1};
}

bool overlap(std::vector<ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  for (std::size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i - 1].offset + ranges[i - 1].length > ranges[i].offset) return true;
  return false;
}

std::optional<std::vector<ByteRange>> parse_ranges(std::string_view header, std::uint64_t size) {
  header = trimmed(header);
  if (!header.starts_with("bytes=")) return {};
  header.remove_prefix(6);
  std::vector<ByteRange> ranges;
  while (true) {
    const auto comma = header.find(',');
    const auto range = parse_one(trimmed(header.substr(0, comma)), size);
    if (!range || ranges.size() == kMostRanges) return {};
    ranges.push_back(*range);
    if (comma == std::string_view::npos) break;
    header.remove_prefix(comma + 1);
  }
  if (overlap(ranges)) return {};
  return ranges;
}

// Strongly compared (RFC 9110 section 13.1.5): a weak tag never holds, then everything is sent.
bool if_range_holds(std::string_view if_range, const FileQuestion& q) {
  if_range = trimmed(if_range);
  if (if_range.size() == q.tag.size() + 2 && if_range.front() == '"' && if_range.back() == '"')
    return if_range.substr(1, q.tag.size()) == q.tag;
  const auto asked = parse_http_date(if_range), changed = parse_http_date(q.last_modified);
  return asked && changed && *asked >= *changed;
}

bool if_match_holds(std::string_view if_match, std::string_view tag) {
  while (true) {
    const auto comma = if_match.find(',');
    auto one = trimmed(if_match.substr(0, comma));
    if (one == "*" || one == tag) return true;
    if (one.size() == tag.size() + 2 && one.front() == '"' && one.back() == '"' && one.substr(1, tag.size()) == tag)
      return true;
    if (comma == std::string_view::npos) return false;
    if_match.remove_prefix(comma + 1);
  }
}

}  // namespace

FileAnswer answer_range(const FileQuestion& question) {
  if (question.if_match && !if_match_holds(*question.if_match, question.tag)) return {412, {}};
  if (question.if_none_match && none_match(*question.if_none_match, "\"" + std::string{question.tag} + "\"")) return {304, {}};
  if (!question.is_get || !question.range) return {};
  if (question.if_range && !if_range_holds(*question.if_range, question)) return {};
  auto ranges = parse_ranges(*question.range, question.size);
  if (!ranges) return {416, {}};
  return {206, std::move(*ranges)};
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.offset) + "-" + std::to_string(range.offset + range.length - 1) + "/" +
         std::to_string(size);
}

std::string unsatisfied_range(std::uint64_t size) { return "bytes */" + std::to_string(size); }

}  // namespace dray::wire

#include "wire/file_answer.h"

#include <charconv>

#include "wire/http_fields.h"

namespace dray::wire {
namespace {

struct Span {
  std::uint64_t first = 0, last = 0;
  std::optional<std::uint64_t> size;  // none: "*"
};

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// "bytes 100-811/812", "bytes 100-811/*".
std::optional<Span> parse_content_range(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with("bytes ")) return {};
  text.remove_prefix(6);
  const auto dash = text.find('-'), slash = text.find('/');
  if (dash == text.npos || slash == text.npos || slash < dash) return {};
  const auto first = whole_number(text.substr(0, dash)), last = whole_number(text.substr(dash + 1, slash - dash - 1));
  const std::string_view size = text.substr(slash + 1);
  const auto all = whole_number(size);
  if (!first || !last || *last < *first || (!all && size != "*")) return {};
  return Span{*first, *last, all};
}

Error not_it(std::string why) { return {ErrorCode::kInvalid, std::move(why)}; }
std::string as_it_came(std::string_view text) { return "'" + std::string{text.substr(0, 80)} + "'"; }

}  // namespace

Result<std::uint64_t> already_here(const FileHead& head, const FileWish& wish) {
  if (head.tag && !wish.tag.empty() && !same_tag(*head.tag, "\"" + wish.tag + "\""))
    return not_it("the answer is another file's: its ETag is " + as_it_came(*head.tag));
  Span body{0, wish.size - (wish.size > 0 ? 1 : 0), wish.size};
  if (head.status == 206) {
    const auto range = head.range ? parse_content_range(*head.range) : std::nullopt;
    if (!range) return not_it("the answer is a part of something: its Content-Range is " + as_it_came(head.range.value_or("")));
    body = *range;
  }
  if (body.size.value_or(wish.size) != wish.size || (wish.size > 0 && body.last >= wish.size))
    return not_it("the answer is a part of another file: " + as_it_came(head.range.value_or("")) + ", it has " + std::to_string(wish.size) + " bytes");
  if (body.first > wish.have || (wish.size > 0 && body.last < wish.have))
    return not_it("asked from byte " + std::to_string(wish.have) + ", got " + as_it_came(head.range.value_or("")));
  const std::uint64_t due = wish.size == 0 ? 0 : body.last - body.first + 1;
  if (head.length && whole_number(trimmed(*head.length)) != due)
    return not_it("the answer has " + std::string{head.length->substr(0, 20)} + " bytes, not " + std::to_string(due));
  if (!wish.tag.empty() && !head.tag && !head.length && !(head.status == 206 && body.size))
    return not_it("nothing in the answer says that it is the file: it has no ETag and no length");
  return wish.have - body.first;
}

}  // namespace dray::wire

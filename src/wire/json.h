// Reading JSON into values with errors that name the field and the limit: "assignments[0].expires_at: is
// missing". Writing is plain Boost.JSON.
//
// Decoding functions throw BadField inside wire/ and are wrapped by decode(), which gives a Result: nested
// decoding without an if after every member, and no exception leaves.
//
// Trap: json::value{x} with braces makes an array of one; write json::value(x).
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "base/time.h"
#include "wire/limits.h"

namespace dray::wire {

namespace json = boost::json;

// Strict JSON (RFC 8259) with a depth limit of 32.
Result<json::value> parse_json(std::string_view text);
// As real DDI clients send it: raw control characters inside strings are taken as they are (swupdate puts a newline
// into status.details), bytes that are no UTF-8 and halves of surrogate pairs become U+FFFD; everything else strict.
Result<json::value> parse_sloppy_json(std::string_view text);
// The same as hawkBit reads it: a byte order mark before it is skipped, and what stands behind its end is not looked at (a
// client in C that sends the NUL of its string).
Result<json::value> parse_device_json(std::string_view text);

struct BadField {
  std::string message;
};

// A value and where it stands. Members are looked up with at() (must be there) or maybe() (absent or null =
// empty optional); conversions check type and range.
class Node {
 public:
  Node(const json::value& value, std::string path) : value_{&value}, path_{std::move(path)} {}

  Node at(std::string_view key) const;
  std::optional<Node> maybe(std::string_view key) const;

  std::string text(std::size_t longest = kLongestSentence) const;  // as it is; refused where it is longer, in bytes
  std::string cleaned(std::size_t longest) const;                  // for people: clean_text(), never refused for its length
  std::string name(std::size_t longest) const;  // of something at a site: plain_name(), refused where that is longer
  std::string line(std::size_t longest) const;  // of people, who can mend it: refused where it is longer, or has controls
  std::string cleaned_characters(std::size_t longest) const;       // the same with a limit of characters
  std::string version() const;  // clean_version(), never refused
  std::int64_t integer(std::int64_t least = -kMostInteger, std::int64_t most = kMostInteger) const;
  std::uint64_t size(std::int64_t most = kMostInteger) const;  // integer >= 0
  double number() const;
  bool boolean() const;
  WallTime time() const;       // RFC 3339
  Sha256 sha256() const;

  // Calls f(Node) for every element; at most `most` of them.
  template <class F>
  void each(F f, std::size_t most = 1'000'000) const {
    const json::array& items = array(most);
    for (std::size_t i = 0; i < items.size(); ++i) f(Node{items[i], path_ + "[" + std::to_string(i) + "]"});
  }
  // Calls f(key, Node) for every member.
  template <class F>
  void members(F f) const {
    for (const auto& [key, value] : object()) f(std::string_view{key}, Node{value, child(key)});
  }

  const json::object& object() const;
  const json::array& array(std::size_t most = 1'000'000) const;
  const json::value& value() const { return *value_; }
  const std::string& path() const { return path_; }
  [[noreturn]] void refuse(std::string_view why) const;  // throws BadField "path: why"
  // Throws where the object has a member that is not in `known`.
  void only(std::initializer_list<std::string_view> known) const;

 private:
  std::string child(std::string_view key) const;
  const json::string& string() const;
  const json::value* value_;
  std::string path_;
};

// Runs f(Node) on parsed text; a BadField becomes kInvalid.
template <class T, class F>
Result<T> decode(const Result<json::value>& parsed, F f) {
  if (!parsed) return parsed.error();
  try {
    return f(Node{*parsed, ""});
  } catch (const BadField& bad) {
    return Error{ErrorCode::kInvalid, bad.message};
  }
}

std::string to_text(const json::value& value);

}  // namespace dray::wire

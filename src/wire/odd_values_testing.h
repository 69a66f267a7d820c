// Values that somebody outside may send, for table tests: texts around every limit, texts that are none,
// numbers at the ends of every type; and every place of a message where they can stand.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/text.h"
#include "wire/json.h"

namespace dray::wire::testing {

inline const std::string kSha(64, 'c');
inline bool is_text(const json::value& v) { return v.is_string(); }

// Characters of one to four bytes.
inline const std::vector<std::string>& characters() {
  static const std::vector<std::string> all{"a", "ä", "漢", "🛒"};
  return all;
}

inline std::string repeated(const std::string& one, std::size_t count) {
  std::string out;
  out.reserve(one.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += one;
  return out;
}

// `limit` in bytes and in characters: one below, at it, one above, with characters of every length; and with
// one byte in front, so that a cut at the limit falls into a character.
inline std::vector<std::string> texts_around(std::size_t limit) {
  std::vector<std::string> out;
  for (const std::string& c : characters())
    for (const std::size_t n : {limit - 1, limit, limit + 1}) {
      out.push_back(repeated(c, n));
      out.push_back(repeated(c, n / c.size()));
      out.push_back("x" + repeated(c, n / c.size()));
      out.push_back(repeated(c, n / c.size()) + std::string(n % c.size(), 'x'));
    }
  return out;
}

// Bytes that are no text, or none for a line.
inline std::vector<std::string> odd_bytes() {
  using namespace std::string_literals;
  return {"kasse-\xFC",
          "\xC3",
          "a\xE2\x82",
          "\xF0\x9F\x9B",
          "\xED\xA0\x80\xED\xB0\x80",
          "\xC0\xAF",
          "\xFF\xFE",
          "a\0b"s,
          "one\r\ntwo\n",
          "\x1b[31mred\x1b[0m",
          "\x7f\t\v",
          "\u0085\u009B1m",
          "\u202Egnp\u2069",
          "\u2028\u2029",
          "\xEF\xBB\xBF"
          "bom",
          "\"quoted\\\"",
          "%FC%00%",
          "",
          " ",
          std::string(1 << 20, '\xE4'),
          repeated("ä", 1 << 19)};
}

inline std::vector<std::string> odd_texts() {
  std::vector<std::string> out = odd_bytes();
  for (const std::size_t limit :
       {std::size_t{16}, kLongestWord, kLongestBy, kLongestTitle, kLongestId, kLongestWhy, kLongestSentence})
    for (std::string& text : texts_around(limit)) out.push_back(std::move(text));
  return out;
}

// The same, fewer and valid: for each member of a message in turn, as strict JSON holds them.
inline std::vector<std::string> short_texts() {
  std::vector<std::string> out;
  for (std::string& text : odd_bytes())
    if (is_utf8(text) && text.size() < 1'000) out.push_back(std::move(text));
  for (const std::size_t limit : {kLongestWord, kLongestBy, kLongestTitle, kLongestId})
    for (const std::string& c : characters())
      for (const std::size_t n : {limit, limit + 1}) out.push_back(repeated(c, n));
  return out;
}

// As JSON writes them: integers above 2^63-1 and fractions included.
inline const std::vector<std::string>& hostile_numbers() {
  static const std::vector<std::string> all{"0",
                                            "1",
                                            "-1",
                                            "2147483647",
                                            "2147483648",
                                            "4294967296",
                                            "1099511627776",
                                            "1125899906842624",
                                            "9007199254740991",
                                            "9007199254740992",
                                            "9223372036854775807",
                                            "9223372036854775808",
                                            "18446744073709551615",
                                            "18446744073709551616",
                                            "-2147483649",
                                            "-9007199254740992",
                                            "-9223372036854775808",
                                            "1e300",
                                            "-1e300",
                                            "1e999",
                                            "0.5"};
  return all;
}

inline const std::vector<std::string>& hostile_times() {
  static const std::vector<std::string> all{"0000-01-01T00:00:00Z",      "0000-01-01T00:00:00+10:00",
                                            "0000-01-01T00:00:00-10:00", "9999-12-31T23:59:59.999Z",
                                            "9999-12-31T23:59:59-10:00", "9999-12-31T23:59:60Z",
                                            "1969-12-31T23:59:59Z",      "2026-02-30T00:00:00Z",
                                            "10000-01-01T00:00:00Z",     "-0001-01-01T00:00:00Z"};
  return all;
}

// Calls f(value, path) for everything that is no object and no array, wherever it stands; f may change it.
inline void each_leaf(json::value& value, const std::function<void(json::value&, const std::string&)>& f,
                      const std::string& path = "") {
  if (value.is_object())
    for (auto& member : value.get_object())
      each_leaf(member.value(), f, path + "." + std::string{member.key()});
  else if (value.is_array())
    for (std::size_t i = 0; i < value.get_array().size(); ++i)
      each_leaf(value.get_array()[i], f, path + "[" + std::to_string(i) + "]");
  else
    f(value, path);
}

// Calls f(text, path) for `document` with each of its leaves of the kind that `fits` replaced in turn by
// `with` (JSON).
inline void with_each_leaf(const std::string& document, const std::function<bool(const json::value&)>& fits,
                           const std::string& with,
                           const std::function<void(const std::string&, const std::string&)>& f) {
  constexpr std::string_view kMark = "\"\\u0001here\"";
  json::value value = json::parse(document);
  each_leaf(value, [&](json::value& leaf, const std::string& path) {
    if (!fits(leaf)) return;
    const json::value before = leaf;
    leaf = json::string{"\x01here"};
    std::string text = json::serialize(value);
    text.replace(text.find(kMark), kMark.size(), with);
    leaf = before;
    f(text, path);
  });
}

}  // namespace dray::wire::testing

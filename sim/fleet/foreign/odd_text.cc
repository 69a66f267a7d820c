#include "sim/fleet/foreign/odd_text.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace dray::sim::fleet {
namespace {

// What texts are made of. Latin-1, a cut character, controls, marks of direction, four bytes.
constexpr std::array<std::string_view, 14> kPieces{
    "x", "Z", " ", "\xc3\xa4", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xfc", "\xc3", "\n", "\x1b[31m", "\t", "\xe2\x80\xae", "\xed\xa0\x80"};
constexpr std::array<std::size_t, 12> kLimits{1, 64, 127, 128, 255, 256, 512, 1'024, 4'096, 8'192, 16'384, 20'000};
constexpr std::string_view kSigns =
    "abcXYZ019_-!@#$%^&*()+=[]{}|;:'\",.<>/\\? ";

}  // namespace

std::string odd_text(SimRandom& random) {
  const std::size_t limit = kLimits[random.uniform(kLimits.size())];
  const std::size_t length = limit + 2 - std::min<std::size_t>(limit + 2, random.uniform(5));
  const std::string_view first = kPieces[random.uniform(kPieces.size())];
  const std::string_view second = kPieces[random.uniform(3) == 0 ? random.uniform(kPieces.size()) : 0];
  std::string out;
  if (random.one_in(2)) out += 'x';  // so that the same limit falls into the middle of a character
  while (out.size() + std::max(first.size(), second.size()) <= length) out += random.one_in(40) ? second : first;
  return out;
}

std::string odd_version(SimRandom& random) {
  static constexpr std::size_t kLengths[] = {1, 5, 40, 127, 128};
  std::string out(kLengths[random.uniform(std::size(kLengths))], ' ');
  for (char& c : out) c = kSigns[random.uniform(kSigns.size())];
  return out;
}

std::string odd_json(SimRandom& random, std::string_view text) {
  static constexpr std::string_view kEscapes[] = {"\\u0000", "\\ud800", "\\udc00", "\\u202e", "\\uffff", "\\u001b"};
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  if (random.one_in(3)) out += kEscapes[random.uniform(std::size(kEscapes))];
  return out + "\"";
}

std::string odd_number(SimRandom& random) {
  static constexpr std::string_view kAll[] = {
      "9223372036854775807", "-9223372036854775808", "18446744073709551615", "9007199254740992", "2147483648", "-1", "1e308",
      "0.5",                 "4611686018427387904",  "9223372036854775808"};
  return std::string{kAll[random.uniform(std::size(kAll))]};
}

}  // namespace dray::sim::fleet

#include "adapters/toml/ascii.h"

#include <charconv>
#include <optional>

namespace dray::adapters {
namespace {

constexpr char kMark = '~', kEnd = ';';
constexpr std::size_t kLength = 4;  // "~C3;"

std::optional<char> marked(std::string_view text) {
  if (text.size() < kLength || text[0] != kMark || text[3] != kEnd) return {};
  unsigned byte = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 3, byte, 16);
  if (error != std::errc{} || end != text.data() + 3) return {};
  return static_cast<char>(byte);
}

}  // namespace

std::string to_ascii(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && c != kMark) {
      out += c;
      continue;
    }
    out += kMark;
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
    out += kEnd;
  }
  return out;
}

std::string from_ascii(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto byte = marked(text);
    out += byte.value_or(text[0]);
    text.remove_prefix(byte ? kLength : 1);
  }
  return out;
}

}  // namespace dray::adapters

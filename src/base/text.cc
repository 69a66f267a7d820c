#include "base/text.h"

#include <algorithm>
#include <cstdint>

namespace dray {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr char32_t kNoCharacter = 0xFFFFFFFF;

struct Character {
  char32_t code = kNoCharacter;  // kNoCharacter: its first byte belongs to none
  std::size_t length = 1;
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The first character of `text`, which is not empty. After table 3-7 of the Unicode standard.
Character first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
  char32_t code = lead & (0xFF >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return {};
    code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length};
}

bool misleads(char32_t code) {
  return (code >= 0x80 && code < 0xA0) || code == 0x2028 || code == 0x2029 || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

// What is shown for it: itself, its picture, or the replacement.
std::string shown(std::string_view bytes, char32_t code) {
  if (code == kNoCharacter || misleads(code)) return std::string{kReplacement};
  if (code == '\t') return " ";
  if (code < 0x20 || code == 0x7F)
    return {'\xE2', '\x90', static_cast<char>(0x80 + (code == 0x7F ? 0x21 : code))};  // U+2400 + code
  return std::string{bytes};
}

struct Limit {
  std::size_t bytes, characters;
};

std::string clean(std::string_view raw, Limit most) {
  std::string out;
  out.reserve(raw.size() < most.bytes ? raw.size() : most.bytes);
  for (std::size_t characters = 0; !raw.empty() && characters < most.characters; ++characters) {
    const Character one = first_of(raw);
    const std::string piece = shown(raw.substr(0, one.length), one.code);
    if (out.size() + piece.size() > most.bytes) break;
    out += piece;
    raw.remove_prefix(one.length);
  }
  return out;
}

}  // namespace

bool is_utf8(std::string_view text) { return valid_utf8(text) == text.size(); }

std::size_t valid_utf8(std::string_view text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const Character one = first_of(rest);
    if (one.code == kNoCharacter) break;
    rest.remove_prefix(one.length);
  }
  return text.size() - rest.size();
}

std::string lower_ascii(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view cut_text(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && is_continuation(text[most])) --most;
  return text.substr(0, most);
}

std::string_view cut_characters(std::string_view text, std::size_t most) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_continuation(text[i])) continue;
    if (most == 0) return text.substr(0, i);
    --most;
  }
  return text;
}

std::string clean_text(std::string_view raw, std::size_t most) { return clean(raw, {most, SIZE_MAX}); }

std::string clean_characters(std::string_view raw, std::size_t most) { return clean(raw, {SIZE_MAX, most}); }

namespace {

// The first line, without its end; drops both from `text`.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  return line;
}

}  // namespace

std::string clean_version(std::string_view raw, std::size_t most) {
  return std::string{trimmed(clean_characters(trimmed(raw), most))};
}

std::string clean_fields(std::string_view raw, std::size_t most) {
  std::string out;
  for (;;) {
    const std::size_t tab = std::min(raw.find('\t'), raw.size());
    out += clean_lines(raw.substr(0, tab), most - std::min(most, out.size()));
    if (tab == raw.size() || out.size() >= most) return out;
    out += '\t';
    raw.remove_prefix(tab + 1);
  }
}

std::string clean_lines(std::string_view raw, std::size_t most) {
  std::string out;
  while (!raw.empty() && out.size() < most) {
    const bool ends = raw.find('\n') != std::string_view::npos;
    out += clean_text(take_line(raw), most - out.size());
    if (ends && out.size() < most) out += '\n';
  }
  return out;
}

std::string one_line(std::string_view raw, std::size_t most) {
  std::string out;
  while (!raw.empty() && out.size() < most) {
    const std::string_view line = trimmed(take_line(raw));
    if (line.empty()) continue;
    if (!out.empty()) out += "; ";
    out += clean_text(line, most > out.size() ? most - out.size() : 0);
  }
  return out.size() > most ? std::string{cut_text(out, most)} : out;
}

namespace {

// Reads like an escape of clean_name(), though it is none: "%" and two of its digits.
bool looks_escaped(std::string_view text) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  return text.size() >= 3 && text[0] == '%' && digit(text[1]) && digit(text[2]);
}

// `whole`: also what only looks like an escape.
std::string escaped(std::string_view raw, bool whole) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  while (!raw.empty()) {
    const Character one = first_of(raw);
    const bool odd = one.code == kNoCharacter || one.code < 0x20 || one.code == 0x7F || misleads(one.code) || (whole && looks_escaped(raw));
    for (const char c : raw.substr(0, one.length)) {
      const auto byte = static_cast<unsigned char>(c);
      if (odd) {
        out += '%';
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
      } else {
        out += c;
      }
    }
    raw.remove_prefix(one.length);
  }
  return out;
}

}  // namespace

std::string clean_name(std::string_view raw) { return escaped(raw, true); }

std::string plain_name(std::string_view name) { return escaped(name, false); }

std::string mend_utf8(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  while (!raw.empty()) {
    const Character one = first_of(raw);
    out += one.code == kNoCharacter ? kReplacement : raw.substr(0, one.length);
    raw.remove_prefix(one.length);
  }
  return out;
}

}  // namespace dray

// Text from outside, made fit to keep and to show.
//
// Whatever comes from another program (HTTP, files, the output of children, configuration, URLs) goes through one of
// these where it comes in, so that everything behind it holds valid UTF-8 (RFC 3629) without control characters,
// which every writer can write and every reader here reads back. Pure; no errors: text is mended, never refused.
//
//   job.why = clean_text(from_device, kLongestWhy);
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dray {

// True where it is valid UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);
// How many bytes at its front are; text.size() where all are.
std::size_t valid_utf8(std::string_view text);

// The longest front of `text` that has at most `most` bytes and ends at a character. `text` is valid UTF-8.
std::string_view cut_text(std::string_view text, std::size_t most);

// The longest front of at most `most` characters (code points). `text` is valid UTF-8.
std::string_view cut_characters(std::string_view text, std::size_t most);

// With its ASCII letters in lower case; all other bytes as they are. For what protocols compare without case.
std::string lower_ascii(std::string_view text);

// Valid UTF-8 of at most `most` bytes, cut at a character. Each byte that belongs to no character becomes U+FFFD;
// control characters become their pictures (U+2400 and on: ESC is shown as "␛"), a tab becomes a blank; what changes
// the direction of the line around it (U+202A to U+202E, U+2066 to U+2069), ends it (U+2028, U+2029) or is a control
// of the second set (U+0080 to U+009F) becomes U+FFFD.
std::string clean_text(std::string_view raw, std::size_t most);

// Like clean_text, but with a limit of characters.
std::string clean_characters(std::string_view raw, std::size_t most);

// A version, as everybody compares it: like clean_characters, without the white space around it (a carriage return of a
// script included).
std::string clean_version(std::string_view raw, std::size_t most);

// Like clean_text, but lines stay lines: they end with "\n", a carriage return before it is dropped. For what programs
// print.
std::string clean_lines(std::string_view raw, std::size_t most);

// Like clean_lines, but tabs stay, too: they part the fields of a line.
std::string clean_fields(std::string_view raw, std::size_t most);

// Several lines as one sentence: each trimmed of white space, empty ones left out, joined by "; "; cleaned and cut.
std::string one_line(std::string_view raw, std::size_t most);

// A name from outside, once: bytes that are no UTF-8, control characters, and a "%" that would read as such an escape are
// written as in a URL ("kasse-%FCber", "a%252Fb"), so that different names stay different and each can be typed.
std::string clean_name(std::string_view raw);

// The same for a name that another of our programs has cleaned: it stays as it is, and only what cleaning would not have
// left there is escaped.
std::string plain_name(std::string_view name);

// Every byte that belongs to no character becomes U+FFFD; nothing else changes. For documents that are parsed
// afterwards: their own syntax needs its line ends.
std::string mend_utf8(std::string_view raw);

}  // namespace dray

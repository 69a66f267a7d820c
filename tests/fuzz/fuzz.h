// What the fuzz targets share. A target is one file NAME_fuzz.cc that defines LLVMFuzzerTestOneInput (libFuzzer,
// https://llvm.org/docs/LibFuzzer.html) over code that is pure: bytes in, values out, no files, clocks or threads.
// Besides crashes and what the sanitizers see, each states its invariants with must().
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"

namespace dray::fuzz {

// Ends the run, so that libFuzzer keeps the input, where what must hold does not.
inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// What people and logs are shown is text, whatever the input was.
inline void must_be_text(std::string_view said) { must(is_utf8(said), "an error message is UTF-8"); }

// What is read is written and read again to the same; what can't be read is an Error that can be shown. True where it
// could be read. Text: what `read` takes, std::string or std::string_view.
template <class Text, class Read, class Write>
bool round_trip(const Text& text, Read read, Write write) {
  const auto value = read(text);
  if (!value) {
    must_be_text(value.error().message());
    return false;
  }
  const std::string written = write(*value);
  const auto again = read(written);
  must(static_cast<bool>(again), "what was read is written so that it is read again");
  must(write(*again) == written, "and it says the same");
  return true;
}

// Cuts the first line off: targets that read several small texts take one a line.
inline std::string_view next_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return line;
}

}  // namespace dray::fuzz

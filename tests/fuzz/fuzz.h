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

// Cuts the first line off: targets that read several small texts take one a line.
inline std::string_view next_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return line;
}

}  // namespace dray::fuzz

// A TOML file in ASCII alone, and its texts back. toml++ 3.3 has undefined behaviour where letters beyond ASCII stand
// outside of strings, and what is outside of them in a file that is wrong only its own parser can say. So it never sees
// one: each byte beyond ASCII, and '~', becomes "~XX;", and whatever comes out of the parser is turned back. Pure.
#pragma once

#include <string>
#include <string_view>

namespace dray::adapters {

std::string to_ascii(std::string_view text);
// from_ascii(to_ascii(text)) == text; what is no such mark stays as it is.
std::string from_ascii(std::string_view text);

}  // namespace dray::adapters

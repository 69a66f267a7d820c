#include "adapters/toml/depth.h"

#include <algorithm>

namespace dray::adapters {
namespace {

// Behind the text in quotes that begins at `at`; one of a single line ends with its line, as no parser goes on there.
std::size_t behind_quotes(std::string_view toml, std::size_t at) {
  const char quote = toml[at];
  const bool escapes = quote == '"';
  const std::string_view three = escapes ? "\"\"\"" : "'''";
  const bool lines = toml.substr(at, 3) == three;
  for (std::size_t i = at + (lines ? 3 : 1); i < toml.size(); ++i) {
    if (escapes && toml[i] == '\\' && i + 1 < toml.size() && (lines || toml[i + 1] != '\n'))
      ++i;
    else if (lines && toml.substr(i, 3) == three)
      return i + 3;
    else if (!lines && toml[i] == quote)
      return i + 1;
    else if (!lines && toml[i] == '\n')
      return i;
  }
  return toml.size();
}

}  // namespace

std::optional<std::size_t> line_with_too_deep_a_key(std::string_view toml, std::size_t most) {
  std::size_t parts = 1;
  for (std::size_t i = 0; i < toml.size();) {
    const char c = toml[i];
    if (c == '"' || c == '\'') {
      i = behind_quotes(toml, i);
      continue;
    }
    if (c == '#') {
      i = std::min(toml.find('\n', i), toml.size());
      continue;
    }
    if (c == '.' && ++parts > most)
      return 1 + static_cast<std::size_t>(std::count(toml.begin(), toml.begin() + static_cast<std::ptrdiff_t>(i), '\n'));
    if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') parts = 1;
    ++i;
  }
  return {};
}

}  // namespace dray::adapters

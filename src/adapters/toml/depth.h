// How deep the keys of a TOML text go, before a parser makes a table of each part of one. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace dray::adapters {

// The first line (from 1) with a key of more than `most` parts: "a.b.c" has three. What stands in quotes or behind "#" is
// none.
std::optional<std::size_t> line_with_too_deep_a_key(std::string_view toml, std::size_t most);

}  // namespace dray::adapters

// Sizes and rates with their unit in the type, and views of raw memory.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dray {

using ByteView = std::span<const std::byte>;

struct Bytes {
  std::uint64_t count = 0;
  friend auto operator<=>(Bytes, Bytes) = default;
};

struct BytesPerSecond {
  std::uint64_t count = 0;
  friend auto operator<=>(BytesPerSecond, BytesPerSecond) = default;
};

inline ByteView as_bytes(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string to_hex(ByteView bytes);
// For people: "1.4 GB", "812 B" (powers of 1000, as link rates are).
std::string human_bytes(std::uint64_t bytes);

}  // namespace dray

#include "ports/random.h"

#include <array>
#include <cstring>

#include "base/bytes.h"

namespace dray {

std::uint64_t random_u64(Random& random) {
  std::array<std::byte, 8> bytes{};
  random.fill(bytes);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

double random_unit(Random& random) { return static_cast<double>(random_u64(random) >> 11) * 0x1.0p-53; }

std::string random_alphanumeric(Random& random, std::size_t n) {
  static constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string out;
  while (out.size() < n) {
    std::array<std::byte, 64> bytes{};
    random.fill(bytes);
    for (const std::byte b : bytes) {
      const auto value = static_cast<unsigned>(b);
      if (value < 248 && out.size() < n) out += kAlphabet[value % kAlphabet.size()];  // 248 = 4 x 62: no bias
    }
  }
  return out;
}

std::string random_uuid(Random& random) {
  std::array<std::byte, 16> b{};
  random.fill(b);
  b[6] = (b[6] & std::byte{0x0f}) | std::byte{0x40};
  b[8] = (b[8] & std::byte{0x3f}) | std::byte{0x80};
  const std::string hex = to_hex(b);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

}  // namespace dray

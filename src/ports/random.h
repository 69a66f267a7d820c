// All chance: jitter, ids, tokens, key seeds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace dray {

struct Random {
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;  // cryptographically strong in the product
};

std::uint64_t random_u64(Random& random);
double random_unit(Random& random);                               // uniform in [0, 1)
std::string random_alphanumeric(Random& random, std::size_t n);   // [0-9A-Za-z], unbiased
std::string random_uuid(Random& random);                          // RFC 9562 version 4

}  // namespace dray

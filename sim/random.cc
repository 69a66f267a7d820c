#include "sim/random.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/assert.h"
#include "sim/trace.h"

namespace dray::sim {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

SimRandom::SimRandom(std::uint64_t seed) : seed_{seed} {
  for (auto& word : state_) word = splitmix64(seed);
}

std::uint64_t SimRandom::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t SimRandom::uniform(std::uint64_t n) {
  DRAY_ASSERT(n > 0);
  const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() / n * n;
  std::uint64_t value = next();
  while (value >= limit) value = next();
  return value % n;
}

void SimRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const std::uint64_t word = next();
    const std::size_t n = std::min(out.size(), sizeof word);
    std::memcpy(out.data(), &word, n);
    out = out.subspan(n);
  }
}

SimRandom SimRandom::fork(std::string_view name) const { return SimRandom{fnv1a(name, seed_ ^ kFnvStart)}; }

}  // namespace dray::sim

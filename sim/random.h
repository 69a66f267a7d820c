// All chance of a simulated world, from one seed. Own generator and own uniform(): the distributions of the
// standard library differ between implementations, and a seed must replay anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "ports/random.h"

namespace dray::sim {

// xoshiro256** (Blackman, Vigna: "Scrambled linear pseudorandom number generators"), seeded by splitmix64.
class SimRandom final : public Random {
 public:
  explicit SimRandom(std::uint64_t seed);

  void fill(std::span<std::byte> out) override;
  std::uint64_t next();
  std::uint64_t uniform(std::uint64_t n);  // [0, n), n > 0, unbiased
  bool one_in(std::uint64_t n) { return uniform(n) == 0; }
  Duration up_to(Duration most) { return Duration{uniform(static_cast<std::uint64_t>(most.count()) + 1)}; }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[uniform(i)]);
  }

  // A generator of its own for a part of the world. Depends on the seed and the name only, so that one more
  // draw here does not change what happens there.
  SimRandom fork(std::string_view name) const;

 private:
  std::uint64_t seed_;
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace dray::sim

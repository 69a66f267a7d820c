// Chance from the kernel, getrandom(2). Any thread.
#pragma once

#include "ports/random.h"

namespace dray::adapters {

class SystemRandom : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

}  // namespace dray::adapters

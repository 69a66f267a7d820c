// Exponential back-off with full jitter, never less than a tenth of the base. It grows to the cap where nobody answers,
// and to five times as much (five minutes, with the product's times) where the other side answers with a refusal.
#pragma once

#include <algorithm>

#include "base/time.h"
#include "ports/random.h"

namespace dray::gateway {

class Backoff {
 public:
  Backoff(Duration base, Duration cap) : base_{base}, cap_{cap} {}
  void reset() { failures_ = 0; }
  int failures() const { return failures_; }
  Duration next(Random& random, bool refused = false) {
    const int shift = std::min(failures_++, 16);
    const Duration most = std::min(refused ? cap_ * 5 : cap_, Duration{base_.count() << shift});
    const auto ms = static_cast<Duration::rep>(random_unit(random) * static_cast<double>(most.count()));
    return std::max(base_ / 10, Duration{ms});
  }

 private:
  Duration base_, cap_;
  int failures_ = 0;
};

}  // namespace dray::gateway

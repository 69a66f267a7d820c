// A cap on a rate: bytes may go while there are tokens; a fifth of a second of them is the largest burst.
// Pure.
//
// Without a cap nothing is counted, so what went before a cap began is no debt under it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/time.h"

namespace dray::core {

class TokenBucket {
 public:
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

  // The cap that holds from now on, bytes per second; 0: none. To be called before every use; the same again
  // is free.
  void set_rate(std::uint64_t rate, SteadyTime now) {
    if (rate == rate_) return;
    refill(now);
    // A new cap begins with an empty bucket: a burst on top of what is in flight would break it at once.
    level_ = rate_ == 0 || rate == 0 ? 0 : std::min(level_, burst(rate));
    rate_ = rate;
    filled_ = now;
  }

  std::uint64_t rate() const { return rate_; }

  // Bytes that may go now.
  std::uint64_t allowance(SteadyTime now) {
    if (rate_ == 0) return kUnlimited;
    refill(now);
    return level_ < 1 ? 0 : static_cast<std::uint64_t>(level_);
  }

  // They went, or came; more than the allowance is a debt.
  void spend(std::uint64_t bytes) {
    if (rate_ > 0) level_ -= static_cast<double>(bytes);
  }

  // When no debt is left.
  SteadyTime free_at(SteadyTime now) {
    if (rate_ == 0) return now;
    refill(now);
    if (level_ >= 0) return now;
    const double wait = -level_ * 1000 / static_cast<double>(rate_);
    return now + Duration{static_cast<Duration::rep>(std::min(wait, 3.6e6)) + 1};
  }

 private:
  static double burst(std::uint64_t rate) { return static_cast<double>(rate) / 5; }
  void refill(SteadyTime now) {
    const auto passed = std::max(Duration{0}, Duration{now - filled_});
    if (rate_ > 0)
      level_ = std::min(burst(rate_),
                        level_ + static_cast<double>(passed.count()) / 1000 * static_cast<double>(rate_));
    filled_ = std::max(filled_, now);
  }

  std::uint64_t rate_ = 0;
  double level_ = 0;
  SteadyTime filled_{};
};

}  // namespace dray::core

// How long to wait before what has failed is tried again: a pause by chance, whose upper end doubles with each failure
// (full jitter). It grows to `most` where nobody answers, and to five times as much (five minutes, with the product's
// times) where the other side answers with a refusal. Pure: chance is given.
#pragma once

#include "base/time.h"

namespace dray::core {

class GrowingPause {
 public:
  // least <= first <= most.
  struct Limits {
    Duration least;  // no pause is shorter
    Duration first;  // the longest after one failure
    Duration most;
  };
  // Of at least a tenth of `first`.
  static constexpr Limits from(Duration first, Duration most) { return {first / 10, first, most}; }

  explicit GrowingPause(Limits limits) : limits_{limits} {}

  // It failed once more. chance: uniform in [0, 1). refused: the other side answered.
  Duration next(double chance, bool refused = false);
  void reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  Limits limits_;
  int failures_ = 0;
};

}  // namespace dray::core

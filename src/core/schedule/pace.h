// At most kMost turns in any minute, for a loop that may have something to do at any time, at once while it is seldom: what
// others do drives it, and it gathers what comes meanwhile. Unlike a brake (brake.h) it never grows slower, because each
// turn brings something.
//
// The generic cell rate algorithm (ITU-T I.371) as a virtual schedule: kBurst turns at once, then one each kEach. Pure.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace dray::core {

class Pace {
 public:
  static constexpr int kMost = 60, kBurst = 20;
  static constexpr Duration kEach{60'000 / (kMost - kBurst)};

  // A turn that is to begin: when it may, now or later. It counts as made then.
  SteadyTime turn(SteadyTime now) {
    const SteadyTime at = std::max(now, due_ - kEach * (kBurst - 1));
    due_ = std::max(due_, at) + kEach;
    return at;
  }

 private:
  SteadyTime due_ = SteadyTime{} - kEach * kMost;
};

}  // namespace dray::core

// A clock for tests of the gateway: its wall may be wrong, it may leap, and it may stand still.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "ports/clock.h"

namespace dray::gateway::testing_world {

// A clock whose wall is wrong by `error`.
class WrongClock : public Clock {
 public:
  explicit WrongClock(Clock& below) : below_{below} {}
  // From now on only `leap` makes time pass, and whoever sleeps for less than a second: what a test measures does not
  // depend on how busy the machine is.
  void freeze() { frozen_ = {below_.wall(), below_.steady()}; }
  WallTime true_wall() const { return (frozen_ ? frozen_->first : below_.wall()) + leap; }
  WallTime wall() const override { return true_wall() + error; }
  SteadyTime steady() const override { return (frozen_ ? frozen_->second : below_.steady()) + leap; }
  Task<Result<>> sleep_until(SteadyTime when, Stop& stop) override {
    while (steady() < when) {
      if (frozen_ && when - steady() <= Duration{1'000}) leap += when - steady();
      const SteadyTime lap = below_.steady() + std::clamp(Duration{when - steady()}, Duration{1}, Duration{5});
      const auto slept = co_await below_.sleep_until(lap, stop);
      if (!slept) co_return slept.error();
    }
    co_return Result<>{};
  }
  Duration error{0};
  Duration leap{0};  // a test may let time pass at once

 private:
  Clock& below_;
  std::optional<std::pair<WallTime, SteadyTime>> frozen_;
};

}  // namespace dray::gateway::testing_world

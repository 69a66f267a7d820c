// The machine's clocks. Steady time is CLOCK_MONOTONIC, wall time CLOCK_REALTIME.
// Loop thread only for sleep_until; wall() and steady() from any thread. The io_context outlives it.
#pragma once

#include "ports/clock.h"

namespace dray::adapters {

class SystemClock : public Clock {
 public:
  explicit SystemClock(asio::io_context& io) : io_{io} {}

  WallTime wall() const override;
  SteadyTime steady() const override;
  Task<Result<>> sleep_until(SteadyTime when, Stop& stop) override;

 private:
  asio::io_context& io_;
};

}  // namespace dray::adapters

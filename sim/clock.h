// Time as one life of a node sees it: the world's virtual time, with a wall clock that may be wrong and a
// steady clock that starts anywhere at boot.
#pragma once

#include "ports/clock.h"
#include "ports/machine_clock.h"
#include "sim/events.h"

namespace dray::sim {

constexpr WallTime kWallStart{
    std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};  // true time at virtual 0

// How a machine's wall clock is wrong, and what its kernel says of it.
struct WallError {
  Duration by{0};
  bool synchronised = true;
};

class SimClock final : public Clock, public MachineClock {
 public:
  // `error` belongs to the node (its battery-backed clock) and may change while this lives.
  SimClock(Events& events, Life life, const WallError& error, Duration steady_at_boot)
      : events_{events},
        life_{life},
        error_{error},
        ahead_{steady_at_boot - events.now().time_since_epoch()} {}

  WallTime wall() const override { return kWallStart + events_.now().time_since_epoch() + error_.by; }
  SteadyTime steady() const override { return events_.now() + ahead_; }
  Task<Result<>> sleep_until(SteadyTime when, Stop& stop) override;
  ClockReading read() const override { return {wall(), steady(), error_.synchronised}; }
  std::string boot() const override { return "boot " + std::to_string(life_); }

 private:
  Events& events_;
  Life life_;
  const WallError& error_;
  Duration ahead_;  // of virtual time
};

}  // namespace dray::sim

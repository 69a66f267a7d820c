// What the time is, for everything that the server says, plans, ends and notes: core::ContinuedClock fed by the machine's
// clocks. A wall clock that leaps is not followed; see there. It sleeps and measures as the clock below it.
//
// wall(), mark(), confirm() and shown() from any thread.
#pragma once

#include <mutex>
#include <optional>

#include "core/schedule/continued_clock.h"
#include "ports/clock.h"
#include "ports/machine_clock.h"
#include "wire/clock_view.h"

namespace dray::server {

class ServerTime : public Clock {
 public:
  // Both outlive it. Before begin() the machine's wall clock counts.
  ServerTime(Clock& below, const MachineClock& machine)
      : below_{below}, machine_{machine}, boot_{machine.boot()}, clock_{machine.read(), {}, false} {}

  // At the start: goes on from what was stored. What the time is as far as anybody can know, for judging how long the
  // server was away: that of the machine, where it was booted since.
  WallTime begin(const std::optional<TimeMark>& newest);

  WallTime wall() const override;
  SteadyTime steady() const override { return below_.steady(); }
  Task<Result<>> sleep_until(SteadyTime when, Stop& stop) override { return below_.sleep_until(when, stop); }

  // To be stored.
  TimeMark mark() const;
  // Somebody says that the machine's wall clock is right.
  void confirm();

  wire::ClockView shown() const;

 private:
  Clock& below_;
  const MachineClock& machine_;
  const std::string boot_;
  mutable std::mutex mutex_;
  mutable core::ContinuedClock clock_;
};

}  // namespace dray::server

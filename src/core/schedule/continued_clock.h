// The server's time: the boot-time clock, continued from the last wall time that is trusted. The wall clock is followed
// while it is near what the boot-time clock makes of that time. One that differs by more has *leapt* (`clock_leapt`): the
// old time is continued until the kernel has said for a minute that a time service keeps the clock, or until somebody
// confirms it. A leap that nobody confirms moves nothing, however often it is looked at.
//
// Pure value; the shell feeds it with readings, in their order.
#pragma once

#include <optional>

#include "base/clock_reading.h"

namespace dray::core {

// How far a wall clock may be from a time that was trusted `elapsed` ago: a minute, and what a poor quartz drifts.
Duration clock_tolerance(Duration elapsed);

// What a machine that was off may have been off for where nothing else says so. A gateway's floor outlives no more.
inline constexpr Duration kMostTimeOff = std::chrono::hours{24};

class ContinuedClock {
 public:
  // At a start. `newest`: the newest time that was stored; nothing at the very first start, when the wall clock is all
  // there is. `same_boot`: the machine was not booted since, so the boot-time clock says how much time has passed. Else
  // the time that it was off is not known: a wall clock that a time service keeps is right, and another one may be up to
  // kMostTimeOff later than what was stored.
  ContinuedClock(const ClockReading& now, const std::optional<TimeMark>& newest, bool same_boot);

  // What the time is.
  WallTime look(const ClockReading& now);
  // Somebody says that this wall clock is right.
  void confirm(const ClockReading& now);

  // Since when (on the boot-time clock) the wall clock is not followed; nothing: it is.
  std::optional<SteadyTime> leapt_since() const { return leapt_since_; }

 private:
  struct Point {
    WallTime time;
    SteadyTime at;
    WallTime after(SteadyTime now) const { return now > at ? time + (now - at) : time; }
  };
  bool near_trusted(const ClockReading& now) const;
  void trust(const ClockReading& now);
  void note_service(const ClockReading& now);
  bool is_kept(const ClockReading& now) const;

  Point trusted_, last_;  // last_: what look() said last
  std::optional<SteadyTime> leapt_since_;
  // Since when a time service keeps the clock, and it went on evenly, as of the last reading.
  std::optional<SteadyTime> kept_since_;
  std::optional<ClockReading> before_;
};

}  // namespace dray::core

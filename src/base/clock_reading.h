// What a machine's clocks say at one instant, read together.
#pragma once

#include <string>

#include "base/time.h"

namespace dray {

struct ClockReading {
  WallTime wall;              // UTC as this machine believes: somebody may set it
  SteadyTime boot;            // goes on evenly since the machine was booted, also while it is suspended
  bool synchronised = false;  // the kernel says that a time service keeps the wall clock
  friend bool operator==(const ClockReading&, const ClockReading&) = default;
};

// A known time, with where the boot-time clock stood: kept on disk, a program that starts again goes on from it.
struct TimeMark {
  WallTime time;
  SteadyTime at{};     // the boot-time clock
  std::string boot{};  // which boot that was; empty: not known
  friend bool operator==(const TimeMark&, const TimeMark&) = default;
};

}  // namespace dray

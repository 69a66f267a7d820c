// What the machine knows about the time beside what Clock says. Only adapters and the simulator know a real one.
#pragma once

#include <string>

#include "base/clock_reading.h"

namespace dray {

struct MachineClock {
  virtual ~MachineClock() = default;
  // From any thread.
  virtual ClockReading read() const = 0;
  // Names this boot: its boot-time clock counts from there. Empty where that can't be told.
  virtual std::string boot() const = 0;
};

}  // namespace dray

// The clocks of this machine: CLOCK_REALTIME, CLOCK_BOOTTIME, and whether the kernel says that the first is synchronised
// (adjtimex, which needs no right to set anything; where it is not permitted the clock counts as not synchronised). From
// any thread.
#pragma once

#include "ports/machine_clock.h"

namespace dray::adapters {

class SystemMachineClock : public MachineClock {
 public:
  ClockReading read() const override;
  std::string boot() const override;
};

}  // namespace dray::adapters

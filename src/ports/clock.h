// Where time comes from. Only adapters and the simulator know a real one.
#pragma once

#include "base/stop.h"
#include "base/time.h"
#include "ports/task.h"

namespace dray {

struct Clock {
  virtual ~Clock() = default;
  // UTC as this machine believes; may be wrong and may jump.
  virtual WallTime wall() const = 0;
  // Never jumps, goes on while the process lives.
  virtual SteadyTime steady() const = 0;
  // Waits until steady() >= when, then ok; kStopped as soon as stop is requested. Loop thread only.
  virtual Task<Result<>> sleep_until(SteadyTime when, Stop& stop) = 0;
};

}  // namespace dray

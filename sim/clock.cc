#include "sim/clock.h"

namespace dray::sim {

Task<Result<>> SimClock::sleep_until(SteadyTime when, Stop& stop) {
  if (stop.requested()) co_return Error{ErrorCode::kStopped, "stopped while sleeping"};
  if (when <= steady()) co_return Result<>{};
  const Duration away = when.time_since_epoch() - steady().time_since_epoch();
  Wait wait{events_, life_};
  const Stop::Hook hook{stop, [&wait] { wait.end(); }};
  SteadyTime until = kSteadyMax;  // the clock of this life may be behind the world's
  // Outside of the co_await expression: gcc 12 evaluates both sides of a conditional in one.
  if (away <= kSteadyMax - events_.now()) until = events_.now() + away;
  const bool came = co_await wait.until(until);
  if (!came) co_return Error{ErrorCode::kStopped, "stopped while sleeping"};
  co_return Result<>{};
}

}  // namespace dray::sim

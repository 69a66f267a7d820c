#include "server/server_time.h"

namespace dray::server {

WallTime ServerTime::begin(const std::optional<TimeMark>& newest) {
  const std::scoped_lock lock{mutex_};
  const ClockReading now = machine_.read();
  const bool same_boot = newest && !boot_.empty() && newest->boot == boot_;
  clock_ = core::ContinuedClock{now, newest, same_boot};
  return same_boot ? clock_.look(now) : now.wall;
}

WallTime ServerTime::wall() const {
  const std::scoped_lock lock{mutex_};
  return clock_.look(machine_.read());
}

TimeMark ServerTime::mark() const {
  const std::scoped_lock lock{mutex_};
  const ClockReading now = machine_.read();
  return {clock_.look(now), now.boot, boot_};
}

void ServerTime::confirm() {
  const std::scoped_lock lock{mutex_};
  clock_.confirm(machine_.read());
}

wire::ClockView ServerTime::shown() const {
  const std::scoped_lock lock{mutex_};
  const ClockReading now = machine_.read();
  wire::ClockView out{clock_.look(now), now.wall, now.synchronised, {}};
  if (const auto since = clock_.leapt_since()) out.leapt_for = now.boot - *since;
  return out;
}

}  // namespace dray::server

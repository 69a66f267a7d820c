// Signal: "something changed, look again", for coroutines of one loop. Level-triggered: a notify() that comes
// while nobody waits is kept, many are one, and the waiter looks at the state itself.
//
// The only thing that suspends is Clock::sleep_until, so the simulator sees every wait. A Signal outlives its
// waiters unless the whole loop goes.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "base/stop.h"
#include "ports/clock.h"

namespace dray {

class Signal {
 public:
  void notify() {
    ++generation_;
    auto waking = std::exchange(wake_, std::make_unique<Stop>());
    waking->request();
  }

  // Counts notify(). Take it, look at the state, then wait_past(it): no change in between is lost.
  std::uint64_t generation() const { return generation_; }

  // For a single waiter: true = notified since the last wait() that said so; false = `until` came, or stop.
  Task<bool> wait(Clock& clock, SteadyTime until, Stop& stop) {
    bool notified = co_await wait_past(seen_, clock, until, stop);
    if (notified) seen_ = generation_;
    co_return notified;
  }

  // For any number of waiters: true = notified after `generation` was taken.
  Task<bool> wait_past(std::uint64_t generation, Clock& clock, SteadyTime until, Stop& stop) {
    while (generation_ == generation) {
      if (stop.requested() || clock.steady() >= until) co_return false;
      Stop either{stop};
      Stop::Hook hook{*wake_, [&either] { either.request(); }};
      [[maybe_unused]] auto how = co_await clock.sleep_until(until, either);
    }
    co_return true;
  }

 private:
  std::uint64_t generation_ = 0, seen_ = 0;
  std::unique_ptr<Stop> wake_ = std::make_unique<Stop>();
};

}  // namespace dray

// A worker thread without a thread: work waits a virtual while, in line, and then runs on the loop.
#pragma once

#include "ports/worker.h"
#include "sim/events.h"
#include "sim/random.h"

namespace dray::sim {

class SimWorker final : public Worker {
 public:
  static constexpr Duration kSlowest{5};

  SimWorker(Events& events, Life life, SimRandom random) : events_{events}, life_{life}, random_{random} {}
  Task<> run(std::function<void()> f) override;

 private:
  Events& events_;
  Life life_;
  SimRandom random_;
  SteadyTime free_at_{};  // when all work in line is done
};

}  // namespace dray::sim

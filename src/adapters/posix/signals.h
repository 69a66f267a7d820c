// SIGTERM and SIGINT as a Stop. The first one asks for a clean end; after it both have their default effect
// again, so that a second one ends a program that hangs.
#pragma once

#include <boost/asio/basic_signal_set.hpp>

#include "base/stop.h"
#include "ports/task.h"

namespace dray::adapters {

// Lives as long as the program waits for its end; both outlive it. While it waits it keeps io.run() going:
// done() takes it back.
class StopOnSignals {
 public:
  StopOnSignals(asio::io_context& io, Stop& stop);
  void done();

 private:
  asio::basic_signal_set<Executor> signals_;
};

}  // namespace dray::adapters

#include "adapters/posix/signals.h"

#include <signal.h>

namespace dray::adapters {

StopOnSignals::StopOnSignals(asio::io_context& io, Stop& stop)
    : signals_{io.get_executor(), SIGTERM, SIGINT} {
  signals_.async_wait([this, &stop](boost::system::error_code error, int) {
    if (error) return;
    done();
    stop.request();
  });
}

void StopOnSignals::done() {
  boost::system::error_code ignored;
  signals_.clear(ignored);  // default dispositions again
  signals_.cancel(ignored);
}

}  // namespace dray::adapters

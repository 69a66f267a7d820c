#include "adapters/posix/system_clock.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>

#include "adapters/posix/timer.h"

namespace dray::adapters {

namespace {

// kSteadyMax in nanoseconds does not fit: sleep in laps of at most this.
constexpr Duration kLap = std::chrono::hours{24};

}  // namespace

WallTime SystemClock::wall() const { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

SteadyTime SystemClock::steady() const {
  return SteadyTime{std::chrono::floor<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

Task<Result<>> SystemClock::sleep_until(SteadyTime when, Stop& stop) {
  if (stop.requested()) co_return Error{ErrorCode::kStopped, "stopped"};
  Timer timer{io_.get_executor()};
  Stop::Hook hook{stop, [&timer] { timer.cancel(); }};
  for (auto now = steady(); now < when; now = steady()) {
    auto lap = now + kLap;
    timer.expires_at(std::chrono::steady_clock::time_point{std::min(when, lap).time_since_epoch()});
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(kAwait, ignored));
    if (stop.requested()) co_return Error{ErrorCode::kStopped, "stopped"};
  }
  co_return Result<>{};
}

}  // namespace dray::adapters

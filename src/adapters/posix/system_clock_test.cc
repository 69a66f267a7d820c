#include "adapters/posix/system_clock.h"

#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

namespace dray::adapters {
namespace {

using namespace std::chrono_literals;

TEST(SystemClock, SleepsUntilTheTimeAndNotShorter) {
  asio::io_context io;
  SystemClock clock{io};
  Stop stop;
  auto start = clock.steady();
  std::optional<Result<>> how;
  asio::co_spawn(io, clock.sleep_until(start + 5ms, stop),
                 [&](std::exception_ptr, Result<> r) { how = std::move(r); });
  io.run();
  EXPECT_TRUE(*how);
  EXPECT_GE(clock.steady(), start + 5ms);
}

TEST(SystemClock, StopEndsASleepWithoutEnd) {
  asio::io_context io;
  SystemClock clock{io};
  Stop stop;
  std::optional<Result<>> how;
  asio::co_spawn(io, clock.sleep_until(kSteadyMax, stop),
                 [&](std::exception_ptr, Result<> r) { how = std::move(r); });
  io.poll();
  EXPECT_FALSE(how);
  stop.request();
  io.run();
  ASSERT_TRUE(how);
  EXPECT_EQ(how->error().code(), ErrorCode::kStopped);
}

TEST(SystemClock, AStoppedSleepDoesNotStart) {
  asio::io_context io;
  SystemClock clock{io};
  Stop stop;
  stop.request();
  std::optional<Result<>> how;
  asio::co_spawn(io, clock.sleep_until(clock.steady() - 1s, stop),
                 [&](std::exception_ptr, Result<> r) { how = std::move(r); });
  io.run();
  EXPECT_EQ(how->error().code(), ErrorCode::kStopped);
}

TEST(SystemClock, SleepersMayDieWithTheLoop) {
  auto io = std::make_unique<asio::io_context>();
  SystemClock clock{*io};
  Stop stop;
  asio::co_spawn(*io, clock.sleep_until(kSteadyMax, stop), asio::detached);
  io->poll();
  io.reset();
  stop.request();  // no hook is left
}

}  // namespace
}  // namespace dray::adapters

// Signal and TaskGroup over the real clock: a loop of asio, nothing simulated.
#include "drive/signal.h"

#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "adapters/posix/system_clock.h"
#include "drive/task_group.h"

namespace dray {
namespace {

using namespace std::chrono_literals;
using adapters::SystemClock;

TEST(Signal, ANotificationWhileNobodyWaitsIsKept) {
  asio::io_context io;
  SystemClock clock{io};
  Signal signal;
  Stop stop;
  signal.notify();
  signal.notify();
  std::vector<bool> seen;
  asio::co_spawn(
      io,
      [](Signal& s, SystemClock& c, Stop& st, std::vector<bool>& out) -> Task<> {
        out.push_back(co_await s.wait(c, kSteadyMax, st));  // kept
        out.push_back(co_await s.wait(c, c.steady(), st));  // two were one
      }(signal, clock, stop, seen),
      asio::detached);
  io.run();
  EXPECT_EQ(seen, (std::vector<bool>{true, false}));
}

TEST(Signal, WakesEveryWaiterOfTheGeneration) {
  asio::io_context io;
  SystemClock clock{io};
  Signal signal;
  Stop stop;
  int woken = 0;
  auto waiter = [](Signal& s, SystemClock& c, Stop& st, int& n) -> Task<> {
    n += co_await s.wait_past(s.generation(), c, kSteadyMax, st);
  };
  for (int i = 0; i < 3; ++i) asio::co_spawn(io, waiter(signal, clock, stop, woken), asio::detached);
  io.poll();
  EXPECT_EQ(woken, 0);
  signal.notify();
  io.run();
  EXPECT_EQ(woken, 3);
}

TEST(Signal, StopAndTimeEndAWaitWithoutNotification) {
  asio::io_context io;
  SystemClock clock{io};
  Signal signal;
  Stop stop;
  std::vector<bool> seen;
  asio::co_spawn(
      io,
      [](Signal& s, SystemClock& c, Stop& st, std::vector<bool>& out) -> Task<> {
        out.push_back(co_await s.wait(c, c.steady() + 2ms, st));
        out.push_back(co_await s.wait(c, kSteadyMax, st));
      }(signal, clock, stop, seen),
      asio::detached);
  while (seen.empty()) io.run_one();
  stop.request();
  io.run();
  EXPECT_EQ(seen, (std::vector<bool>{false, false}));
}

TEST(TaskGroup, JoinWaitsForEveryChild) {
  asio::io_context io;
  SystemClock clock{io};
  TaskGroup group{io.get_executor()};
  auto child = [](SystemClock& c, Stop& stop) -> Task<> { (void)co_await c.sleep_until(kSteadyMax, stop); };
  group.spawn(child(clock, group.stop_signal()));
  group.spawn(child(clock, group.stop_signal()));
  bool joined = false;
  asio::co_spawn(io, group.join(), [&](std::exception_ptr) { joined = true; });
  io.poll();
  EXPECT_EQ(group.running(), 2U);
  EXPECT_FALSE(joined);
  group.stop();
  io.run();
  EXPECT_TRUE(joined);
  EXPECT_EQ(group.running(), 0U);
}

TEST(TaskGroup, JoiningAnEmptyGroupReturns) {
  asio::io_context io;
  TaskGroup group{io.get_executor()};
  bool joined = false;
  asio::co_spawn(io, group.join(), [&](std::exception_ptr) { joined = true; });
  io.run();
  EXPECT_TRUE(joined);
}

TEST(TaskGroup, MayGoBeforeItsChildren) {
  asio::io_context io;
  SystemClock clock{io};
  auto child = [](SystemClock& c, Stop& stop) -> Task<> { (void)co_await c.sleep_until(kSteadyMax, stop); };
  auto group = std::make_unique<TaskGroup>(io.get_executor());
  group->spawn(child(clock, group->stop_signal()));
  asio::co_spawn(io, group->join(), asio::detached);
  io.poll();
  group.reset();
  EXPECT_EQ(io.poll(), 0U);
}

TEST(TaskGroupDeathTest, AnExceptionOfAChildEndsTheProcessWithItsText) {
  auto run = [] {
    asio::io_context io;
    TaskGroup group{io.get_executor()};
    group.spawn([]() -> Task<> {
      throw std::runtime_error{"the row is gone"};
      co_return;
    }());
    io.run();
  };
  EXPECT_DEATH(run(), "the row is gone");
}

}  // namespace
}  // namespace dray

#include "adapters/posix/thread_worker.h"

#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "adapters/posix/signals.h"
#include "adapters/posix/system_random.h"

namespace dray::adapters {
namespace {

Task<> run_and_note(Worker& worker, std::function<void()> f, std::vector<std::thread::id>& resumed_on) {
  co_await worker.run(std::move(f));
  resumed_on.push_back(std::this_thread::get_id());
}

TEST(ThreadWorker, RunsInOrderOnItsThreadAndResumesOnTheLoop) {
  asio::io_context io;
  ThreadWorker worker{io, "a name that is longer than fifteen"};
  std::vector<int> order;
  std::vector<std::thread::id> resumed_on, ran_on;
  for (int i = 0; i < 100; ++i) {
    std::function<void()> f = [&order, &ran_on, i] {
      order.push_back(i);
      ran_on.push_back(std::this_thread::get_id());
    };
    asio::co_spawn(io, run_and_note(worker, std::move(f), resumed_on), asio::detached);
  }
  io.run();
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(resumed_on, std::vector<std::thread::id>(100, std::this_thread::get_id()));
  EXPECT_EQ(ran_on, std::vector<std::thread::id>(100, ran_on[0]));
  EXPECT_NE(ran_on[0], std::this_thread::get_id());
}

TEST(ThreadWorker, KeepsTheLoopRunningWhileItWorks) {
  asio::io_context io;
  ThreadWorker worker{io, "w"};
  std::optional<int> value;
  std::function<int()> f = [] { return 42; };
  asio::co_spawn(io, on<int>(worker, std::move(f)), [&](std::exception_ptr, int v) { value = v; });
  io.run();  // would return at once if nothing held it
  EXPECT_EQ(value, 42);
}

TEST(ThreadWorker, DestructionLetsPostedWorkRun) {
  asio::io_context io;
  int ran = 0;
  std::vector<std::thread::id> resumed_on;
  {
    ThreadWorker worker{io, "w"};
    for (int i = 0; i < 10; ++i)
      asio::co_spawn(io, run_and_note(worker, [&ran] { ++ran; }, resumed_on), asio::detached);
    io.poll();
  }
  EXPECT_EQ(ran, 10);
}

TEST(ThreadWorker, CanGiveWay) {
  asio::io_context io;
  ThreadWorker worker{io, "low", Priority::kLow};
  int nice = 0;
  std::vector<std::thread::id> resumed_on;
  asio::co_spawn(
      io, run_and_note(worker, [&nice] { nice = getpriority(PRIO_PROCESS, 0); }, resumed_on), asio::detached);
  io.run();
  EXPECT_EQ(nice, 10);
}

TEST(SystemRandom, FillsAllOfItDifferently) {
  SystemRandom random;
  std::vector<std::byte> a(1000), b(1000);
  random.fill(a);
  random.fill(b);
  EXPECT_NE(a, b);
  EXPECT_FALSE(std::all_of(a.end() - 16, a.end(), [](std::byte x) { return x == std::byte{0}; }));
  EXPECT_NE(random_uuid(random), random_uuid(random));
}

TEST(StopOnSignals, TheFirstSignalAsksForTheEnd) {
  asio::io_context io;
  Stop stop;
  StopOnSignals signals{io, stop};
  io.poll();
  EXPECT_FALSE(stop.requested());
  ::raise(SIGTERM);
  io.run();  // returns: nothing waits any more
  EXPECT_TRUE(stop.requested());
}

TEST(StopOnSignals, DoneTakesTheWaitBack) {
  asio::io_context io;
  Stop stop;
  StopOnSignals signals{io, stop};
  signals.done();
  io.run();
  EXPECT_FALSE(stop.requested());
}

}  // namespace
}  // namespace dray::adapters

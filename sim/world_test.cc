#include "sim/world.h"

#include <gtest/gtest.h>

#include <set>

namespace dray::sim {
namespace {

using namespace std::chrono_literals;

Task<> tick(Node& node, Duration every, int times) {
  Stop never;
  const Log log = node.log();
  for (int i = 0; i < times; ++i) {
    const auto slept = co_await node.clock().sleep_until(node.clock().steady() + every, never);
    log.info("ticked", {{"count", i}});
    if (!slept) co_return;
  }
}

TEST(World, TimePassesOnlyByEvents) {
  World world{1};
  Node& node = world.add("a");
  node.power_on();
  int done = 0;
  node.spawn([](Node& n, int& d) -> Task<> {
    Stop never;
    const auto slept = co_await n.clock().sleep_until(n.clock().steady() + 24h * 365, never);
    d = slept.has_value();
  }(node, done));
  EXPECT_TRUE(world.run_until([&] { return done == 1; }, 24h * 366));
  EXPECT_EQ(world.now().time_since_epoch(), 24h * 365);
  EXPECT_EQ(node.clock().wall(), kWallStart + 24h * 365);
}

TEST(World, AWrongWallClockIsTheNodesOwn) {
  World world{1};
  Node& node = world.add("a");
  node.power_on();
  node.set_wall_error(-3h);
  EXPECT_EQ(node.clock().wall(), world.true_time() - 3h);
}

TEST(World, AStopEndsASleepAtOnce) {
  World world{1};
  Node& node = world.add("a");
  node.power_on();
  Stop stop;
  std::optional<Result<>> how;
  node.spawn([](Node& n, Stop& s, std::optional<Result<>>& out) -> Task<> {
    auto slept = co_await n.clock().sleep_until(kSteadyMax, s);
    out = std::move(slept);
  }(node, stop, how));
  world.after(5s, [&] { stop.request(); });
  ASSERT_TRUE(world.run_until([&] { return how.has_value(); }, 1min));
  EXPECT_EQ(how->error().code(), ErrorCode::kStopped);
  EXPECT_EQ(world.now().time_since_epoch(), 5s);
}

// A clock that starts anew at a boot is behind the world's: a far time is further away than the world has time.
TEST(World, ASleepForLongerThanTheWorldHasTimeIsOneForEver) {
  World world{1};
  Node& node = world.add("a");
  world.after(1h, [] {});
  ASSERT_TRUE(world.run_for(1h));
  node.power_on();
  Stop stop;
  std::optional<Result<>> how;
  const SteadyTime far = kSteadyMax - 1ms;
  node.spawn([](Node& n, SteadyTime until, Stop& s, std::optional<Result<>>& out) -> Task<> {
    const auto slept = co_await n.clock().sleep_until(until, s);
    out = slept;
  }(node, far, stop, how));
  world.after(1s, [&] { stop.request(); });
  ASSERT_TRUE(world.run_until([&] { return how.has_value(); }, 1min));
  EXPECT_EQ(how->error().code(), ErrorCode::kStopped);
}

TEST(World, AWorldWithoutEventsIsAnErrorThatShowsItsTrace) {
  World world{1};
  Node& node = world.add("till-1");
  node.power_on();
  node.spawn(tick(node, 1s, 3));
  const auto idle = world.run_until([] { return false; }, 1h);
  EXPECT_EQ(idle.error().code(), ErrorCode::kInternal);
  EXPECT_NE(idle.error().message().find("3.000 till-1: 2026-11-24T00:00:03Z info ticked count=2"),
            std::string::npos)
      << idle.error().message();
  node.spawn(tick(node, 1s, 100));
  EXPECT_EQ(world.run_until([] { return false; }, 10s).error().code(), ErrorCode::kTimeout);
}

TEST(World, HandlersThatNeverEndAreAnError) {
  World world{1};
  Node& node = world.add("a");
  node.power_on();
  node.spawn([](Node& n) -> Task<> {
    for (;;) co_await asio::post(n.executor(), kAwait);
  }(node));
  EXPECT_EQ(world.run_until([] { return false; }, 1h).error().code(), ErrorCode::kInternal);
}

TEST(World, AWorkerRunsItsWorkInOrder) {
  World world{1};
  Node& node = world.add("a");
  node.power_on();
  std::vector<int> order;
  for (int i = 0; i < 20; ++i) {
    node.spawn([](Node& n, std::vector<int>& out, int me) -> Task<> {
      std::function<void()> work = [&out, me] { out.push_back(me); };
      co_await n.worker("store").run(std::move(work));
    }(node, order, i));
  }
  ASSERT_TRUE(world.run_until([&] { return order.size() == 20; }, 1s));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_GT(world.now().time_since_epoch(), 0s);
}

TEST(World, TheSeedOrdersNodesThatAreReadyAtOneInstant) {
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    World world{seed};
    std::string order;
    for (const char* name : {"a", "b", "c"}) {
      Node& node = world.add(name);
      node.power_on();
      node.spawn([](Node& n, std::string& out) -> Task<> {
        out += n.name();
        co_return;
      }(node, order));
    }
    ASSERT_TRUE(world.run_until([&] { return order.size() == 3; }, 1s));
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 6u);
}

// Writes a counter, one durable step at a time; says what it has acknowledged.
struct Counter {
  Counter(Node& n, int& acknowledged) : node{n}, done{acknowledged} { node.spawn(run(*this)); }
  static Task<> run(Counter& self) {
    const auto text = read_file(self.node.disk(), "counter", 100);
    int value = text ? std::stoi(*text) : 0;
    EXPECT_GE(value, self.done);
    for (;;) {
      Result<> saved;
      std::function<void()> work = [&saved, &self, next = value + 1] {
        saved = replace_file(self.node.disk(), "counter", std::to_string(next));
      };
      co_await self.node.worker("bytes").run(std::move(work));
      if (!saved) continue;
      self.done = ++value;
      co_await self.node.clock().sleep_until(self.node.clock().steady() + 1s, self.stop);
    }
  }
  Node& node;
  int& done;
  Stop stop;
};

std::uint64_t run_counters(std::uint64_t seed) {
  World world{seed};
  int acknowledged[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    Node& node = world.add("node-" + std::to_string(i));
    node.set_program([count = &acknowledged[i]](Node& n) { return std::make_shared<Counter>(n, *count); });
    node.disk().on_op([&node, next = std::uint64_t{0}](std::uint64_t n, const std::string&) mutable {
      if (next == 0) next = n + 1 + node.random().uniform(20);
      if (n < next) return Power::kStays;
      next = 0;
      return node.random().one_in(2) ? Power::kLostBefore : Power::kLostAfter;
    });
    node.power_on();
  }
  world.on_crashed([&](Node& node) { world.after(2s, [&node] { node.power_on(); }); });
  const auto done = world.run_until([&] { return acknowledged[0] > 50 && acknowledged[1] > 50; }, 1h);
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_GT(world.node("node-0").boots(), 3);
  return world.trace_hash();
}

TEST(World, ANodeLosesPowerAtAnyWritePointAndGoesOn) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) run_counters(seed);
}

TEST(World, TheSameSeedGivesTheSameTraceAndAnotherSeedAnother) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const std::uint64_t hash = run_counters(seed);
    EXPECT_EQ(hash, run_counters(seed));
    hashes.insert(hash);
  }
  EXPECT_EQ(hashes.size(), 10u);
}

}  // namespace
}  // namespace dray::sim

#include "drive/driver.h"

#include <gtest/gtest.h>

#include "adapters/posix/system_clock.h"

namespace dray {
namespace {

struct CounterMachine {
  using Key = int;
  using State = int;
  using Event = int;
  struct Given {};
  using Action = std::string;
  struct Step {
    int next;
    std::vector<std::string> actions;
  };
  static constexpr std::string_view kName = "counter";
  static Step advance(const int& state, const int& event, const Given&) {
    if (event == 0) return {state, {}};
    return {state + event, {"became " + std::to_string(state + event)}};
  }
  static std::vector<std::string> resume(const int& state) { return {"again " + std::to_string(state)}; }
  static std::string_view phase(const int& state) { return state % 2 == 0 ? "even" : "odd"; }
  static std::string_view event(const int&) { return "add"; }
  static std::string describe(const int& key) { return std::to_string(key); }
};

struct Fixture {
  asio::io_context io;
  adapters::SystemClock clock{io};
  TaskGroup tasks{io.get_executor()};
  std::vector<std::string> trace;
  std::vector<std::vector<int>> commits;
  std::vector<Result<>> outcomes;  // of the next commits; then ok
  GroupCommit<int> saves{tasks, clock, Log{}, [this](const std::vector<int>& batch) { return commit(batch); }};
  Driver<CounterMachine, int> driver{saves, clock, Log{}, [](const int&, const int*, const int& after) { return after; },
                                     [this](const int&, const std::string& action) { trace.push_back(action); },
                                     [this](const Crossing& c) { trace.push_back(std::string{c.to} + std::to_string(static_cast<int>(c.point))); }};

  Task<Result<>> commit(std::vector<int> batch) {
    co_await asio::post(io, kAwait);
    trace.push_back("commit");
    if (!outcomes.empty()) {
      const Result<> outcome = outcomes.back();
      outcomes.pop_back();
      if (!outcome) co_return outcome;
    }
    commits.push_back(batch);
    co_return Result<>{};
  }
};

TEST(Driver, ActsOnlyAfterTheSave) {
  Fixture f;
  f.driver.put(1, 10);
  EXPECT_TRUE(f.driver.apply(1, 3, {}));
  EXPECT_EQ(*f.driver.find(1), 13);  // memory is ahead
  f.io.run();
  EXPECT_EQ(f.trace, (std::vector<std::string>{"odd0", "commit", "odd1", "became 13", "odd2"}));
}

TEST(Driver, GroupsWhatComesWhileASaveRuns) {
  Fixture f;
  f.driver.put(1, 0);
  for (int i = 0; i < 5; ++i) f.driver.apply(1, 2, {});
  f.io.run_one();
  f.driver.apply(1, 2, {});
  f.io.run();
  ASSERT_LE(f.commits.size(), 2U);
  EXPECT_EQ(f.commits.back().back(), 12);
  EXPECT_TRUE(f.saves.idle());
}

TEST(Driver, AnEventThatChangesNothingSavesNothing) {
  Fixture f;
  f.driver.put(1, 0);
  EXPECT_FALSE(f.driver.apply(1, 0, {}));
  EXPECT_FALSE(f.driver.apply(2, 1, {}));
  f.io.run();
  EXPECT_TRUE(f.commits.empty());
}

TEST(Driver, RepeatsAFailedSaveAndActsNotBefore) {
  Fixture f;
  f.outcomes = {Error{ErrorCode::kExhausted, "disk full"}};
  f.driver.put(1, 0);
  f.driver.apply(1, 2, {});
  EXPECT_FALSE(f.saves.failing());
  while (f.trace.empty()) f.io.run_one();
  f.io.run_one();
  EXPECT_TRUE(f.saves.failing());
  f.io.run();
  EXPECT_FALSE(f.saves.failing());
  EXPECT_EQ(f.trace, (std::vector<std::string>{"commit", "commit", "became 2"}));
}

Task<> answer(Fixture& f, std::vector<std::string>& out) {
  const Result<> saved = co_await f.saves.settled();
  out.push_back(saved ? "answered" : "stopped");
}

TEST(GroupCommit, AnAnswerLeavesAfterTheSavesBeforeIt) {
  Fixture f;
  f.driver.put(1, 0);
  f.driver.apply(1, 2, {});
  f.tasks.spawn(answer(f, f.trace));
  f.io.run();
  EXPECT_EQ(f.trace, (std::vector<std::string>{"commit", "became 2", "answered"}));
}

TEST(GroupCommit, WhatOneTurnOfTheLoopAddsIsCommittedTogether) {
  Fixture f;
  asio::post(f.io, [&f] {
    for (const int write : {1, 2, 3}) f.saves.add(write);
  });
  f.io.run();
  EXPECT_EQ(f.commits, (std::vector<std::vector<int>>{{1, 2, 3}}));
}

TEST(GroupCommit, AnAnswerIsNotGivenWhenTheSaveNeverCame) {
  Fixture f;
  f.outcomes.assign(1000, Result<>{Error{ErrorCode::kExhausted, "disk full"}});
  f.driver.put(1, 0);
  f.driver.apply(1, 2, {});
  f.tasks.spawn(answer(f, f.trace));
  f.tasks.stop();
  f.io.run();
  EXPECT_EQ(f.trace.back(), "stopped");
}

// A site with ten thousand devices in one night; and one that is driven in circles.
TEST(Driver, SaysEachChangeOfEverySubjectButNotOfOneWithoutEnd) {
  asio::io_context io;
  adapters::SystemClock clock{io};
  TaskGroup tasks{io.get_executor()};
  std::size_t said = 0;
  const Log log{Level::kInfo, [&] { return clock.wall(); }, [&](Level, std::string_view line) { said += line.find("state_changed machine") != line.npos; }};
  GroupCommit<int> saves{tasks, clock, Log{}, [](const std::vector<int>&) -> Task<Result<>> { co_return Result<>{}; }};
  Driver<CounterMachine, int> driver{saves, clock, log, [](const int&, const int*, const int& after) { return after; }, [](const int&, const std::string&) {}};
  for (int key = 0; key < 10'000; ++key) {
    driver.put(key, 0);
    for (int i = 0; i < 10; ++i) driver.apply(key, 1, {});
  }
  EXPECT_EQ(said, 100'000U);
  for (int i = 0; i < 1'000; ++i) driver.apply(0, 1, {});
  EXPECT_EQ(said, 100'050U);
  io.run();
}

}  // namespace
}  // namespace dray

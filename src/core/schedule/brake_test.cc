#include "core/schedule/brake.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace dray::core {
namespace {

using namespace std::chrono_literals;

// When the turns of a loop begin, each of which takes `each` by itself.
std::vector<Duration> turns_within(Brake& brake, Duration each, Duration time, double chance, SteadyTime from = SteadyTime{1h}) {
  std::vector<Duration> out;
  for (SteadyTime now = from;;) {
    now += brake.turn(now, [&] { return chance; }).pause;
    if (now >= from + time) return out;
    out.push_back(now - from);
    now += each;
  }
}

std::size_t most_in_a_minute(const std::vector<Duration>& turns) {
  std::size_t most = 0;
  for (std::size_t i = 0, first = 0; i < turns.size(); ++i) {
    while (turns[i] - turns[first] > 1min) ++first;
    most = std::max(most, i - first + 1);
  }
  return most;
}

TEST(Brake, ABurstIsNotHeld) {
  Brake brake;
  SteadyTime now{1h};
  for (int i = 0; i < 21; ++i) EXPECT_EQ(brake.turn(now, [&] { return 0.99; }).pause, Duration{0}) << i;
  EXPECT_FALSE(brake.holds(now));
  const Brake::Turn held = brake.turn(now, [&] { return 0.5; });
  EXPECT_TRUE(held.begins);
  EXPECT_GE(held.pause, 1500ms);
  EXPECT_LE(held.pause, 3s);
  EXPECT_TRUE(brake.holds(now));
}

TEST(Brake, ALoopThatNeverRestsMakesAtMostSixtyTurnsInAnyMinuteAndFewInAnHour) {
  for (const double chance : {0.0, 0.5, 0.999})
    for (const Duration each : {0ms, 3ms, 50ms, 500ms, 999ms}) {
      Brake brake;
      const auto turns = turns_within(brake, each, 1h, chance);
      EXPECT_LE(most_in_a_minute(turns), 60U) << each.count() << " " << chance;
      EXPECT_LE(turns.size(), 80U) << each.count() << " " << chance;
      EXPECT_GE(turns.size(), 45U) << "it goes on all the same";
    }
}

// Loops of every kind: that turn at once, rest for a while, come each second, find something new now and then. What holds
// is asked of their turns alone.
TEST(Brake, NoSixtySecondsHoldMoreThanSixtyTurnsWheneverTheyCome) {
  for (unsigned seed = 1; seed <= 400; ++seed) {
    std::mt19937 draw{seed};
    const auto up_to = [&](int most) { return static_cast<int>(draw() % static_cast<unsigned>(most + 1)); };
    const bool finds_things = seed % 3 == 0;
    Brake brake;
    std::vector<Duration> turns;
    SteadyTime now{1h};
    int kind = 0;
    for (int i = 0; i < 1'500; ++i) {
      if (i % 25 == 0) kind = up_to(5);
      const std::array<int, 6> gaps{0, up_to(50), 990 + up_to(20), 1'000, 900 + up_to(400), up_to(30'000)};
      now += Duration{gaps[static_cast<std::size_t>(kind)]};
      now += brake.turn(now, [&] { return up_to(999) / 1'000.0; }).pause;
      if (finds_things && up_to(3) == 0)
        brake.progress();
      else
        turns.push_back(now - SteadyTime{});
    }
    ASSERT_LE(most_in_a_minute(turns), 60U) << "seed " << seed;
  }
}

TEST(Brake, WhoComesEachSecondIsKeptToTheMinuteAndNotCalledSlowed) {
  Brake brake;
  SteadyTime now{1h};
  std::vector<Duration> turns;
  for (int i = 0; i < 600; ++i) {
    const Brake::Turn turn = brake.turn(now, [] { return 0.5; });
    EXPECT_FALSE(turn.begins);
    EXPECT_FALSE(brake.holds(now));
    EXPECT_LE(turn.pause, 1s);
    now += turn.pause;
    turns.push_back(now - SteadyTime{1h});
    now += 1s;
  }
  EXPECT_EQ(most_in_a_minute(turns), 60U);
}

TEST(Brake, PausesGrowToFiveMinutesAndDifferByChance) {
  for (const double chance : {0.0, 0.999}) {
    Brake brake;
    SteadyTime now{1h};
    Duration longest{0}, before{0};
    for (int i = 0; i < 60; ++i) {
      const Duration pause = brake.turn(now, [&] { return chance; }).pause;
      EXPECT_GE(pause, before) << i;
      before = pause;
      longest = std::max(longest, pause);
      now += pause;
    }
    EXPECT_LE(longest, 5min);
    EXPECT_GE(longest, chance > 0.5 ? Duration{299'000} : Duration{150'000});
  }
}

TEST(Brake, ALoopThatRestsByItselfIsNeverHeld) {
  for (const Duration each : {1020ms, 1500ms, 55'000ms}) {
    Brake brake;
    const auto turns = turns_within(brake, each, 1h, 0.5);
    EXPECT_EQ(turns.size(), static_cast<std::size_t>((1h + each - 1ms) / each)) << each.count();
  }
}

TEST(Brake, ProgressGivesTheBurstBack) {
  Brake brake;
  SteadyTime now{1h};
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(brake.turn(now, [&] { return 0.5; }).pause, Duration{0});
    now += 1ms;
    brake.progress();
  }
  for (int i = 0; i < 50; ++i) now += brake.turn(now, [&] { return 0.5; }).pause;
  ASSERT_TRUE(brake.holds(now));
  brake.progress();
  const Brake::Turn next = brake.turn(now, [&] { return 0.5; });
  EXPECT_EQ(next.pause, Duration{0});
  EXPECT_EQ(next.ended, 30) << "said with the count";
  EXPECT_FALSE(brake.holds(now));
}

TEST(Brake, RestingGivesTheBurstBackAndEndsIt) {
  Brake brake;
  SteadyTime now{1h};
  for (int i = 0; i < 45; ++i) now += brake.turn(now, [&] { return 0.5; }).pause;
  EXPECT_TRUE(brake.holds(now));
  now += 45s;
  EXPECT_FALSE(brake.holds(now)) << "nothing turns any more";
  EXPECT_EQ(brake.turn(now, [&] { return 0.5; }).ended, 24);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(brake.turn(now, [&] { return 0.5; }).pause, Duration{0});
  EXPECT_LE(brake.turn(now, [&] { return 0.5; }).pause, 3s) << "from the beginning";
}

TEST(Brake, WhoBegunToRestIsNotHeldLongForOneQuickTurn) {
  Brake brake;
  SteadyTime now{1h};
  for (int i = 0; i < 60; ++i) now += brake.turn(now, [&] { return 0.5; }).pause;
  for (int i = 0; i < 60; ++i) {
    now += 1100ms;
    EXPECT_EQ(brake.turn(now, [&] { return 0.5; }).pause, Duration{0});
  }
  EXPECT_LE(brake.turn(now, [&] { return 0.5; }).pause, 3s);
}

TEST(Brake, AClockThatStandsStillIsNoRest) {
  Brake brake;
  const SteadyTime now{1h};
  for (int i = 0; i < 21; ++i) brake.turn(now, [&] { return 0.0; });
  EXPECT_GT(brake.turn(now, [&] { return 0.0; }).pause, 0s);
  EXPECT_GT(brake.turn(now - 10s, [&] { return 0.0; }).pause, 0s);
}

TEST(Brake, ALimitOfItsOwnHoldsSooner) {
  Brake brake{{.burst = 3, .paced = 0, .pace = 60s}};
  const auto turns = turns_within(brake, 0ms, 1h, 0.5);
  EXPECT_LE(turns.size(), 20U);
  EXPECT_EQ(std::count(turns.begin(), turns.end(), Duration{0}), 4);
}

}  // namespace
}  // namespace dray::core

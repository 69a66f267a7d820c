#include "core/schedule/continued_clock.h"

#include <gtest/gtest.h>

#include <random>

namespace dray::core {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kTrue{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};

// A machine: the true time passes, its wall clock is wrong by `error`.
struct ClockOfMachine {
  Duration passed{0}, error{0};
  bool synchronised = false;
  ClockReading read() const { return {kTrue + passed + error, SteadyTime{Duration{5'000} + passed}, synchronised}; }
  WallTime truth() const { return kTrue + passed; }
};

TimeMark mark(const ClockOfMachine& machine, WallTime time) { return {time, machine.read().boot, "boot"}; }

TEST(ContinuedClock, FollowsAWallClockThatIsNear) {
  ClockOfMachine machine;
  ContinuedClock clock{machine.read(), {}, false};
  for (const Duration error : {Duration{0}, Duration{30s}, Duration{-60s}}) {
    machine.passed += 10min;
    machine.error = error;
    EXPECT_EQ(clock.look(machine.read()), machine.read().wall);
    EXPECT_FALSE(clock.leapt_since());
  }
}

TEST(ContinuedClock, FollowsAQuartzThatDrifts) {
  ClockOfMachine machine;
  ContinuedClock clock{machine.read(), {}, false};
  for (int day = 1; day <= 365; ++day) {
    machine.passed += 24h;
    machine.error = machine.passed / 2'000;  // 500 ppm
    EXPECT_EQ(clock.look(machine.read()), machine.read().wall) << day;
  }
}

// Found on a server whose clock was thirty days ahead for 14 seconds: every rollout had expired for good.
TEST(ContinuedClock, ALeapOfThirtyDaysForAMomentMovesNothing) {
  ClockOfMachine machine;
  ContinuedClock clock{machine.read(), {}, false};
  machine.passed += 1h;
  EXPECT_EQ(clock.look(machine.read()), machine.truth());
  for (const Duration leap : {Duration{30 * 24h}, Duration{-30 * 24h}, Duration{2min}, Duration{-2min}}) {
    for (int second = 0; second < 14; ++second) {
      machine.passed += 1s;
      machine.error = leap;
      EXPECT_EQ(clock.look(machine.read()), machine.truth());
      EXPECT_TRUE(clock.leapt_since());
    }
    machine.error = 0s;
    EXPECT_EQ(clock.look(machine.read()), machine.truth());
    EXPECT_FALSE(clock.leapt_since());
  }
}

TEST(ContinuedClock, ALeapIsTakenWhenSomebodyConfirmsIt) {
  ClockOfMachine machine;
  ContinuedClock clock{machine.read(), {}, false};
  machine.error = 3h;
  EXPECT_EQ(clock.look(machine.read()), machine.truth());
  clock.confirm(machine.read());
  EXPECT_FALSE(clock.leapt_since());
  machine.passed += 1min;
  EXPECT_EQ(clock.look(machine.read()), machine.truth() + 3h);
  machine.error = 0s;
  EXPECT_EQ(clock.look(machine.read()), machine.truth() + 3h) << "and the way back is a leap again";
}

TEST(ContinuedClock, ALeapIsTakenWhenTheKernelHasSaidForAMinuteThatItIsSynchronised) {
  ClockOfMachine machine;
  ContinuedClock clock{machine.read(), {}, false};
  machine.error = 3h;
  machine.passed += 10s;
  EXPECT_EQ(clock.look(machine.read()), machine.truth());
  machine.synchronised = true;
  for (int looks = 0; looks < 6; ++looks) {
    machine.passed += 9s;
    EXPECT_EQ(clock.look(machine.read()), machine.truth()) << looks;
  }
  machine.passed += 20s;
  EXPECT_EQ(clock.look(machine.read()), machine.read().wall);
  EXPECT_FALSE(clock.leapt_since());
}

// The kernel says so all the time: that a clock was set shows by its step.
TEST(ContinuedClock, TheWordOfTheKernelBeginsAnewWithEachStep) {
  ClockOfMachine machine;
  machine.synchronised = true;
  ContinuedClock clock{machine.read(), {}, false};
  for (int looks = 0; looks < 60; ++looks) {
    machine.passed += 50s;
    machine.error = looks % 2 == 0 ? Duration{30 * 24h} : Duration{0};
    EXPECT_LE(std::chrono::abs(clock.look(machine.read()) - machine.truth()), 60s);
  }
}

TEST(ContinuedClock, AStartGoesOnFromTheNewestStoredTime) {
  ClockOfMachine machine;
  const TimeMark before = mark(machine, machine.truth());
  machine.passed += 20min;
  machine.error = 30 * 24h;
  ContinuedClock clock{machine.read(), before, true};
  EXPECT_EQ(clock.look(machine.read()), machine.truth());
  EXPECT_TRUE(clock.leapt_since());
}

TEST(ContinuedClock, AfterABootAClockThatIsBehindOrFarAheadHasLeapt) {
  ClockOfMachine machine;
  for (const Duration error : {Duration{-2min}, Duration{-30 * 24h}, Duration{25h}, Duration{30 * 24h}}) {
    machine.error = error;
    ContinuedClock clock{machine.read(), mark(machine, machine.truth()), false};
    machine.passed += 5s;
    EXPECT_EQ(clock.look(machine.read()), machine.truth());
    EXPECT_TRUE(clock.leapt_since());
  }
}

TEST(ContinuedClock, AfterABootTheTimeItWasOffIsBelieved) {
  ClockOfMachine machine;
  const TimeMark before = mark(machine, machine.truth());
  for (const bool synchronised : {false, true}) {
    machine.passed = synchronised ? Duration{30 * 24h} : Duration{20h};
    machine.synchronised = synchronised;
    ContinuedClock clock{machine.read(), before, false};
    EXPECT_EQ(clock.look(machine.read()), machine.truth());
    EXPECT_FALSE(clock.leapt_since());
  }
}

// Whatever an unsynchronised wall clock does: the time is never further from the trusted one than a minute and a drift,
// and while the wall clock is not followed it goes on as the boot-time clock does.
TEST(ContinuedClock, NothingUnconfirmedMovesTheTime) {
  std::mt19937_64 random{9};
  const auto below = [&](std::int64_t most) { return Duration{std::uniform_int_distribution<std::int64_t>{0, most}(random)}; };
  for (int round = 0; round < 300; ++round) {
    ClockOfMachine machine;
    ContinuedClock clock{machine.read(), {}, false};
    WallTime last = machine.truth();
    for (int step = 0; step < 200; ++step) {
      const Duration passes = below(1LL << (step % 28));
      machine.passed += passes;
      if (step % 3 == 0) machine.error = below(1LL << (step % 33)) * (step % 2 == 0 ? 1 : -1);
      machine.synchronised = step % 7 == 0 && passes < Duration{59s};  // never for a minute
      const WallTime now = clock.look(machine.read());
      ASSERT_LE(std::chrono::abs(now - machine.truth()), clock_tolerance(machine.passed));
      if (clock.leapt_since()) { ASSERT_EQ(now, last + passes); }
      last = now;
    }
  }
}

}  // namespace
}  // namespace dray::core

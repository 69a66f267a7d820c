#include "core/schedule/pace.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

namespace dray::core {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kBegin{Duration{1h}};

TEST(Pace, WhatIsSeldomBeginsAtOnce) {
  Pace pace;
  for (int i = 0; i < Pace::kBurst; ++i) EXPECT_EQ(pace.turn(kBegin), kBegin) << i;
  EXPECT_EQ(pace.turn(kBegin), kBegin + Pace::kEach);
  for (int i = 0; i < 100; ++i) {
    const SteadyTime at = kBegin + 1h + Pace::kEach * i;
    EXPECT_EQ(pace.turn(at), at);
  }
  Pace early;  // a clock that has just begun
  EXPECT_EQ(early.turn(SteadyTime{}), SteadyTime{});
}

TEST(Pace, NoMinuteHoldsMoreThanSixtyTurnsAndNobodyWaitsLong) {
  rc::check([] {
    Pace pace;
    SteadyTime now = kBegin;
    std::vector<SteadyTime> turns;
    for (const int rest : *rc::gen::container<std::vector<int>>(400, rc::gen::element(0, 1, 50, 999, 1000, 1500, 30'000))) {
      now += Duration{rest};
      const SteadyTime at = pace.turn(now);
      RC_ASSERT(at >= now);
      RC_ASSERT(at - now <= Pace::kEach);
      now = at;  // the loop waits for its turn
      turns.push_back(at);
    }
    for (std::size_t i = Pace::kMost; i < turns.size(); ++i) RC_ASSERT(turns[i] - turns[i - Pace::kMost] >= 60s);
  });
}

}  // namespace
}  // namespace dray::core

#include "core/schedule/growing_pause.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

using namespace std::chrono_literals;

constexpr double kLow = 0.0, kHigh = 0.999'999;

TEST(GrowingPause, ItsUpperEndDoublesToItsLimitAndItsLowerEndStays) {
  GrowingPause low{{100ms, 1s, 60s}}, high{{100ms, 1s, 60s}};
  Duration ceiling = 1s;
  for (int i = 0; i < 100; ++i, ceiling = std::min<Duration>(60s, ceiling * 2)) {
    EXPECT_EQ(low.next(kLow), 100ms) << i;
    const Duration pause = high.next(kHigh);
    EXPECT_LE(pause, ceiling) << i;
    EXPECT_GE(pause, ceiling - 1ms) << i;
  }
}

TEST(GrowingPause, WhoRefusesIsAskedEverMoreSeldomThanWhoDoesNotAnswer) {
  GrowingPause pause{GrowingPause::from(1s, 60s)};
  for (int i = 0; i < 30; ++i) EXPECT_LE(pause.next(kHigh, true), 5min);
  EXPECT_GE(pause.next(kHigh, true), 299s);
  EXPECT_LE(pause.next(kHigh, false), 60s) << "nobody answers now";
}

TEST(GrowingPause, AfterSuccessItIsShortAgain) {
  GrowingPause pause{GrowingPause::from(1s, 60s)};
  for (int i = 0; i < 9; ++i) pause.next(kHigh);
  EXPECT_GE(pause.failures(), 9);
  pause.reset();
  EXPECT_EQ(pause.failures(), 0);
  EXPECT_LE(pause.next(kHigh), 1s);
  EXPECT_EQ(pause.next(kLow), 100ms) << "a tenth of the first";
}

TEST(GrowingPause, FailuresForYearsAreNoMoreThanMany) {
  GrowingPause pause{GrowingPause::from(1s, 60s)};
  for (int i = 0; i < 100'000; ++i) ASSERT_LE(pause.next(kHigh, true), 5min);
}

}  // namespace
}  // namespace dray::core

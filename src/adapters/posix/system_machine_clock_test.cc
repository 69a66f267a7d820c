#include "adapters/posix/system_machine_clock.h"

#include <gtest/gtest.h>

namespace dray::adapters {
namespace {

TEST(SystemMachineClock, SaysWhatTheKernelSays) {
  const SystemMachineClock clock;
  const auto before = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  const ClockReading first = clock.read(), second = clock.read();
  EXPECT_GE(first.wall, before);
  EXPECT_GE(second.boot, first.boot);
  EXPECT_GT(first.boot.time_since_epoch(), Duration{0});
  EXPECT_EQ(clock.boot(), clock.boot());
  EXPECT_EQ(clock.boot().size(), 36U) << "an UUID";
}

}  // namespace
}  // namespace dray::adapters

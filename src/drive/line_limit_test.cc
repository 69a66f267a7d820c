#include "drive/line_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "drive/trouble.h"

namespace dray {
namespace {

using namespace std::chrono_literals;

class HandClock final : public Clock {
 public:
  WallTime wall() const override { return WallTime{now.time_since_epoch()}; }
  SteadyTime steady() const override { return now; }
  Task<Result<>> sleep_until(SteadyTime, Stop&) override { co_return Result<>{}; }
  SteadyTime now{1h};
};

class LineLimitTest : public ::testing::Test {
 protected:
  std::size_t logged(std::string_view event) const {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [&](const auto& line) { return line.find(event) != line.npos; }));
  }
  HandClock clock;
  std::vector<std::string> lines;
  Log log{Level::kInfo, [this] { return clock.wall(); }, [this](Level, std::string_view line) { lines.emplace_back(line); }};
};

TEST_F(LineLimitTest, SaysOnceThatLinesAreLeftOutAndThenHowMany) {
  LineLimit limit{clock, log};
  int said = 0;
  for (int i = 0; i < 5'000; ++i) said += limit.may_say("power_on_reported", "till-1\n\xff") ? 1 : 0;
  EXPECT_EQ(said, 10);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("line_left_out"), std::string::npos);
  EXPECT_NE(lines[0].find("power_on_reported"), std::string::npos);
  EXPECT_EQ(lines[0].find('\n'), std::string::npos);
  EXPECT_TRUE(limit.may_say("two_agents", "till-1")) << "another kind has its own";
  clock.now += 1h;
  EXPECT_TRUE(limit.may_say("power_on_reported", "till-1"));
  EXPECT_NE(lines.back().find("count=4990"), std::string::npos) << lines.back();
}

TEST_F(LineLimitTest, WhatFailsAndWorksInTurnIsSaidAFewTimesAnHour) {
  Trouble trouble{"poll_failed", "Asking the gateway", clock};
  for (int i = 0; i < 3'000; ++i) {
    clock.now += 1s;
    trouble.failed(log, "status 500");
    EXPECT_TRUE(trouble.sentence());
    trouble.over(log);
  }
  EXPECT_EQ(logged("poll_failed what="), 10U);
  EXPECT_EQ(logged("poll_failed_over"), 10U);
  clock.now += 1h;
  trouble.failed(log, "status 500");
  EXPECT_EQ(logged("poll_failed_left_out"), 1U);
  EXPECT_EQ(logged("poll_failed what="), 11U);
}

TEST_F(LineLimitTest, WhatGoesOnFailingWhenTheHourIsUsedUpIsSaidAfterIt) {
  Trouble trouble{"poll_failed", "Asking the gateway", clock};
  for (int i = 0; i < 10; ++i) {
    trouble.failed(log, "status 500");
    trouble.over(log);
  }
  for (int i = 0; i < 3 * 24 * 60; ++i) {  // three days
    trouble.failed(log, "status 500");
    if (i == 0) {
      EXPECT_EQ(logged("line_left_out line=poll_failed"), 1U);
    }
    clock.now += 1min;
  }
  EXPECT_EQ(logged("poll_failed what="), 11U) << "once, not once an hour";
  EXPECT_EQ(logged("poll_failed_left_out"), 1U);
  EXPECT_EQ(logged("poll_failed_over"), 10U);
  EXPECT_NE(lines.back().find("times=61"), std::string::npos) << lines.back();
  trouble.over(log);
  EXPECT_EQ(logged("poll_failed_over"), 11U);
  trouble.failed(log, "status 500");
  trouble.given_up(log);
  EXPECT_EQ(logged("poll_failed_over"), 11U) << "it never worked";
  EXPECT_EQ(logged("poll_failed_given_up"), 1U);
}

}  // namespace
}  // namespace dray

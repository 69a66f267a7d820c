#include "core/model/epoch.h"

#include <gtest/gtest.h>

#include <limits>

namespace dray::core {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 30}};

TEST(Epochs, TheFirstOfADayBeginsAtOnceAndEachFurtherOneLater) {
  const Duration pauses[] = {0min, 2min, 4min, 8min, 16min, 32min, 60min, 60min, 60min};
  Paced paced;
  WallTime now = kNow;
  for (const Duration pause : pauses) {
    EXPECT_EQ(next_at(paced, now), now + pause) << "after " << paced.count;
    now += pause;
    paced = done(paced, now);
  }
  EXPECT_EQ(paced.count, 9);
}

TEST(Epochs, ADayLaterTheFirstIsAtOnceAgain) {
  Paced paced;
  for (int i = 0; i < 5; ++i) paced = done(paced, kNow + i * 1min);
  EXPECT_GT(next_at(paced, kNow + 5min), kNow + 30min);
  EXPECT_EQ(next_at(paced, kNow + 24h), kNow + 24h);
  EXPECT_EQ(done(paced, kNow + 24h), (Paced{kNow + 24h, 1, kNow + 24h}));
}

TEST(Epochs, AClockThatIsSetBackKeepsNobodyWaitingForYears) {
  Paced paced = done(done({}, kNow + 8760h), kNow + 8760h);
  EXPECT_EQ(next_at(paced, kNow), kNow + 4min) << "counted from now";
  EXPECT_EQ(as_of(paced, kNow), (Paced{kNow, 2, kNow}));
}

TEST(Epochs, ADayOfThemLeasesFewIds) {
  Paced paced;
  std::int64_t ids = 0, begun = 0;
  for (WallTime now = kNow; now < kNow + 24h; now = std::max(now + 1s, next_at(paced, now))) {
    ids += ids_of_next(paced, now);
    paced = done(paced, now);
    ++begun;
  }
  EXPECT_LE(begun, 30);
  EXPECT_EQ(ids, kIdsOfFirst + (begun - 1) * kIdsOfFurther);
}

TEST(Epochs, ALeaseTakesWhatIsLeftAndNeverMore) {
  struct Row {
    std::int64_t next, wanted;
    ActionIdRange want;
  };
  const Row rows[] = {
      {1, 10, {1, 10}},
      {kMostActionId - 9, 10, {kMostActionId - 9, kMostActionId}},
      {kMostActionId - 3, 10, {kMostActionId - 3, kMostActionId}},
      {kMostActionId, 10, {kMostActionId, kMostActionId}},
      {kMostActionId + 1, 10, {kMostActionId + 1, kMostActionId}},
      {std::numeric_limits<std::int64_t>::max(),
       10,
       {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::max() - 1}},
  };
  for (const Row& row : rows) EXPECT_EQ(lease_of(row.next, row.wanted, kMostActionId), row.want) << row.next;
}

TEST(Epochs, ANumberThatJumpsIsNone) {
  EXPECT_TRUE(is_likely_epoch(0, 1));
  EXPECT_TRUE(is_likely_epoch(5, 3)) << "an earlier one: a gateway that was restored";
  EXPECT_TRUE(is_likely_epoch(7, 1'007));
  EXPECT_FALSE(is_likely_epoch(7, 1'008));
  EXPECT_FALSE(is_likely_epoch(0, std::numeric_limits<std::int64_t>::max()));
}

}  // namespace
}  // namespace dray::core

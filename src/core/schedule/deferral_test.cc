#include "core/schedule/deferral.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace dray::core {
namespace {

using namespace std::chrono_literals;

const WallTime kMidnight{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};

TEST(Deferral, TheTimeNeededIsTheFetchAndThenTheRoundsOfDevices) {
  WorkLeft work{.wan_bytes = 1'000'000'000,
                .wan_rate = 1'000'000,
                .lan_bytes = 1'000'000'000,
                .lan_rate = 10'000'000,
                .devices = 7,
                .concurrency = 3,
                .install = 60s};
  EXPECT_EQ(time_needed(work), 1000s + 3 * 160s);
  work.wan_bytes = 0;
  EXPECT_EQ(time_needed(work), 480s);
  EXPECT_EQ(time_needed({}), 0s);
}

TEST(Deferral, WithoutRatesItAssumesCautiousOnes) {
  const WorkLeft work{.wan_bytes = 10'000'000, .lan_bytes = 10'000'000, .devices = 1};
  EXPECT_EQ(time_needed(work), 10s + 2s + 120s);
  EXPECT_GT(time_needed({.wan_bytes = 1, .wan_rate = 0, .devices = 1}), 0s);
}

TEST(Deferral, ARateThatWasMeasuredCountsAndOfSeveralRolloutsTheOneThatNeedsMost) {
  const Sha256 image = *Sha256::parse(std::string(64, 'a'));
  DeferredShare share{.expires_at = kMidnight + 10h, .devices = 6, .widest = 1'000'000'000, .missing = {{image, 1'000'000'000}}};
  EXPECT_EQ(latest_possible({}, {}), std::nullopt) << "nothing to do";
  // 1,000 s for the WAN, two rounds of 200 + 120 s.
  EXPECT_EQ(latest_possible(std::span{&share, 1}, {.concurrency = 3}), kMidnight + 10h - 1640s);
  EXPECT_EQ(latest_possible(std::span{&share, 1}, {.wan = 100'000, .lan = 1'000'000, .concurrency = 3}), kMidnight + 10h - 12'240s);
  DeferredShare soon{.expires_at = kMidnight + 2h, .devices = 1};
  const std::vector<DeferredShare> both{share, soon};
  EXPECT_EQ(latest_possible(both, {.concurrency = 3}), kMidnight + 2h - 120s);
}

TEST(Deferral, ALatestStartLeavesEnoughPermittedTimeBeforeTheExpiry) {
  EXPECT_EQ(latest_start({}, kMidnight + 10h, 3600s), kMidnight + 9h);
  const Intervals nights{{kMidnight, kMidnight + 4h}, {kMidnight + 24h, kMidnight + 28h}};
  EXPECT_EQ(latest_start(nights, kMidnight + 48h, 3600s), kMidnight + 27h);
  EXPECT_EQ(latest_start(nights, kMidnight + 26h, 3600s), kMidnight + 25h);     // the expiry cuts the second night
  EXPECT_EQ(latest_start(nights, kMidnight + 48h, 5 * 3600s), kMidnight + 3h);  // and the first is needed too
  EXPECT_EQ(latest_start(nights, kMidnight + 48h, 9 * 3600s), kMidnight - 1h);  // does not fit at all
}

TEST(Deferral, WhatBeginsAtTheLatestStartHasExactlyTheTimeItNeeds) {
  rc::check([] {
    Intervals update;
    WallTime at = kMidnight;
    for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
      at += std::chrono::seconds{*rc::gen::inRange(1, 5'000)};
      const WallTime from = at;
      at += std::chrono::seconds{*rc::gen::inRange(1, 5'000)};
      update.push_back({from, at});
    }
    const WallTime expires = kMidnight + std::chrono::seconds{*rc::gen::inRange(5'000, 60'000)};
    const auto needed = std::chrono::seconds{*rc::gen::inRange(0, 10'000)};
    const WallTime start = latest_start(update, expires, needed);
    Duration permitted{0}, all{0};
    for (const Interval& i : update) {
      const WallTime to = std::min(i.to, expires);
      permitted += std::max(Duration{0}, to - std::max(i.from, start));
      all += std::max(Duration{0}, to - i.from);
    }
    if (all >= needed)
      RC_ASSERT(permitted == needed);
    else
      RC_ASSERT(start < update.front().from);
  });
}

}  // namespace
}  // namespace dray::core

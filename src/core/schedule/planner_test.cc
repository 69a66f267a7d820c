#include "core/schedule/planner.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>

#include "core/schedule/explain.h"
#include "core/schedule/planner_testing.h"
#include "core/schedule/replan.h"

namespace dray::core {
namespace {

using namespace std::chrono;

// A Tuesday, 12:00 UTC; the sites of these tests live in UTC.
const WallTime kNow{sys_days{2026y / 11 / 24} + hours{12}};
constexpr std::uint64_t kMB = 1'000'000;

WallTime at(int day, int hour, int minute = 0) {
  return WallTime{sys_days{2026y / 11 / 24} + hours{24 * day + hour} + minutes{minute}};
}

// A world with its lists: what tasks look at.
struct World {
  std::deque<Intervals> intervals;
  std::deque<std::vector<DeviceWork>> devices;
  std::vector<SiteTask> sites;
  std::vector<BudgetStep> egress;
  std::vector<RateLimit> taken;

  std::span<const Interval> nightly(int from, int length, int nights = 14) {
    Intervals out;
    for (int day = 0; day < nights; ++day) out.push_back({at(day, from), at(day, from + length)});
    return intervals.emplace_back(std::move(out));
  }
  std::span<const Interval> always() { return intervals.emplace_back(Intervals{{kNow, kNow + days{60}}}); }

  // 3.6 GB at 1 MB/s: an hour; three devices at once, 10 minutes each to receive and 5 to install.
  SiteTask& add(Delivery delivery) {
    SiteTask site;
    site.delivery = delivery;
    site.transfer = always();
    site.update = always();
    site.wan = {BytesPerSecond{kMB}, BytesPerSecond{kMB}, 0};
    site.missing = Bytes{3600 * kMB};
    site.devices =
        devices.emplace_back(3, DeviceWork{Bytes{3600 * kMB}, BytesPerSecond{6 * kMB}, minutes{5}});
    site.expires_at = at(10, 0);
    return sites.emplace_back(site);
  }
  void budget(std::uint64_t rate) { egress = {{kNow, BytesPerSecond{rate}}}; }
  std::vector<SiteTimes> plan() const { return plan_times({kNow, sites, egress, taken}); }
};

// M4, M5
TEST(Planner, PullBeginsInTheFirstUpdateWindowInWhichFetchAndDevicesFit) {
  World w;
  SiteTask& site = w.add(Delivery::kPull);
  site.split = false;
  site.update = w.intervals.emplace_back(Intervals{{at(0, 22), at(0, 23)}, {at(1, 2), at(1, 4)}});
  const auto times = w.plan();
  ASSERT_TRUE(times[0].fits());
  EXPECT_EQ(times[0].update_at, at(1, 2)) << "one hour is too short for 60 + 15 minutes";
  EXPECT_EQ(times[0].fetched_at, at(1, 3));
  EXPECT_EQ(times[0].finish_at, at(1, 3, 15));
  EXPECT_FALSE(times[0].transmit_at);
}

// M4: a fetch runs in transfer windows only; where they never meet update windows it takes them as they are.
TEST(Planner, PullFetchesInTransferWindowsAndWaitsForTheUpdateWindow) {
  World w;
  SiteTask& site = w.add(Delivery::kPull);
  site.transfer = w.nightly(20, 2);
  site.update = w.nightly(26, 2);
  const auto times = w.plan();
  ASSERT_TRUE(times[0].fits());
  EXPECT_EQ(times[0].update_at, at(0, 20));
  EXPECT_EQ(times[0].finish_at, at(1, 2, 15));
}

// M10, M11
TEST(Planner, PushBeginsAsLateAsItStillArrivesWithItsMargin) {
  World w;
  SiteTask& site = w.add(Delivery::kPush);
  site.wan.spread = 0.5;
  site.update = w.nightly(26, 2);
  const auto times = w.plan();
  ASSERT_TRUE(times[0].fits());
  EXPECT_EQ(times[0].update_at, at(1, 2));
  EXPECT_EQ(times[0].fetched_at, at(1, 1, 30)) << "half of the hour is the margin";
  EXPECT_EQ(times[0].transmit_at, at(1, 0, 30));
  EXPECT_EQ(times[0].finish_at, at(1, 2, 15));
}

// M5, M11: the low percentile is what is counted on.
TEST(Planner, CountsOnTheLowRate) {
  World w;
  w.add(Delivery::kPull).wan = {BytesPerSecond{4 * kMB}, BytesPerSecond{2 * kMB}, 0.5};
  EXPECT_EQ(w.plan()[0].fetched_at, kNow + minutes{30});
}

TEST(Planner, StaggersSitesSoThatTheEgressBudgetHolds) {
  World w;
  for (int i = 0; i < 4; ++i) w.add(Delivery::kPull).update = w.nightly(26, 6);
  w.budget(2 * kMB);
  std::vector<WallTime> starts;
  for (const SiteTimes& times : w.plan()) {
    ASSERT_TRUE(times.fits());
    starts.push_back(*times.update_at);
  }
  std::sort(starts.begin(), starts.end());
  EXPECT_EQ(starts, (std::vector{at(1, 2), at(1, 2), at(1, 3), at(1, 3)})) << "not all sites at 02:00";
}

TEST(Planner, SharesWhatIsLeftBesideALargeSite) {
  World w;
  for (int i = 0; i < 3; ++i) w.add(Delivery::kPull);
  w.budget(1'500'000);
  WallTime last{};
  for (const SiteTimes& times : w.plan()) last = std::max(last, *times.fetched_at);
  EXPECT_LE(last, kNow + minutes{124})
      << "3 x 3.6 GB at 1.5 MB/s are two hours; one by one it would be three";
}

TEST(Planner, SpreadsOverSeveralWindowsWhereAllowed) {
  World w;
  SiteTask& site = w.add(Delivery::kPush);
  site.devices =
      w.devices.emplace_back(30, DeviceWork{Bytes{3600 * kMB}, BytesPerSecond{6 * kMB}, minutes{5}});
  site.update = w.nightly(26, 1);
  EXPECT_TRUE(w.plan()[0].fits());
  EXPECT_EQ(w.plan()[0].update_at, at(1, 2));
  EXPECT_GE(*w.plan()[0].finish_at, at(3, 2)) << "10 x 10 minutes of receiving, 45 usable ones a night";
  site.split = false;
  const SiteTimes times = w.plan()[0];
  ASSERT_FALSE(times.fits());
  EXPECT_FALSE(times.update_at) << "nothing is begun that may not be spread and does not fit";
  EXPECT_EQ(sentence_of(*times.misfit, {}),
            "Updating the devices needs 1 h 52 min, the update windows have 1 h before the expiry; it would "
            "fit with "
            "windows 52 min longer.");
}

TEST(Planner, SaysWithItsArithmeticWhyItDoesNotFit) {
  World w;
  SiteTask& site = w.add(Delivery::kPush);
  site.missing = Bytes{11400 * kMB};  // 3 h 10 min
  site.transfer = w.nightly(22, 2);
  site.update = w.nightly(26, 2);
  site.expires_at = at(1, 4);
  SiteTimes times = w.plan()[0];
  ASSERT_FALSE(times.fits());
  EXPECT_EQ(word_of(times.misfit->obstacle), "window_too_short");
  EXPECT_EQ(sentence_of(*times.misfit, {}),
            "The transmission needs 3 h 10 min at 8 Mbit/s, the transfer windows have 2 h in time before the "
            "expiry; it "
            "would fit with windows 1 h 10 min longer, with 12.7 Mbit/s, or if it expired on Thu 2026-11-26 "
            "02:15 UTC.");
  site.expires_at = *times.misfit->expiry;
  EXPECT_TRUE(w.plan()[0].fits()) << "what it says would help helps";

  site.expires_at = at(1, 4);
  site.wan.low = *times.misfit->faster;
  EXPECT_TRUE(w.plan()[0].fits());

  site.wan = {};
  EXPECT_EQ(sentence_of(*w.plan()[0].misfit, {}), "No rate is known: neither measured nor assumed.");
  site.wan.rate = BytesPerSecond{kMB};
  site.update = {};
  EXPECT_EQ(sentence_of(*w.plan()[0].misfit, {}), "No update window is open before the expiry.");
}

TEST(Planner, SaysWhenOthersHaveTakenTheEgress) {
  World w;
  for (int i = 0; i < 2; ++i) w.add(Delivery::kPull).expires_at = at(0, 14);
  w.budget(kMB);
  w.sites[1].missing = Bytes{5400 * kMB};
  const auto times = w.plan();
  EXPECT_TRUE(times[0].fits());
  ASSERT_FALSE(times[1].fits());
  EXPECT_EQ(sentence_of(*times[1].misfit, {}),
            "The transmission needs 1 h 30 min at 8 Mbit/s, and what the server may send before the expiry "
            "is taken by "
            "other sites; it would fit if it expired on Tue 2026-11-24 14:45 UTC.");
}

TEST(Planner, SmallSitesGoFirstWhereNotAllCanFit) {
  World w;
  for (int i = 0; i < 5; ++i) {
    SiteTask& site = w.add(Delivery::kPull);
    site.expires_at = at(0, 14, 20);
    site.missing = Bytes{(i == 0 ? 7200 : 1700) * kMB};
  }
  w.budget(kMB);
  int fit = 0;
  for (const SiteTimes& times : w.plan()) fit += times.fits() ? 1 : 0;
  EXPECT_EQ(fit, 4);
}

TEST(Planner, HigherPrioritiesAreServedFirst) {
  World w;
  for (int i = 0; i < 3; ++i) w.add(Delivery::kPull).priority = i;
  w.budget(kMB);
  const auto times = w.plan();
  EXPECT_LT(*times[2].fetched_at, *times[1].fetched_at);
  EXPECT_LT(*times[1].fetched_at, *times[0].fetched_at);
}

TEST(Planner, WhatOthersHaveTakenIsNotGivenAgain) {
  World w;
  w.add(Delivery::kPull);
  w.budget(kMB);
  w.taken = {{kNow, kNow + hours{3}, kMB}};
  EXPECT_EQ(w.plan()[0].update_at, kNow + hours{3});
}

TEST(Planner, TimesThatAreGivenStayAndAreJudged) {
  World w;
  SiteTask& push = w.add(Delivery::kPush);
  push.transmit_at = at(0, 20, 7);
  push.update_at = at(0, 22);
  SiteTask& late = w.add(Delivery::kPull);
  late.update_at = at(9, 23);
  const auto times = w.plan();
  EXPECT_TRUE(times[0].fits());
  EXPECT_EQ(times[0].transmit_at, at(0, 20, 7));
  EXPECT_EQ(times[0].update_at, at(0, 22));
  EXPECT_EQ(times[0].finish_at, at(0, 22, 15));
  EXPECT_EQ(times[1].update_at, at(9, 23));
  ASSERT_FALSE(times[1].fits());
  EXPECT_EQ(times[1].misfit->start_by, at(9, 22, 45));
}

TEST(Planner, ASiteThatHasAllBytesNeedsNoTransferWindow) {
  World w;
  for (const Delivery delivery : {Delivery::kPull, Delivery::kPush}) {
    SiteTask& site = w.add(delivery);
    site.missing = {};
    site.transfer = {};
    site.wan = {};
    site.update = w.nightly(26, 2);
  }
  for (const SiteTimes& times : w.plan()) {
    EXPECT_TRUE(times.fits());
    EXPECT_EQ(times.update_at, at(1, 2));
  }
}

TEST(Planner, TheHeadroomThatIsLeftIsGivenToThoseWhoSend) {
  World w;
  w.add(Delivery::kPull);
  w.budget(10 * kMB);
  ASSERT_EQ(w.plan()[0].wan.size(), 1U);
  EXPECT_EQ(w.plan()[0].wan[0].rate, 10 * kMB) << "a line that turns out faster is not held back";
}

TEST(Replan, TimesShortlyAheadAreFrozenEachByItself) {
  World w;
  SiteTask& site = w.add(Delivery::kPush);
  SiteTimes published;
  published.transmit_at = kNow + minutes{10};
  published.update_at = kNow + hours{2};
  SiteTask task = frozen(site, published, kNow);
  EXPECT_EQ(task.transmit_at, kNow + minutes{10});
  EXPECT_FALSE(task.update_at);
  site = task;
  site.wan = {BytesPerSecond{kMB / 2}, BytesPerSecond{kMB / 2}, 0};  // the line turned out half as fast
  const SiteTimes times = w.plan()[0];
  EXPECT_EQ(times.transmit_at, kNow + minutes{10});
  EXPECT_EQ(times.update_at, kNow + minutes{10 + 120 + 1});
}

TEST(Replan, IsCausedByDriftJoinersBytesAndDeferralsOnly) {
  const Basis then{BytesPerSecond{1000}, BytesPerSecond{5000}, Bytes{10}, 3, {}};
  EXPECT_FALSE(replan_cause(then, then));
  Basis now = then;
  now.wan.count = 1199;
  EXPECT_FALSE(replan_cause(then, now));
  now.wan.count = 1200;
  EXPECT_EQ(replan_cause(then, now), ReplanCause::kRateDrifted);
  now.wan.count = 800;
  EXPECT_EQ(replan_cause(then, now), ReplanCause::kRateDrifted);
  now = then;
  now.lan.count = 3000;
  EXPECT_EQ(replan_cause(then, now), ReplanCause::kRateDrifted);
  now = then;
  now.devices = 4;
  EXPECT_EQ(replan_cause(then, now), ReplanCause::kLateJoiner);
  now.devices = 2;
  EXPECT_FALSE(replan_cause(then, now));
  now.missing.count = 11;
  EXPECT_EQ(replan_cause(then, now), ReplanCause::kMoreBytes);
  now = then;
  now.terms = "other windows";
  EXPECT_EQ(replan_cause(then, now), ReplanCause::kTermsChanged);
  now = then;
  now.deferred_until = kNow;
  EXPECT_EQ(replan_cause(then, now), ReplanCause::kDeferred);
}

TEST(Replan, ASiteIsBehindFromTheInstantAtWhichItsBytesWereExpected) {
  SiteTimes published;
  EXPECT_FALSE(is_behind(published, Bytes{1}, kNow));
  published.fetched_at = kNow;
  EXPECT_FALSE(is_behind(published, Bytes{1}, kNow - Duration{1}));
  EXPECT_TRUE(is_behind(published, Bytes{1}, kNow));
  EXPECT_FALSE(is_behind(published, Bytes{0}, kNow));
}

TEST(Explain, WhereOnlyTheExpiryIsInTheWayNoWindowIsBlamed) {
  for (const auto delivery : {Delivery::kPull, Delivery::kPush})
    for (const seconds left : {seconds{30}, seconds{90}, seconds{110}, seconds{150}}) {
      World w;
      SiteTask& site = w.add(delivery);
      site.missing = Bytes{600 * kMB};
      site.expires_at = kNow + left;
      const SiteTimes times = w.plan()[0];
      ASSERT_TRUE(times.misfit) << left.count();
      const std::string said = sentence_of(*times.misfit, {});
      EXPECT_EQ(word_of(times.misfit->obstacle), "expires_too_soon") << left.count() << " " << said;
      EXPECT_GT(times.misfit->needs, times.misfit->has);
      EXPECT_NE(said.find("It expires too soon"), std::string::npos) << said;
      EXPECT_NE(said.find("if it expired on"), std::string::npos) << said;
    }
}

TEST(Explain, DurationsAndRatesAreWrittenForPeople) {
  EXPECT_EQ(human_duration(seconds{0}), "0 s");
  EXPECT_EQ(human_duration(seconds{59}), "59 s");
  EXPECT_EQ(human_duration(seconds{61}), "2 min");
  EXPECT_EQ(human_duration(minutes{190}), "3 h 10 min");
  EXPECT_EQ(human_duration(hours{2}), "2 h");
  EXPECT_EQ(human_duration(hours{50}), "2 d 2 h");
  EXPECT_EQ(human_rate(BytesPerSecond{kMB}), "8 Mbit/s");
  EXPECT_EQ(human_rate(BytesPerSecond{125}), "1 kbit/s");
}

// What is said to help has to help: rounded to what it says.
TEST(Explain, WhatWouldHelpIsRoundedToTheSafeSideAndNamesItsZone) {
  Misfit misfit;
  misfit.obstacle = Obstacle::kTransferTooShort;
  misfit.faster = BytesPerSecond{1'580'001};
  misfit.expiry = at(0, 14, 45);
  ZoneRules zone;
  zone.name = "Europe/Berlin";
  zone.offset = hours{1};
  const std::string said = sentence_of(misfit, zone);
  EXPECT_NE(said.find("with 12.7 Mbit/s"), std::string::npos) << said;
  EXPECT_NE(said.find("if it expired on Tue 2026-11-24 15:45 Europe/Berlin."), std::string::npos) << said;
  misfit.faster = BytesPerSecond{1'587'500};
  EXPECT_NE(sentence_of(misfit, zone).find("with 12.7 Mbit/s"), std::string::npos);

  World w;
  SiteTask& site = w.add(Delivery::kPull);
  site.missing = Bytes{3600 * kMB + 1'234'567};
  site.expires_at = at(0, 12, 30);
  const SiteTimes times = w.plan()[0];
  ASSERT_TRUE(times.misfit && times.misfit->expiry);
  EXPECT_EQ(floor<minutes>(*times.misfit->expiry), *times.misfit->expiry) << "people are told minutes";
  site.expires_at = *times.misfit->expiry;
  EXPECT_TRUE(w.plan()[0].fits());
}

}  // namespace
}  // namespace dray::core

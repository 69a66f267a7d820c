// Far horizons and short windows: what a check finds that knows neither slots nor demands, the planner finds.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>
#include <map>
#include <sstream>

#include "core/schedule/planner.h"

namespace dray::core {
namespace {

using namespace std::chrono;

const WallTime kFarNow{sys_days{2026y / 11 / 24} + hours{12} + seconds{17} + milliseconds{250}};

struct Quiet : rc::detail::TestListener {
  void onTestCaseFinished(const rc::detail::CaseDescription&) override {}
  void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
  void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}
};

template <class Property>
void always(int cases, Property property) {
  rc::detail::TestParams params;
  params.seed = 9;
  params.maxSuccess = cases;
  Quiet quiet;
  const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata{}, params, quiet);
  std::ostringstream said;
  rc::detail::printResultMessage(result, said);
  EXPECT_TRUE(result.template is<rc::detail::SuccessResult>()) << said.str();
}

int any_of(int low, int high) { return *rc::gen::inRange(low, high + 1); }

// Every night, until twice the horizon.
Intervals nights(minutes from, Duration length, days horizon) {
  Intervals out;
  const auto midnight = floor<days>(kFarNow);
  for (days day{0}; day < 2 * horizon + days{1}; day += days{1}) {
    const WallTime begin = midnight + day + from;
    if (begin + length > kFarNow) out.push_back({std::max(begin, kFarNow), begin + length});
  }
  return normal(std::move(out));
}

struct FarFleet {
  std::deque<Intervals> intervals;
  std::deque<std::vector<DeviceWork>> devices;
  std::vector<SiteTask> sites;
  std::vector<BudgetStep> egress;

  // 1 MB/s; two devices at once, each receives for `receive`.
  SiteTask& add(Intervals transfer, Intervals update, Duration fetch, Duration receive, days expiry) {
    SiteTask site;
    site.transfer = intervals.emplace_back(std::move(transfer));
    site.update = intervals.emplace_back(std::move(update));
    site.wan = {BytesPerSecond{1'000'000}, BytesPerSecond{1'000'000}, 0};
    site.missing = Bytes{static_cast<std::uint64_t>(fetch.count()) * 1'000};
    site.devices = devices.emplace_back(
        2, DeviceWork{Bytes{static_cast<std::uint64_t>(receive.count()) * 1'000}, BytesPerSecond{1'000'000}, {}});
    site.expires_at = floor<days>(kFarNow) + expiry;
    return sites.emplace_back(site);
  }
  std::vector<SiteTimes> plan() const { return plan_times({kFarNow, sites, egress, {}}); }
};

// M4, M5
TEST(FarPlans, ShortWindowsAreWindowsHoweverFarTheExpiryIs) {
  for (const int expiry : {2, 40, 46, 90, 360})
    for (const minutes from : {minutes{2 * 60}, minutes{2 * 60 + 15}})
      for (const minutes length : {minutes{3}, minutes{30}}) {
        FarFleet fleet;
        const Intervals night = nights(from, length, days{expiry});
        fleet.add(night, night, Duration{length} / 2, Duration{length} / 2, days{expiry});
        const SiteTimes times = fleet.plan()[0];
        ASSERT_TRUE(times.fits()) << expiry << " days, " << length.count() << " min";
        EXPECT_EQ(times.update_at, night.front().from);
        EXPECT_EQ(times.finish_at, night.front().to) << "to the last millisecond";
      }
}

TEST(FarPlans, OneFarRolloutDoesNotMoveOthers) {
  for (const bool budget : {false, true}) {
    FarFleet near, both;
    for (FarFleet* fleet : {&near, &both}) {
      if (budget) fleet->egress = {{kFarNow - hours{1}, BytesPerSecond{1'500'000}}};
      for (int i = 0; i < 3; ++i) {
        const Intervals night = nights(minutes{2 * 60 + i}, minutes{5}, days{30});
        fleet->add(night, night, minutes{2}, minutes{1}, days{30}).priority = 1;
      }
    }
    const Intervals night = nights(minutes{2 * 60}, minutes{7}, days{360});
    both.add(night, night, minutes{3}, minutes{1}, days{360});
    const auto alone = near.plan(), together = both.plan();
    for (std::size_t i = 0; i < alone.size(); ++i) {
      EXPECT_TRUE(alone[i].fits());
      EXPECT_EQ(alone[i].update_at, together[i].update_at);
      EXPECT_EQ(alone[i].fetched_at, together[i].fetched_at);
      EXPECT_EQ(alone[i].finish_at, together[i].finish_at);
    }
    EXPECT_TRUE(together.back().fits());
  }
}

// Walks through time by hand: the fetch as early as its windows let it, then the devices, all in one window.
bool naively_fits(const Intervals& fetch, const Intervals& update, Duration bytes, Duration work, WallTime end) {
  WallTime arrived = kFarNow;
  for (const Interval& window : fetch) {
    if (bytes <= Duration{0}) break;
    const Duration here = std::min(bytes, window.to - window.from);
    bytes -= here;
    arrived = window.from + here;
  }
  if (bytes > Duration{0}) return false;
  for (const Interval& window : update)
    if (std::min(window.to, end) - std::max(window.from, arrived) >= work) return true;
  return false;
}

// Windows, now, expiry and durations to the millisecond; nothing is rounded to the site's disadvantage.
TEST(FarPlans, WhatFitsByHandFitsWhateverTheHorizon) {
  int fit = 0;
  always(300, [&] {
    const days expiry{*rc::gen::element(2, 20, 45, 46, 120, 360)};
    const minutes from{any_of(0, 1439)};
    const Duration length{any_of(1, 30 * 60'000)}, fetch{any_of(1, 3 * 30 * 60'000)}, work{any_of(1, 20 * 60'000)};
    FarFleet fleet;
    const Intervals transfer = nights(from, length, expiry);
    const Intervals update = nights(minutes{any_of(0, 1439)}, Duration{any_of(1, 30 * 60'000)}, expiry);
    SiteTask& site = fleet.add(transfer, update, fetch, work, expiry);
    site.expires_at += Duration{any_of(0, 86'400'000)};
    const bool fits = naively_fits(transfer, update, fetch, work, site.expires_at);
    fit += fits ? 1 : 0;
    RC_ASSERT(!fits || fleet.plan()[0].fits());
  });
  EXPECT_GT(fit, 100) << "else it says nothing";
}

struct ByHand {
  Intervals windows;
  std::int64_t bytes = 0, a_minute = 0;
  bool done = false;
};

// Minute by minute, the one whose windows end first goes first, and nothing that was given is taken back.
std::ptrdiff_t fit_by_hand(std::vector<ByHand> sites, std::int64_t budget) {
  std::stable_sort(sites.begin(), sites.end(), [](const ByHand& a, const ByHand& b) {
    return a.windows.back().to < b.windows.back().to;
  });
  std::map<WallTime, std::int64_t> taken;
  for (ByHand& site : sites) {
    std::map<WallTime, std::int64_t> own;
    for (const Interval& window : site.windows)
      for (WallTime minute = window.from; minute < window.to && site.bytes > 0; minute += minutes{1}) {
        const auto before = taken.find(minute);
        const std::int64_t left = budget - (before == taken.end() ? 0 : before->second);
        const std::int64_t here = std::min({left, site.a_minute, site.bytes});
        if (here <= 0 || (here < site.bytes && here < std::min(site.a_minute, budget) / 8)) continue;
        own[minute] = here;
        site.bytes -= here;
      }
    site.done = site.bytes == 0;
    if (site.done)
      for (const auto& [minute, bytes] : own) taken[minute] += bytes;
  }
  return std::count_if(sites.begin(), sites.end(), [](const ByHand& site) { return site.done; });
}

TEST(FarPlans, NeverWorseThanGreedyByHandWhateverTheHorizon) {
  always(60, [] {
    FarFleet fleet;
    std::vector<ByHand> by_hand;
    const std::int64_t rate = 20'000 * any_of(5, 60);
    fleet.egress = {{kFarNow - hours{1}, BytesPerSecond{static_cast<std::uint64_t>(rate)}}};
    for (int n = any_of(1, 12); n > 0; --n) {
      const days expiry{*rc::gen::element(2, 3, 5, 46, 360)};
      const Intervals night = nights(minutes{120 + any_of(0, 30)}, minutes{any_of(1, 30)}, expiry);
      SiteTask& site = fleet.add(night, Intervals{{kFarNow, kFarNow + days{800}}}, minutes{any_of(1, 60)}, Duration{0}, expiry);
      site.devices = {};
      ByHand& one = by_hand.emplace_back();
      for (const Interval& window : night)
        if (window.to <= site.expires_at) one.windows.push_back(window);
      if (one.windows.empty()) one.windows.push_back({kFarNow, kFarNow});
      one.bytes = static_cast<std::int64_t>(site.missing.count);
      one.a_minute = 60'000'000;
    }
    const auto plan = fleet.plan();
    const auto fit = std::count_if(plan.begin(), plan.end(), [](const SiteTimes& times) { return times.fits(); });
    RC_ASSERT(fit >= fit_by_hand(by_hand, rate * 60));
  });
}

}  // namespace
}  // namespace dray::core

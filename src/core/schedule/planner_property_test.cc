// Thousands of random fleets, sensible or not: what must hold for every plan.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <deque>
#include <sstream>

#include "core/schedule/planner.h"
#include "core/schedule/planner_testing.h"

namespace dray::core {
namespace {

using namespace std::chrono;

const WallTime kOddNow{sys_days{2026y / 11 / 24} + hours{12} + seconds{17}};

struct Silent : rc::detail::TestListener {
  void onTestCaseFinished(const rc::detail::CaseDescription&) override {}
  void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
  void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}
};

// The same cases in every run.
template <class Property>
void expect_always(int cases, Property property) {
  rc::detail::TestParams params;
  params.seed = 27;
  params.maxSuccess = cases;
  Silent silent;
  const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata{}, params, silent);
  std::ostringstream said;
  rc::detail::printResultMessage(result, said);
  EXPECT_TRUE(result.template is<rc::detail::SuccessResult>()) << said.str();
}

int pick(int low, int high) { return *rc::gen::inRange(low, high + 1); }
bool one_in(int n) { return pick(1, n) == 1; }

struct Fleet {
  std::deque<Intervals> intervals;
  std::deque<std::vector<DeviceWork>> devices;
  std::vector<SiteTask> sites;
  std::vector<BudgetStep> egress;
  std::vector<RateLimit> taken;

  std::vector<SiteTimes> plan() const { return plan_times({kOddNow, sites, egress, taken}); }
};

Intervals some_windows() {
  Intervals out;
  if (one_in(4)) return {{kOddNow, kOddNow + days{8}}};
  WallTime t = kOddNow + minutes{pick(0, 600)};
  for (int n = pick(0, 6); n > 0; --n) {
    const WallTime from = t;
    t += minutes{pick(1, 300)} + seconds{one_in(4) ? pick(0, 59) : 0};
    out.push_back({from, t});
    t += minutes{pick(1, 900)};
  }
  return out;
}

SiteTask some_site(Fleet& fleet) {
  SiteTask site;
  site.delivery = one_in(2) ? Delivery::kPull : Delivery::kPush;
  site.priority = one_in(6) ? 1 : 0;
  site.transfer = fleet.intervals.emplace_back(some_windows());
  site.update = fleet.intervals.emplace_back(some_windows());
  const std::uint64_t rate = one_in(30) ? 0 : static_cast<std::uint64_t>(pick(1, 40)) * 50'000;
  site.wan = {BytesPerSecond{rate}, BytesPerSecond{rate * static_cast<unsigned>(pick(5, 10)) / 10},
              pick(0, 10) / 10.0};
  site.missing = Bytes{one_in(10) ? 0 : static_cast<std::uint64_t>(pick(1, 4000)) * 1'000'000};
  std::vector<DeviceWork> devices;
  for (int n = pick(0, 6); n > 0; --n)
    devices.push_back({Bytes{static_cast<std::uint64_t>(pick(0, 2000)) * 1'000'000},
                       BytesPerSecond{one_in(40) ? 0U : 10'000'000U}, minutes{pick(0, 20)}});
  site.devices = fleet.devices.emplace_back(std::move(devices));
  site.concurrency = pick(1, 4);
  site.expires_at = kOddNow + minutes{pick(1, 4 * 24 * 60)};
  site.split = !one_in(3);
  if (one_in(12)) site.update_at = kOddNow + minutes{pick(-10, 1000)};
  if (one_in(12)) site.transmit_at = kOddNow + minutes{pick(-10, 1000)};
  return site;
}

Fleet some_fleet(int most) {
  Fleet fleet;
  for (int n = pick(1, most); n > 0; --n) fleet.sites.push_back(some_site(fleet));
  WallTime from = kOddNow - hours{1};
  if (!one_in(6))
    for (int n = pick(1, 3); n > 0; --n) {
      fleet.egress.push_back({from, BytesPerSecond{static_cast<std::uint64_t>(pick(0, 30)) * 100'000}});
      from += minutes{pick(1, 2000)};
    }
  return fleet;
}

std::uint64_t budget_at(const Fleet& fleet, WallTime t) {
  std::uint64_t out = std::numeric_limits<std::uint64_t>::max();
  for (const BudgetStep& step : fleet.egress)
    if (step.from <= t) out = step.rate.count;
  return out;
}

// The budget holds at every instant: shares change only at their ends, so these are all there are.
void check_budget(const Fleet& fleet, const std::vector<SiteTimes>& plan) {
  std::vector<WallTime> instants;
  for (const BudgetStep& step : fleet.egress) instants.push_back(step.from);
  for (const SiteTimes& times : plan)
    for (const RateLimit& share : times.wan) instants.push_back(share.from);
  for (const WallTime t : instants) {
    std::uint64_t sum = 0;
    for (const SiteTimes& times : plan)
      for (const RateLimit& share : times.wan)
        if (share.from <= t && t < share.to) sum += share.rate;
    RC_ASSERT(sum <= budget_at(fleet, t));
  }
}

bool inside(std::span<const Interval> intervals, WallTime from, WallTime to) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [&](auto& i) { return i.from <= from && to <= i.to; });
}

void check_site(const SiteTask& site, const SiteTimes& times) {
  const bool push = site.delivery == Delivery::kPush;
  const bool given = site.update_at || (push && site.transmit_at);
  const double rate = static_cast<double>(site.wan.low.count > 0 ? site.wan.low.count : site.wan.rate.count);

  // No transmission outside of its windows, nor after the expiry.
  double bytes = 0;
  for (const RateLimit& share : times.wan) {
    RC_ASSERT(share.from >= kOddNow);
    RC_ASSERT(share.to <= site.expires_at);
    RC_ASSERT(inside(site.transfer, share.from, share.to));
    bytes += std::min(rate, static_cast<double>(share.rate) + 1) *
             static_cast<double>((share.to - share.from).count()) / 1000;
  }
  // Given times are never moved; no others lie in the past.
  if (site.update_at) RC_ASSERT(times.update_at == site.update_at);
  if (push && site.transmit_at) RC_ASSERT(times.transmit_at == site.transmit_at);
  if (!given && times.update_at) RC_ASSERT(*times.update_at >= kOddNow);
  RC_ASSERT(push || !times.transmit_at);
  if (!times.fits()) {
    RC_ASSERT(given || site.split || !times.update_at);
    return;
  }

  // What fits is true: the bytes arrive with these shares, in time, and the devices follow inside of windows.
  RC_ASSERT((times.update_at && times.finish_at && times.fetched_at));
  RC_ASSERT(*times.finish_at <= site.expires_at);
  const bool limited = !times.wan.empty();
  if (limited) RC_ASSERT(bytes >= static_cast<double>(site.missing.count) * (1 - 1e-9));
  if (limited) RC_ASSERT(times.wan.back().to == *times.fetched_at);
  if (site.missing.count > 0)
    RC_ASSERT(inside(site.transfer, *times.fetched_at - milliseconds{1}, *times.fetched_at));
  if (!site.devices.empty() && *times.finish_at > *times.fetched_at)
    RC_ASSERT(inside(site.update, *times.finish_at - milliseconds{1}, *times.finish_at));
  if (given) return;
  if (push) {
    const double took = site.missing.count == 0 ? 0 : static_cast<double>(site.missing.count) / rate * 1000;
    RC_ASSERT(*times.transmit_at <= *times.update_at);
    RC_ASSERT(static_cast<double>((*times.update_at - *times.fetched_at).count()) + 2 >=
              took * site.wan.spread);
    RC_ASSERT(*times.finish_at >= *times.update_at);
  } else if (site.missing.count > 0) {
    RC_ASSERT(inside(site.transfer, *times.update_at, *times.update_at + milliseconds{1}));
    if (limited) RC_ASSERT(*times.update_at == times.wan.front().from);
  }
  // Without split: the devices in one window. Their work needs no less than the slowest one.
  if (!site.split && !site.devices.empty()) {
    Duration slowest{0};
    for (const DeviceWork& d : site.devices)
      slowest =
          std::max(slowest, d.install + Duration{d.lan.count == 0 ? 0 : 1000 * d.bytes.count / d.lan.count});
    if (slowest > Duration{0}) RC_ASSERT(inside(site.update, *times.finish_at - slowest, *times.finish_at));
  }
}

// M4, M5, M10, M11
TEST(PlannerProperties, HoldForEveryPlan) {
  expect_always(400, [] {
    const Fleet fleet = some_fleet(12);
    const std::vector<SiteTimes> plan = fleet.plan();
    RC_ASSERT(plan.size() == fleet.sites.size());
    check_budget(fleet, plan);
    for (std::size_t i = 0; i < plan.size(); ++i) check_site(fleet.sites[i], plan[i]);
    RC_ASSERT(fleet.plan() == plan);  // the same input, the same times
  });
}

TEST(PlannerProperties, NeverWorseThanTheGreedyBaseline) {
  expect_always(400, [] {
    Fleet fleet = some_fleet(30);
    for (SiteTask& site : fleet.sites) {
      site.priority = 0;
      site.transmit_at.reset();
      site.update_at.reset();
    }
    const std::vector<SiteTimes> plan = fleet.plan();
    WallTime last = kOddNow;
    for (const SiteTask& site : fleet.sites) last = std::max(last, site.expires_at);
    const Slots slots = Slots::covering(kOddNow, last + (last - kOddNow) + days{1});
    std::vector<Demand> demands;
    for (const SiteTask& site : fleet.sites) demands.push_back(demand_of(site, slots, site.expires_at));
    const auto baseline = testing::greedy(demands, slots, fleet.egress);
    const auto fits = std::count_if(plan.begin(), plan.end(), [](const SiteTimes& t) { return t.fits(); });
    RC_ASSERT(fits >= baseline.fits);
  });
}

// What it says would help, helps: with the later expiry alone the site fits.
TEST(PlannerProperties, TheExpiryThatWouldHelpHelps) {
  expect_always(400, [] {
    Fleet fleet = some_fleet(1);
    fleet.sites[0].transmit_at.reset();
    fleet.sites[0].update_at.reset();
    const SiteTimes times = fleet.plan()[0];
    if (times.fits() || !times.misfit->expiry) return;
    RC_ASSERT(*times.misfit->expiry > fleet.sites[0].expires_at);
    fleet.sites[0].expires_at = *times.misfit->expiry;
    RC_ASSERT(fleet.plan()[0].fits());
  });
}

WallTime any_time() {
  return *rc::gen::element(WallTime::min(), WallTime{}, kOddNow - days{1}, kOddNow, kOddNow + hours{3},
                           kOddNow + days{400}, kWallMax);
}

TEST(PlannerProperties, AnyInputGivesAnAnswer) {
  expect_always(400, [] {
    Fleet fleet;
    const auto number = [] {
      return *rc::gen::element<std::uint64_t>(0, 1, 1000, 1'000'000'000, 1ULL << 62, ~0ULL);
    };
    for (int n = pick(0, 5); n > 0; --n) {
      SiteTask site;
      site.delivery = one_in(2) ? Delivery::kPull : Delivery::kPush;
      site.priority = *rc::gen::element(std::numeric_limits<int>::min(), 0, std::numeric_limits<int>::max());
      Intervals a, b;
      for (int k = pick(0, 4); k > 0; --k)
        a.push_back({any_time(), any_time()}), b.push_back({any_time(), any_time()});
      site.transfer = fleet.intervals.emplace_back(std::move(a));
      site.update = fleet.intervals.emplace_back(std::move(b));
      site.wan = {BytesPerSecond{number()}, BytesPerSecond{number()},
                  *rc::gen::element(-1.0, 0.0, 0.3, 1e300, std::nan(""))};
      site.missing = Bytes{number()};
      site.devices = fleet.devices.emplace_back(
          2, DeviceWork{Bytes{number()}, BytesPerSecond{number()},
                        *rc::gen::element(Duration::min(), Duration{0}, Duration{60'000}, Duration::max())});
      site.concurrency =
          *rc::gen::element(std::numeric_limits<int>::min(), 0, 1, std::numeric_limits<int>::max());
      site.expires_at = any_time();
      site.split = one_in(2);
      if (one_in(4)) site.update_at = any_time();
      if (one_in(4)) site.transmit_at = any_time();
      fleet.sites.push_back(site);
    }
    for (int n = pick(0, 3); n > 0; --n) fleet.egress.push_back({any_time(), BytesPerSecond{number()}});
    for (int n = pick(0, 2); n > 0; --n) fleet.taken.push_back({any_time(), any_time(), number()});
    RC_ASSERT(plan_times({any_time(), fleet.sites, fleet.egress, fleet.taken}).size() == fleet.sites.size());
  });
}

// --- one site's distribution, against what it stands for ---

// Devices in this order on m slots, each begun as soon as one is free: when the last is done.
Duration played(const std::vector<DeviceWork>& devices, std::size_t m) {
  std::vector<Duration> free(m, Duration{0});
  Duration end{0};
  for (const DeviceWork& d : devices) {
    const auto slot = std::min_element(free.begin(), free.end());
    *slot += Duration{1000 * d.bytes.count / d.lan.count};
    end = std::max(end, *slot + d.install);
  }
  return end;
}

TEST(Distributions, TakeNoLongerThanSaidInWhateverOrderDevicesCome) {
  expect_always(400, [] {
    std::vector<DeviceWork> devices;
    for (int n = pick(1, 12); n > 0; --n)
      devices.push_back(
          {Bytes{static_cast<std::uint64_t>(pick(1, 900))}, BytesPerSecond{1}, seconds{pick(0, 900)}});
    const int slots = pick(1, 5);
    const Distribution said = distribution_of(devices, slots);
    Duration work{0};
    for (const DeviceWork& d : devices) work += Duration{1000 * d.bytes.count};
    const Duration longest_receive{1000 *
                                   std::max_element(devices.begin(), devices.end(), [](auto& a, auto& b) {
                                     return a.bytes < b.bytes;
                                   })->bytes.count};
    const Duration played_now = played(devices, static_cast<std::size_t>(slots));
    RC_ASSERT(played_now <= said.total());
    RC_ASSERT(said.total() <= played_now + longest_receive + said.longest);  // and no idle talk
  });
}

// Who is off holds no transmission: the others are done in the time that was said for all, and no later by it.
TEST(Distributions, DevicesThatAreOffDelayNobodyBeyondWhatWasSaid) {
  expect_always(400, [] {
    std::vector<DeviceWork> devices, present;
    for (int n = pick(1, 12); n > 0; --n) {
      devices.push_back(
          {Bytes{static_cast<std::uint64_t>(pick(1, 900))}, BytesPerSecond{1}, seconds{pick(0, 900)}});
      if (one_in(2)) present.push_back(devices.back());
    }
    const int slots = pick(1, 5);
    const Distribution all = distribution_of(devices, slots), some = distribution_of(present, slots);
    RC_ASSERT(played(present, static_cast<std::size_t>(slots)) <= all.total());
    RC_ASSERT(some.total() <= all.total());
  });
}

TEST(Distributions, TheLatestBeginIsTheLast) {
  expect_always(400, [] {
    Intervals windows;
    WallTime t = kOddNow;
    for (int n = pick(0, 6); n > 0; --n) {
      t += seconds{pick(1, 300)};
      const WallTime from = t;
      t += seconds{pick(1, 300)};
      windows.push_back({from, t});
    }
    const WallTime end = kOddNow + seconds{pick(0, 2500)};
    Distribution d;
    d.work = seconds{pick(0, 600)};
    d.tail = seconds{pick(1, 200)};
    d.longest = d.tail + seconds{pick(0, 50)};
    const bool split = one_in(2);
    const auto latest = latest_distribution(d, windows, end, split);
    for (WallTime from = kOddNow; from < kOddNow + seconds{3800}; from += seconds{1}) {
      const auto done = distribute(d, from, windows, end, split);
      RC_ASSERT(done.has_value() == (latest && from <= *latest));
      if (done) RC_ASSERT((from <= done->begin && done->begin < done->finish && done->finish <= end));
    }
  });
}

}  // namespace
}  // namespace dray::core

// A random fleet, planned through the server's code while things happen to it. At every instant what is
// published keeps to the windows of each site and, all together, to the egress: M4 M5 M10 M11.
#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "server/planned_fleet_testing.h"

namespace dray::server {
namespace {

using namespace testing_fleet;
using namespace std::chrono_literals;

void ensure(bool holds, int line = __builtin_LINE()) {
  if (!holds) throw std::runtime_error("broken in line " + std::to_string(line));
}

class RandomFleet : public PlannedFleet {
 public:
  explicit RandomFleet(std::uint64_t seed) : chance_{seed} {
    if (one_in(3))
      egress.rate = BytesPerSecond{};
    else
      egress.rate = BytesPerSecond{static_cast<std::uint64_t>(pick(50, 2'000)) * 1'000};
    if (egress.rate.count > 0 && one_in(2))
      egress.hours.push_back(
          {core::parse_window("08:00-18:00").value(), BytesPerSecond{egress.rate.count / 4 + 1}});
    must(store->note_egress(to_text(egress), egress.limited()));
    for (int i = 0, n = pick(1, 5); i < n; ++i) add_site("s" + std::to_string(i));
  }

  // Something happens; then time goes on. False: the windows themselves have changed.
  bool step() {
    const std::string& name = names_[static_cast<std::size_t>(pick(0, static_cast<int>(names_.size()) - 1))];
    switch (pick(0, 8)) {
      case 0:
      case 1:
        roll_out();
        return true;
      case 2:
        wan(name);
        return true;
      case 3: {
        wire::SitePatch patch;
        const auto windows = some_windows();
        patch.transfer_windows = windows.transfer;
        patch.update_windows = windows.update;
        patch.black_outs = windows.black_outs;
        windows_[name] = windows;
        must(store->change_site(name, patch, {}));
        return false;
      }
      case 4:
        (void)store->add_deferral({.site = name, .until = now + pick(1, 300) * 1min, .accept_expiry = true},
                                  now, {});
        return true;
      case 5:
        if (!images_.empty()) stored(name, images_.back().first, images_.back().second);
        return true;
      case 6:
        if (!rollouts_.empty()) change(rollouts_.back());
        return true;
      default:
        device(name + "-late-" + std::to_string(++late_), name);
        return true;
    }
  }
  void wait() { now += pick(0, 400) * 1min + pick(0, 59) * 1s; }

  int checked = 0, shared = 0;  // assignments that may transmit; those of them in a share of the egress

  void check() {
    std::vector<core::RateLimit> all;
    for (const std::string& name : names_) {
      const core::Plan p = plan(name);
      all.insert(all.end(), p.limits.wan.begin(), p.limits.wan.end());
      for (const core::Assignment& a : p.assignments) check_windows(name, a, p.limits.wan);
    }
    if (egress.limited()) check_egress(all);
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution{low, high}(chance_); }
  bool one_in(int n) { return pick(1, n) == 1; }

  std::vector<core::Window> some_window() {
    static constexpr const char* kWindows[] = {"22:00-05:00", "02:00-04:00", "Mon-Fri 09:30-17:15",
                                               "Sat,Sun 00:00-24:00", "23:07-00:13"};
    if (one_in(3)) return {};
    return {core::parse_window(kWindows[pick(0, 4)]).value()};
  }
  core::SiteWindows some_windows() {
    core::SiteWindows out{some_window(), some_window(), {}};
    if (one_in(4)) out.black_outs.push_back(core::parse_black_out("2026-11-25").value());
    return out;
  }
  void add_site(const std::string& name) {
    names_.push_back(name);
    windows_[name] = some_windows();
    site(name, windows_[name], pick(1, 3));
    for (int i = 0, n = pick(1, 3); i < n; ++i) device(name + "-" + std::to_string(i), name);
    wan(name);
  }
  void wan(const std::string& name) {
    wire::RateReport rate;
    rate.link = "wan";
    rate.rate = static_cast<std::uint64_t>(pick(20, 2'000)) * 1'000;
    rate.low = rate.rate * static_cast<std::uint64_t>(pick(5, 10)) / 10;
    rate.samples = pick(1, 300);
    report(name, {rate});
  }
  void roll_out() {
    const std::string version = std::to_string(images_.size() + 1);
    const auto bytes = static_cast<std::uint64_t>(pick(1, 2'000)) * 1'000'000;
    images_.emplace_back(release(version, bytes), bytes);
    wire::NewRollout asked = rollout(version, one_in(2) ? core::Delivery::kPull : core::Delivery::kPush, 0h);
    asked.terms.expires_at = now + pick(1, 80) * 1h;
    asked.terms.update_at = asked.terms.expires_at;
    if (asked.terms.transmit_at) asked.terms.transmit_at = asked.terms.expires_at;
    if (one_in(4)) {
      asked.terms.computed = false;
      asked.terms.update_at = now + pick(0, 59) * 1min;
      if (asked.terms.transmit_at) asked.terms.transmit_at = now + pick(0, 59) * 1min;
    }
    if (one_in(4)) asked.transfer = {{now + 1h, now + 9h}, {now + 20h, now + 30h}};
    rollouts_.push_back(start(asked));
  }
  // Refused where it can not be done.
  void change(const RolloutId& id) {
    core::RolloutEvent event = core::AbortAsked{"ines", ""};
    if (one_in(2)) event = core::PauseAsked{"ines", ""};
    if (core::is_paused(view(id).rollout)) event = core::ResumeAsked{"ines", ""};
    (void)store->change_rollout(id, event, plan_type, now, {});
  }

  // Empty means always: only where neither the site nor a budget forbids anything.
  void check_windows(const std::string& name, const core::Assignment& a,
                     const std::vector<core::RateLimit>& shares) {
    if (a.fetch == core::Fetch::kHold || a.planned_at >= a.expires_at) return;
    if (a.expires_at <= now || core::is_over(view(a.rollout).rollout)) return;  // or every job has a cancel
    ++checked;
    const core::Interval span{kNow - 72h, a.expires_at + 48h};
    const auto inside = [&](const core::Intervals& published, const core::Calendar& calendar) {
      const bool free = calendar.windows.empty() && calendar.black_outs.empty();
      if (published.empty()) return free;
      return core::subtract(core::normal(published), core::resolve(calendar, core::ZoneRules{}, span))
          .empty();
    };
    ensure(inside(a.transfer, windows_[name].transfer_calendar()));
    ensure(inside(a.update, windows_[name].update_calendar()));
    if (!egress.limited()) return;
    ensure(!a.transfer.empty());
    shared += a.transfer.front().from < a.transfer.front().to ? 1 : 0;
    core::Intervals capped;
    for (const core::RateLimit& share : shares) capped.push_back({share.from, share.to});
    ensure(core::subtract(core::normal(a.transfer), core::normal(capped)).empty());
  }

  void check_egress(const std::vector<core::RateLimit>& all) {
    const core::ZoneRules utc;
    const auto steps = budget_steps(egress, &utc, {kNow - 24h, now + 24h * 100});
    std::vector<WallTime> instants;
    for (const core::RateLimit& share : all) instants.push_back(share.from);
    for (const core::BudgetStep& step : steps) instants.push_back(step.from);
    for (const WallTime at : instants) {
      std::uint64_t sum = 0, budget = 0;
      for (const core::RateLimit& share : all)
        if (share.from <= at && at < share.to) sum += share.rate;
      for (const core::BudgetStep& step : steps)
        if (step.from <= at) budget = step.rate.count;
      ensure(sum <= budget);
    }
  }

  std::mt19937_64 chance_;
  std::vector<std::string> names_;
  std::map<std::string, core::SiteWindows> windows_;
  std::vector<std::pair<Sha256, std::uint64_t>> images_;
  std::vector<RolloutId> rollouts_;
  int late_ = 0;
};

void happens(RandomFleet& fleet) {
  for (int i = 0; i < 12; ++i) {
    if (fleet.step()) fleet.check();  // also before the planner has looked
    fleet.pass();
    fleet.check();
    fleet.wait();
    fleet.pass();
    fleet.check();
  }
}

TEST(PlanningProperty, WhatIsPublishedKeepsToWindowsAndEgress) {
  int checked = 0, shared = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    RandomFleet fleet{seed};
    ASSERT_NO_THROW(happens(fleet)) << "seed " << seed;
    checked += fleet.checked;
    shared += fleet.shared;
  }
  EXPECT_GT(checked, 2'000);
  EXPECT_GT(shared, 300);
}

}  // namespace
}  // namespace dray::server

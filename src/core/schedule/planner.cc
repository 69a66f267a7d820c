#include "core/schedule/planner.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/assert.h"
#include "core/schedule/demand.h"
#include "core/schedule/stagger.h"

namespace dray::core {
namespace {

// Outside of this nothing is meant seriously, and inside of it sums of times do not overflow.
constexpr WallTime kFirst{std::chrono::sys_days{std::chrono::year{1970} / 1 / 1}};
constexpr WallTime kLast{std::chrono::sys_days{std::chrono::year{2900} / 1 / 1}};

bool is_sound(std::span<const Interval> intervals) {
  for (std::size_t i = 0; i < intervals.size(); ++i)
    if (intervals[i].from >= intervals[i].to || (i > 0 && intervals[i].from <= intervals[i - 1].to))
      return false;
  return intervals.empty() || (intervals.front().from >= kFirst && intervals.back().to <= kLast);
}


class Planner {
 public:
  explicit Planner(const PlannerInput& input)
      : now_{std::clamp(input.now, kFirst, kLast)},
        sites_{input.sites.begin(), input.sites.end()},
        slots_{slots_for(input)},
        egress_{slots_, input.egress},
        times_(sites_.size()),
        runs_(sites_.size()) {
    for (SiteTask& site : sites_) {
      site.transfer = sound(site.transfer);
      site.update = sound(site.update);
      site.expires_at = std::min(std::max(site.expires_at, kFirst), end_);
      if (site.delivery == Delivery::kPull) site.transmit_at.reset();
      for (auto* given : {&site.transmit_at, &site.update_at})
        if (*given) *given = std::clamp(**given, kFirst, kLast);
    }
    take_others(input.taken);
    demands_.reserve(sites_.size());
    for (const SiteTask& site : sites_) demands_.push_back(demand_of(site, slots_, site.expires_at));
  }

  std::vector<SiteTimes> plan() {
    std::map<int, Order, std::greater<>> free;  // by priority, the highest first
    for (std::uint32_t i = 0; i < sites_.size(); ++i)
      if (sites_[i].transmit_at || sites_[i].update_at)
        keep_given(i);
      else
        free[sites_[i].priority].push_back(i);
    for (const auto& [priority, sites] : free) place(sites);
    for (std::uint32_t i = 0; i < sites_.size(); ++i) times_[i].wan = shares(runs_[i]);
    return std::move(times_);
  }

 private:
  // Twice as far as the last expiry, so that it can be said which later one would help.
  Slots slots_for(const PlannerInput& input) {
    WallTime last = now_;
    for (const SiteTask& site : input.sites)
      last = std::max(last, std::min(site.expires_at, now_ + Duration{kHorizon}));
    end_ = last;
    return Slots::covering(now_, last + (last - now_) + std::chrono::days{1});
  }

  std::span<const Interval> sound(std::span<const Interval> intervals) {
    if (is_sound(intervals)) return intervals;
    Intervals copy{intervals.begin(), intervals.end()};
    for (Interval& i : copy) i = {std::clamp(i.from, kFirst, kLast), std::clamp(i.to, kFirst, kLast)};
    return kept_.emplace_back(normal(std::move(copy)));
  }

  // Each slot that a share touches is taken whole.
  void take_others(std::span<const RateLimit> taken) {
    for (const RateLimit& share : taken) {
      const SlotRange range = slots_.inside({share.from, share.to});
      const Run run{range.from, range.to - range.from, Slots::per_slot(BytesPerSecond{share.rate})};
      if (!range.empty()) egress_.take({&run, 1});
    }
  }

  // --- sites whose times are given ---

  void keep_given(std::uint32_t i) {
    const SiteTask& site = sites_[i];
    Demand& demand = demands_[i];
    SiteTimes& times = times_[i];
    times.transmit_at = site.delivery == Delivery::kPush ? site.transmit_at : std::nullopt;
    times.update_at = site.update_at;
    demand.together = true;
    const auto start = site.delivery == Delivery::kPush ? site.transmit_at : site.update_at;
    Runs runs;
    if (!start &&
        site.update_at) {  // push to a given update time: as late as still arrives, else as early as can be
      limit(i, now_, std::min(site.expires_at, *site.update_at - demand.margin));
      runs = latest_room(demand, egress_);
    }
    if (runs.empty()) {
      limit(i, start.value_or(now_), site.expires_at);
      runs = earliest_room(demand, egress_);
    }
    const bool arrives = demand.bytes == 0 || !runs.empty();
    put(i, std::move(runs));
    const WallTime fetched =
        runs_[i].empty() ? std::max(start.value_or(now_), now_) : slots_.end_of(runs_[i].back());
    const auto done =
        !arrives ? std::nullopt
                 : distribute(demand.distribution,
                              site.update_at ? std::max(*site.update_at, fetched) : fetched + demand.margin,
                              site.update, site.expires_at, site.split);
    if (arrives) times.fetched_at = fetched;
    if (!times.transmit_at && site.delivery == Delivery::kPush && arrives)
      times.transmit_at = runs_[i].empty() ? fetched : slots_.begin_of(runs_[i].front());
    if (done) {
      times.finish_at = done->finish;
      if (!times.update_at) times.update_at = done->begin;
    } else {
      times.misfit = misfit_of(i, Obstacle::kTimesGiven);
      if (!times.update_at) times.update_at = arrives ? fetched + demand.margin : *site.transmit_at;
    }
  }

  // The transfer windows of site i within [from, to) are all that counts.
  void limit(std::uint32_t i, WallTime from, WallTime to) {
    demands_[i].ranges = ranges_of(sites_[i].transfer, {from, to}, slots_);
  }

  // --- all others ---

  void place(const Order& sites) {
    const Placement placement = stagger(demands_, sites, egress_);
    for (const std::uint32_t i : sites)
      if (placement.has(i)) put(i, Runs{placement.runs(i).begin(), placement.runs(i).end()});
    for (const std::uint32_t i : sites)
      if (placement.has(i)) set_times(i);
    for (const std::uint32_t i : sites)
      if (!placement.has(i)) explain_and_try(i);
    delay_pushes(sites);
  }

  WallTime arrival(std::uint32_t i) const { return runs_[i].empty() ? now_ : slots_.end_of(runs_[i].back()); }

  void set_times(std::uint32_t i) {
    const SiteTask& site = sites_[i];
    const Demand& demand = demands_[i];
    SiteTimes& times = times_[i];
    const auto done =
        distribute(demand.distribution, arrival(i) + demand.margin, site.update, site.expires_at, site.split);
    DRAY_ASSERT(done);
    const WallTime start = runs_[i].empty() ? done->begin : slots_.begin_of(runs_[i].front());
    times.fetched_at = arrival(i);
    times.finish_at = done->finish;
    times.update_at = site.delivery == Delivery::kPush ? done->begin : start;
    if (site.delivery == Delivery::kPush) times.transmit_at = start;
  }

  // Pushes that have time to spare begin as late as their update time allows, the last ones first.
  void delay_pushes(const Order& sites) {
    Order pushes;
    for (const std::uint32_t i : sites)
      if (times_[i].fits() && sites_[i].delivery == Delivery::kPush && !runs_[i].empty()) pushes.push_back(i);
    std::sort(pushes.begin(), pushes.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair{times_[b].update_at, a} < std::pair{times_[a].update_at, b};
    });
    for (const std::uint32_t i : pushes) {
      Demand& late = demands_[i];
      late.ranges = ranges_of(sites_[i].transfer, {now_, *times_[i].update_at - late.margin}, slots_);
      egress_.give_back(runs_[i]);
      if (Runs runs = latest_room(late, egress_); !runs.empty()) runs_[i] = std::move(runs);
      egress_.take(runs_[i]);
      times_[i].transmit_at = slots_.begin_of(runs_[i].front());
      times_[i].fetched_at = arrival(i);
    }
  }

  // --- what does not fit ---

  Misfit misfit_of(std::uint32_t i, Obstacle if_possible) {
    const SiteTask& site = sites_[i];
    const Demand own = demand_of(site, slots_, site.expires_at);
    Misfit out;
    if (!own.possible) {
      out = obstacle_of(site, own, slots_);
    } else {
      out.obstacle = if_possible;
      out.rate = planned_rate(site.wan);
      out.needs = transmission_time(site);
      if (if_possible == Obstacle::kTimesGiven) {
        out.needs += own.margin + own.distribution.total();
        if (const Runs latest = latest_room(own, egress_); !latest.empty())
          out.start_by = slots_.begin_of(latest.front());
      }
    }
    const Demand later = demand_of(site, slots_, slots_.end());
    if (!later.possible) return out;
    const Runs runs = earliest_room(later, egress_);
    if (later.bytes > 0 && runs.empty()) return out;
    const WallTime arrives = (runs.empty() ? now_ : slots_.end_of(runs.back())) + later.margin;
    if (const auto done = distribute(later.distribution, arrives, site.update, slots_.end(), site.split))
      if (done->finish > site.expires_at)  // the minute that people are told has to be late enough
        out.expiry = std::chrono::ceil<std::chrono::minutes>(done->finish);
    return out;
  }

  // Where the bytes can arrive before the expiry, some devices can be updated: better than none.
  void explain_and_try(std::uint32_t i) {
    const SiteTask& site = sites_[i];
    Demand& demand = demands_[i];
    SiteTimes& times = times_[i];
    times.misfit = misfit_of(i, Obstacle::kEgressTaken);
    if (!site.split || !demand.distribution.possible || (demand.bytes > 0 && demand.per_slot == 0)) return;
    limit(i, now_, site.expires_at);
    Runs runs = earliest_room(demand, egress_);
    if (demand.bytes > 0 && runs.empty()) return;
    const WallTime arrives = runs.empty() ? now_ : slots_.end_of(runs.back());
    for (const Interval& window : site.update) {
      const Interval left{std::max(window.from, arrives + demand.margin),
                          std::min(window.to, site.expires_at)};
      if (left.to - left.from < demand.distribution.longest || left.from >= left.to) continue;
      const WallTime start = runs.empty() ? left.from : slots_.begin_of(runs.front());
      put(i, std::move(runs));
      times.fetched_at = arrives;
      times.update_at = site.delivery == Delivery::kPush ? left.from : start;
      if (site.delivery == Delivery::kPush) times.transmit_at = start;
      return;
    }
  }

  void put(std::uint32_t i, Runs runs) {
    egress_.take(runs);
    runs_[i] = std::move(runs);
  }

  // What is left over is shared out in proportion, so that a line that turns out faster is not held back.
  std::vector<RateLimit> shares(const Runs& runs) const {
    std::vector<RateLimit> out;
    constexpr auto kSeconds = static_cast<double>(Slots::kLength / std::chrono::seconds{1});
    for (const Run& run : runs) {
      const double rate = static_cast<double>(run.bytes) / kSeconds * egress_.headroom(run);
      if (rate < 1e15)  // else there is no budget
        out.push_back({slots_.begin_of(run), slots_.end_of(run), static_cast<std::uint64_t>(rate)});
    }
    return out;
  }

  WallTime now_, end_;
  std::vector<SiteTask> sites_;
  std::vector<Intervals> kept_;  // what views of sites_ look at where the caller's list was not sound
  Slots slots_;
  Egress egress_;
  std::vector<Demand> demands_;
  std::vector<SiteTimes> times_;
  std::vector<Runs> runs_;
};

}  // namespace

std::vector<SiteTimes> plan_times(const PlannerInput& input) { return Planner{input}.plan(); }

}  // namespace dray::core

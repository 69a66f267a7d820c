#include "server/planning.h"

#include <algorithm>
#include <utility>

namespace dray::server {
namespace {
constexpr Duration kAfterFailure{1'000};
constexpr Duration kSaidEvery = std::chrono::hours{1};

// Once an hour.
class Said {
 public:
  bool due(SteadyTime now) {
    if (last_ && now < *last_ + kSaidEvery) return false;
    last_ = now;
    return true;
  }

 private:
  std::optional<SteadyTime> last_;
};
}  // namespace

TypePlan plan_type(const wire::NewDeviceType& type, const std::vector<core::ReleaseArtifact>& release) {
  core::Fit fit = core::match(release, type.type);
  return TypePlan{std::move(fit.steps), std::move(fit.why_not)};
}

Task<> keep_time(Parts& parts, const Options& options, Sites& sites, Signal& timetable, Stop& stop) {
  Said said;
  while (!stop.requested()) {
    const WallTime now = parts.clock.wall();
    std::function<Result<Store::Advanced>()> work = [&parts, now] {
      return parts.store.pass_time(plan_type, now);
    };
    auto passed = co_await on(parts.store_worker, std::move(work));
    Duration sleep = options.longest_sleep;
    if (!passed) {
      parts.log.error("time_not_passed", {{"error", passed.error().message()}});
      sleep = kAfterFailure;
    } else {
      sites.apply(passed->changed);
      for (const SiteChange& change : passed->changed)
        parts.log.info("plan_changed", {{"site", change.site}, {"revision", change.revision}});
      if (!passed->changed.empty()) timetable.notify();  // a phase that has begun needs times
      if (!passed->not_passed.empty() && said.due(parts.clock.steady()))
        parts.log.error("time_not_passed_for", {{"rollouts", static_cast<std::int64_t>(passed->not_passed.size())},
                                                {"first", passed->not_passed.front()}});
      // Each call that says so has looked at some of a number that ends. Otherwise what was due is done: where the
      // store says that it still is, it must not be asked in a tight loop.
      if (passed->more)
        sleep = Duration{1};
      else if (passed->next && *passed->next <= now)
        sleep = kAfterFailure;
      else if (passed->next)
        sleep = std::clamp(std::chrono::duration_cast<Duration>(*passed->next - parts.clock.wall()),
                           Duration{1}, options.longest_sleep);
    }
    [[maybe_unused]] const bool earlier =
        co_await timetable.wait(parts.clock, parts.clock.steady() + sleep, stop);
  }
}

namespace {

struct Planned {
  std::vector<SiteWork> works;
  std::vector<SiteResult> results;
};

Result<Planned> plan_rollout(Parts& parts, const Options& options, const RolloutId& rollout, WallTime now) {
  Scheduler scheduler{parts.zones, options.egress, now};
  Planned out;
  DRAY_TRY(out.works,
           parts.lists.site_works(rollout, [&](const SiteWork& site) { return scheduler.when(site); }, now));
  std::vector<Share> taken;
  if (options.egress.limited()) {
    DRAY_TRY(taken, parts.lists.shares(now));
  }
  out.results = scheduler.plan(out.works, taken);
  return out;
}

void log_plan(const Log& log, const RolloutId& rollout, const Planned& planned) {
  std::int64_t sites = 0, misfits = 0;
  std::string_view why;
  for (const SiteResult& result : planned.results) {
    if (!result.planned) continue;
    ++sites;
    if (!result.planned->misfit.empty()) ++misfits;
    if (result.why) why = core::to_string(*result.why);
  }
  if (sites > 0)
    log.info("planned", {{"rollout", rollout.value()}, {"sites", sites}, {"misfits", misfits}, {"why", why}});
}

// True: times have changed.
Task<Result<bool>> plan_one(Parts& parts, const Options& options, Sites& sites, RolloutId rollout) {
  std::function<Result<Planned>()> compute = [&parts, &options, &rollout, now = parts.clock.wall()] {
    return plan_rollout(parts, options, rollout, now);
  };
  auto planned = co_await on(parts.lists_worker, std::move(compute));
  if (!planned) co_return planned.error();
  if (planned->results.empty()) co_return false;
  std::function<Result<SiteChanges>()> save = [&parts, &rollout, &planned, now = parts.clock.wall()] {
    return parts.store.save_times(rollout, planned->results, now);
  };
  auto saved = co_await on(parts.store_worker, std::move(save));
  if (!saved) co_return saved.error();
  sites.apply(*saved);
  log_plan(parts.log, rollout, *planned);
  co_return std::any_of(planned->results.begin(), planned->results.end(),
                        [](const SiteResult& result) { return result.planned.has_value(); });
}

struct PlanningPass {
  std::optional<WallTime> next;
  bool moved = false, failed = false;
};

Task<PlanningPass> planning_pass(Parts& parts, const Options& options, Sites& sites, Stop& stop) {
  PlanningPass out;
  std::function<Result<Lists::PlanningDue>()> work = [&parts, now = parts.clock.wall()] {
    return parts.lists.planning_due(now);
  };
  auto due = co_await on(parts.lists_worker, std::move(work));
  out.failed = !due;
  if (!due) {
    parts.log.error("not_planned", {{"error", due.error().message()}});
    co_return out;
  }
  out.next = due->next;
  for (const RolloutId& rollout : due->rollouts) {
    if (stop.requested()) break;
    auto moved = co_await plan_one(parts, options, sites, rollout);
    out.failed = out.failed || !moved;
    out.moved = out.moved || (moved && *moved);
    if (!moved)
      parts.log.error("not_planned", {{"rollout", rollout.value()}, {"error", moved.error().message()}});
  }
  co_return out;
}

}  // namespace

Task<> keep_planning(Parts& parts, const Options& options, Sites& sites, Signal& timetable, Stop& stop) {
  while (!stop.requested()) {
    const auto generation = timetable.generation();
    const PlanningPass pass = co_await planning_pass(parts, options, sites, stop);
    Duration sleep = options.longest_sleep;
    if (pass.next)
      sleep = std::clamp(std::chrono::duration_cast<Duration>(*pass.next - parts.clock.wall()), Duration{1},
                         options.longest_sleep);
    if (pass.moved) timetable.notify();
    // Reports come in by the second: what they change is looked at together.
    [[maybe_unused]] auto slept =
        co_await parts.clock.sleep_until(parts.clock.steady() + options.between_plans, stop);
    if (pass.failed) continue;
    [[maybe_unused]] const bool earlier = co_await timetable.wait_past(
        generation, parts.clock, parts.clock.steady() + std::max(sleep - options.between_plans, Duration{1}),
        stop);
  }
}

namespace {

void add_times(wire::ForecastSite& facts, const SiteResult& result) {
  const PlannedSite& planned = *result.planned;
  facts.later = result.windows;
  facts.transmit_at = planned.times.transmit_at;
  facts.update_at = planned.times.update_at;
  facts.finish_at = planned.times.finish_at;
  facts.transfer = planned.transfer;
  facts.update = planned.update;
  facts.shares = planned.times.wan;
}

}  // namespace

Result<wire::WhatIfView> what_if(Parts& parts, const Options& options, const wire::NewRollout& rollout,
                                 const core::Filter& filter, WallTime now) {
  Scheduler scheduler{parts.zones, options.egress, now};
  DRAY_TRY(Lists::WhatIf asked,
           parts.lists.what_if(
               rollout, filter, plan_type, [&](const SiteWork& site) { return scheduler.when(site); }, now));
  std::vector<Share> taken;
  if (options.egress.limited()) {
    DRAY_TRY(taken, parts.lists.shares(now));
  }
  const auto results = scheduler.plan(asked.sites, taken);
  wire::WhatIfView out;
  out.warnings = wire::warnings_of(rollout, now);
  out.incompatible = asked.incompatible;
  for (std::size_t i = 0; i < results.size(); ++i) {
    wire::SiteTimesView& view = out.sites.emplace_back();
    view.site = asked.sites[i].site;
    view.devices = static_cast<std::int64_t>(asked.sites[i].devices.size());
    view.assumed = asked.sites[i].wan.assumed;
    if (!results[i].planned) continue;
    describe(*results[i].planned, view);
    add_times(asked.facts.sites[i], results[i]);
  }
  for (const auto& [site, why] : asked.unreadable)
    out.sites.push_back({.site = site, .misfit = "row_unreadable", .sentence = why});
  out.facts = std::move(asked.facts);
  return out;
}

}  // namespace dray::server

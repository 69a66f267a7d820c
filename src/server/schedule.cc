#include "server/schedule.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "core/schedule/demand.h"
#include "core/schedule/explain.h"

namespace dray::server {
namespace {

using core::Interval;
using core::Intervals;

constexpr std::uint64_t kNoLimit = 1'000'000'000'000;  // bytes per second
// A site may find its line quicker than measured; more than this is left to others. Of a line that was never
// seen at its own rate, only guessed or under a cap of ours, nobody knows how quick it is: it finds out in a
// few steps, with half of what nobody else uses.
constexpr std::uint64_t kHeadroom = 2, kUnseenHeadroom = 16;

std::uint64_t share_of(std::uint64_t offered, const core::LinkRate& wan) {
  const std::uint64_t value = std::max(wan.value, wan.low);
  std::uint64_t most = kHeadroom * value;
  if (wan.assumed || wan.capped) most = std::max(most, std::min(kUnseenHeadroom * value, offered / 2));
  return std::min(offered, most);
}

// A window that is open now is published from where it began.
constexpr std::chrono::hours kLookBack{36};

std::string text_of(const Intervals& intervals) {
  std::string out;
  for (const Interval& i : intervals) out += to_rfc3339(i.from) + "/" + to_rfc3339(i.to) + " ";
  return out;
}

std::string text_of(const core::Calendar& calendar) {
  std::string out;
  for (const auto& window : calendar.windows) out += core::to_text(window) + ";";
  for (const auto& dates : calendar.black_outs) out += "!" + core::to_text(dates) + ";";
  return out;
}

// The lowest that a cap lets through while it may transfer; nothing where none does.
std::optional<std::uint64_t> lowest_of(const std::vector<core::RateLimit>& caps, WallTime expires_at,
                                       const Intervals& when) {
  std::optional<std::uint64_t> out;
  for (const core::RateLimit& cap : caps) {
    const Interval there{cap.from, std::min(cap.to, expires_at)};
    if (cap.rate == 0 || there.from >= there.to || core::intersect(when, {&there, 1}).empty()) continue;
    out = std::min(out.value_or(cap.rate), cap.rate);
  }
  return out;
}

// As it is counted on: measured, but never more than a cap lets through.
core::LineRate line_of(const SiteWork& site, const Intervals& transfer) {
  const std::uint64_t most = lowest_of(site.limits.wan, site.expires_at, transfer).value_or(site.wan.value);
  return {BytesPerSecond{std::min(site.wan.value, most)}, BytesPerSecond{std::min(site.wan.low, most)},
          site.wan.spread()};
}

// The same of the devices: a cap of the LAN is for all that receive at a time, each of whom gets its part.
std::vector<core::DeviceWork> capped_devices(const SiteWork& site, const Intervals& update) {
  std::vector<core::DeviceWork> out = site.devices;
  const auto most = lowest_of(site.limits.lan, site.expires_at, update);
  if (!most) return out;
  const auto at_a_time = std::min(static_cast<std::uint64_t>(std::max(1, site.limits.concurrency)),
                                  std::max<std::uint64_t>(1, out.size()));
  const BytesPerSecond part{std::max<std::uint64_t>(1, *most / at_a_time)};
  for (core::DeviceWork& device : out) device.lan = std::min(device.lan, part);
  return out;
}

std::optional<WallTime> start_of(const core::SiteTimes& times) {
  return times.transmit_at ? times.transmit_at : times.update_at;
}

}  // namespace

std::string to_text(const EgressBudget& budget) {
  std::string out = std::to_string(budget.rate.count);
  for (const auto& hours : budget.hours)
    out += " " + core::to_text(hours.window) + "=" + std::to_string(hours.rate.count);
  return budget.hours.empty() ? out : out + " " + budget.time_zone;
}

std::vector<core::BudgetStep> budget_steps(const EgressBudget& budget, const core::ZoneRules* zone,
                                           Interval span) {
  if (!budget.limited()) return {};
  if (!budget.hours.empty() && !zone) {
    BytesPerSecond least{budget.rate.count > 0 ? budget.rate.count : kNoLimit};
    for (const auto& hours : budget.hours) least = std::min(least, hours.rate);
    return {{span.from, least}};
  }
  std::vector<Intervals> holds;
  std::vector<WallTime> changes{span.from};
  for (const auto& hours : budget.hours) {
    holds.push_back(core::resolve({{hours.window}, {}}, *zone, span));
    for (const Interval& i : holds.back()) changes.insert(changes.end(), {i.from, i.to});
  }
  std::sort(changes.begin(), changes.end());
  changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
  std::vector<core::BudgetStep> out;
  for (const WallTime at : changes) {
    BytesPerSecond rate{budget.rate.count > 0 ? budget.rate.count : kNoLimit};
    for (std::size_t i = holds.size(); i-- > 0;)
      if (!holds[i].empty() && core::permits(holds[i], at)) rate = budget.hours[i].rate;
    if (out.empty() || out.back().rate != rate) out.push_back({at, rate});
  }
  return out;
}

struct Scheduler::Draft {
  const SiteWork* site = nullptr;
  Permitted transfer, update;            // as the plan says them
  Intervals transfer_left, update_left;  // from now on, without what deferrals and other rollouts take
  std::vector<core::DeviceWork> devices;  // `task` looks at them: a draft is moved, never copied
  core::SiteTask task;
  core::Basis basis;
};

Scheduler::Zone& Scheduler::zone(const std::string& name) {
  auto [found, added] = known_.try_emplace(name);
  if (!added) return found->second;
  if (!zones_) {
    found->second.rules = std::make_shared<const core::ZoneRules>();
  } else if (auto rules = zones_(name)) {
    found->second.rules = std::move(*rules);
  } else {
    found->second.why = rules.error().message();
  }
  return found->second;
}

const core::ZoneRules& Scheduler::zone_for_words(const std::string& name) {
  const Zone& found = zone(name);
  return found.rules ? *found.rules : utc_;
}

// Rules, not names: another tz database may have others. Those after the expiry move nothing, and how far
// they are known depends on when the program started.
const std::string& Scheduler::rules_of(const std::string& name, WallTime until) {
  Zone& found = zone(name);
  auto [text, added] = found.texts.try_emplace(until);
  if (!added || !found.rules) return text->second;
  std::string all = std::to_string(found.rules->offset.count());
  for (const core::ZoneTransition& change : found.rules->transitions)
    if (change.at <= until)
      all += " " + std::to_string(change.at.time_since_epoch().count()) + "=" +
             std::to_string(change.offset.count());
  text->second = sha256_of(as_bytes(all)).hex().substr(0, 16);
  return text->second;
}

// All that people have set: another text is a cause to compute again.
std::string Scheduler::terms_of(const SiteWork& site) {
  std::string caps;
  for (const auto* list : {&site.limits.wan, &site.limits.lan}) {
    for (const auto& cap : *list)
      caps += to_rfc3339(cap.from) + "/" + to_rfc3339(cap.to) + "/" + std::to_string(cap.rate) + " ";
    if (list == &site.limits.wan && !site.limits.lan.empty()) caps += "lan ";
  }
  std::string all = text_of(site.windows.transfer_calendar()) + "|" +
                    text_of(site.windows.update_calendar()) + "|" + site.time_zone + "|" +
                    text_of(site.transfer) + "|" + text_of(site.update) + "|" + to_rfc3339(site.expires_at) +
                    "|" + std::to_string(site.limits.concurrency) + "|" + caps + "|" + to_text(egress_);
  if (!site.windows.always()) all += "|" + rules_of(site.time_zone, site.expires_at);
  if (!egress_.hours.empty()) all += "|" + rules_of(egress_.time_zone, site.expires_at);
  return sha256_of(as_bytes(all)).hex().substr(0, 16);
}

std::optional<PlannedSite> Scheduler::without_zone(const SiteWork& site) {
  if (site.windows.always()) return {};
  const Zone& found = zone(site.time_zone);
  if (found.rules) return {};
  const Intervals never = core::for_plan({}, site.expires_at);
  return PlannedSite{{},
                     never,
                     never,
                     {},
                     "time_zone_unknown",
                     "The windows of site " + site.site + " can't be placed in time: " + found.why +
                         ". Nothing new begins there until the tz database has it or it is changed.",
                     now_};
}

// Beyond the expiry too, so that the planner can say which later one would help.
Interval Scheduler::span(const SiteWork& site) const {
  const WallTime last = std::clamp(site.expires_at, now_, now_ + Duration{core::kHorizon});
  return {now_ - kLookBack, last + (last - now_) + std::chrono::days{1}};
}

Scheduler::Permitted Scheduler::permitted(const SiteWork& site, const core::Calendar& calendar,
                                          const Intervals& rollout) {
  const Interval there = span(site);
  const std::string key = text_of(calendar) + "|" + site.time_zone + "|" + to_rfc3339(there.to);
  auto [found, added] = resolved_.try_emplace(key);
  if (added) {
    found->second.any_time = calendar.windows.empty() && calendar.black_outs.empty();
    if (found->second.any_time)
      found->second.set = {there};
    else if (const Zone& there_is = zone(site.time_zone); there_is.rules)  // unknown: never
      found->second.set = core::resolve(calendar, *there_is.rules, there);
  }
  Permitted out = found->second;
  if (!rollout.empty()) out.set = core::intersect(out.set, core::normal(rollout));
  return out;
}

WallTime Scheduler::when(const SiteWork& site) {
  if (site.published)
    if (const auto start = start_of(site.published->times)) return std::max(*start, now_);
  const WallTime from =
      std::max({now_, site.deferred_until.value_or(now_),
                site.computed ? now_ : site.transmit_at.value_or(site.update_at.value_or(now_))});
  const Permitted transfer = permitted(site, site.windows.transfer_calendar(), site.transfer);
  for (const Interval& i : transfer.set)
    if (i.to > from) return std::max(i.from, from);
  return from;
}

Scheduler::Draft Scheduler::draft_of(const SiteWork& site) {
  Draft out;
  out.site = &site;
  out.transfer = permitted(site, site.windows.transfer_calendar(), site.transfer);
  out.update = permitted(site, site.windows.update_calendar(), site.update);
  const Interval from_now{now_, span(site).to};
  out.transfer_left = core::intersect(out.transfer.set, {&from_now, 1});
  out.update_left = core::intersect(out.update.set, {&from_now, 1});
  if (site.deferred_until) {
    const Interval deferred{WallTime::min(), *site.deferred_until};
    out.update_left = core::subtract(out.update_left, {&deferred, 1});
    // In pull the update time is the start of the fetch.
    if (site.delivery == core::Delivery::kPull)
      out.transfer_left = core::subtract(out.transfer_left, {&deferred, 1});
  }
  out.transfer_left = core::subtract(out.transfer_left, core::normal(site.busy));
  out.task.delivery = site.delivery;
  out.task.priority = site.priority;
  out.task.wan = line_of(site, out.transfer_left);
  out.task.missing = site.missing;
  out.devices = capped_devices(site, out.update_left);
  out.task.devices = out.devices;
  out.task.concurrency = site.limits.concurrency;
  out.task.expires_at = site.expires_at;
  if (!site.computed) {
    out.task.transmit_at = site.transmit_at;
    out.task.update_at = site.update_at;
  }
  out.basis = core::basis_of(out.task, site.deferred_until);
  out.basis.terms = terms_of(site);
  return out;
}

// Given times do not move; without a budget only their forecast would.
Duration Scheduler::stands(const SiteWork& site) const {
  return site.computed || egress_.limited() ? kLeastBetweenPlans : kLookAgain;
}

bool Scheduler::is_due(Draft& task, std::optional<core::ReplanCause>& why) const {
  const auto& published = task.site->published;
  if (!published) return true;
  core::Basis then = published->basis;
  if (then.deferred_until && *then.deferred_until <= now_) then.deferred_until.reset();  // over, as planned
  why = core::replan_cause(then, task.basis);
  if (!why && core::is_behind(published->times, task.site->missing, now_) &&
      now_ - published->at >= stands(*task.site))
    why = core::ReplanCause::kBehind;
  const bool again = !published->misfit.empty() && now_ - published->at >= kLookAgain;
  if (!why && !again) return false;
  if (task.site->computed) task.task = core::frozen(task.task, published->times, now_);
  return true;
}

// The permitted times up to the expiry, as a plan says them. Where the site sets nothing, the rollout's words
// stand as they are.
Intervals Scheduler::for_gateway(const SiteWork& site, const Permitted& permitted,
                                 const Intervals& rollout) const {
  if (permitted.any_time) return rollout;
  const Interval until{now_ - kLookBack, site.expires_at};
  Intervals out = core::intersect(permitted.set, {&until, 1});
  std::erase_if(out, [&](const Interval& i) { return i.to <= now_; });
  return core::for_plan(std::move(out), now_);
}

PlannedSite Scheduler::published(const Draft& task, core::SiteTimes times) {
  const SiteWork& site = *task.site;
  PlannedSite out{{},
                  for_gateway(site, task.transfer, site.transfer),
                  for_gateway(site, task.update, site.update),
                  task.basis,
                  "",
                  "",
                  now_};
  if (egress_.limited()) {
    // limits.wan caps inside of the shares only, so outside of them nothing may be transmitted at all.
    Intervals share;
    for (core::RateLimit& limit : times.wan) {
      limit.rate = share_of(limit.rate, site.wan);
      share.push_back({limit.from, limit.to});
    }
    out.transfer = core::for_plan(core::normal(std::move(share)), now_);
  }
  if (times.misfit) {
    out.misfit = core::word_of(times.misfit->obstacle);
    out.sentence = core::sentence_of(*times.misfit, zone_for_words(site.time_zone));
    times.misfit.reset();
  }
  out.times = std::move(times);
  return out;
}

std::optional<WallTime> Scheduler::look_at(const SiteWork& site, const PlannedSite& planned) const {
  std::optional<WallTime> out;
  if (!planned.misfit.empty()) out = planned.at + kLookAgain;
  if (!site.windows.always() || !egress_.hours.empty())
    out = std::min(out.value_or(kWallMax), now_ + kLookAgain);
  if (site.missing.count > 0 && planned.times.fetched_at) {
    const WallTime behind = std::max(*planned.times.fetched_at, planned.at + stands(site));
    out = out ? std::min(*out, behind) : behind;
  }
  return out;
}

std::vector<SiteResult> Scheduler::plan(const std::vector<SiteWork>& sites, const std::vector<Share>& taken) {
  std::vector<SiteResult> out;
  std::vector<Draft> due;
  std::vector<std::size_t> places;
  std::vector<std::int64_t> free;
  for (const SiteWork& site : sites) {
    SiteResult& result = out.emplace_back();
    result.assignment = site.assignment;
    result.asked = site.asked;
    if (auto unknown = without_zone(site)) {
      result.planned = std::move(unknown);
      result.look_at = now_ + kLookAgain;
      continue;
    }
    Draft task = draft_of(site);
    if (is_due(task, result.why)) {
      places.push_back(out.size() - 1);
      free.push_back(site.assignment);
      due.push_back(std::move(task));
    } else {
      result.look_at = look_at(site, *site.published);
    }
  }
  if (due.empty()) return out;
  std::vector<core::SiteTask> tasks;
  WallTime last = now_;
  for (Draft& task : due) {  // they have their places now
    task.task.transfer = task.transfer_left;
    task.task.update = task.update_left;
    tasks.push_back(task.task);
    last = std::max(last, span(*task.site).to);
  }
  std::sort(free.begin(), free.end());
  std::vector<core::RateLimit> others;
  for (const Share& share : taken)
    if (!std::binary_search(free.begin(), free.end(), share.assignment)) others.push_back(share.limit);
  std::vector<core::BudgetStep> steps;
  if (egress_.limited()) steps = budget_steps(egress_, zone(egress_.time_zone).rules.get(), {now_, last});
  auto times = core::plan_times({now_, tasks, steps, others});
  for (std::size_t i = 0; i < due.size(); ++i) {
    SiteResult& result = out[places[i]];
    result.planned = published(due[i], std::move(times[i]));
    if (egress_.limited()) result.windows = due[i].transfer_left;
    result.look_at = look_at(*due[i].site, *result.planned);
  }
  return out;
}

}  // namespace dray::server

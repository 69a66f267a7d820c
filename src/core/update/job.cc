#include "core/update/job.h"

#include <algorithm>

#include "base/assert.h"
#include "base/mutant.h"
#include "core/update/job_machine.h"

namespace dray::core {
namespace machine {

bool ends_on_report(const Job& job, const Given& given) {
  if (job.terms.ends_on == EndsOn::kPowerOn) return true;
  if (!job.terms.closes_early || job.step >= job.terms.steps.size()) return false;
  const auto& step = job.terms.steps[job.step];
  return std::all_of(step.begin(), step.end(),
                     [&](const StepArtifact& a) { return given.running.contains(a.component); });
}

bool expiry_stops(const Job& job, WallTime now) {
  if (DRAY_MUTANT("ignore_expiry")) return false;
  if (now < job.terms.expires_at || is_final(job) || is<Restarting>(job) || is<Cancelling>(job)) return false;
  const auto* installing = std::get_if<Installing>(&job.phase);
  return installing == nullptr || !installing->switching();
}

namespace {

Hold hold_from(WallTime begin, const Job& job, const Given& given) {
  if (given.now < begin) return Hold::kTime;
  if (given.doubt != Doubt::kNone) return Hold::kDoubt;
  if (!given.clock_known) return Hold::kClock;
  if (!given.unreadable.empty()) return Hold::kUnreadable;
  if (given.other_type) return Hold::kType;
  if (!given.stored) return Hold::kArtifact;
  if (!permits(job.terms.update, given.now) && !DRAY_MUTANT("outside_update_interval")) return Hold::kWindow;
  if (!given.turn) return Hold::kTurn;
  if (job.action.empty() && given.next_action.empty()) return Hold::kActionIds;
  if (!given.checked) return Hold::kStatus;
  return Hold::kNone;
}

}  // namespace

Hold hold(const Job& job, const Given& given) { return hold_from(job.update_at, job, given); }
Hold hold_of_question(const Job& job, const Given& given) {
  return hold_from(time_without_device(job), job, given);
}

WallTime time_without_device(const Job& job) {
  const WallTime planned = job.begun_at ? std::min(job.terms.planned_at, *job.begun_at) : job.terms.planned_at;
  return std::max(planned, job.deferred_until.value_or(WallTime::min()));
}

WallTime limit_of(WallTime since, std::chrono::seconds within, const Given& given) {
  const WallTime up = std::min(given.up_since, given.now);
  return std::max(since + within, up + std::min(within, given.calls_within));
}

bool has_passed(WallTime since, std::chrono::seconds within, const Given& given) {
  return given.now >= limit_of(since, within, given);
}

WallTime absent_at(WallTime since, const Given& given) {
  return limit_of(std::max(since, given.seen_at.value_or(since)), given.absent_after, given);
}

void step(Decision& d, const JobEvent& event) {
  if (const auto* echo = std::get_if<Echo>(&event)) return note_echo(d.job, *echo);
  look_back(d);
  const JobPhase before = d.job.phase;
  const bool tick = std::get_if<Tick>(&event) != nullptr;
  if (tick && expiry_stops(d.job, d.given.now))
    expire(d);
  else
    std::visit([&](const auto& phase) { on(d, phase, event); }, before);
  if (before.index() == d.job.phase.index()) return;
  const Transition change{phase_name(before), event_name(event), phase_name(d.job.phase)};
  const auto rows = job_transitions();
  DRAY_ASSERT(std::find(rows.begin(), rows.end(), change) != rows.end());
  d.rows.push_back(change);
}

namespace {

bool downloads_run(const Job& job) { return is<Transmitting>(job) || is<Installing>(job); }

void settle(Decision& d) {
  const auto place = [&] { return std::tuple{d.job.phase.index(), d.job.step, d.job.action, d.job.attempt}; };
  for (auto before = place();; before = place()) {
    step(d, Tick{});
    if (before == place()) return;
  }
}

void add_what_follows(Decision& d, const Job& before) {
  const Job& now = d.job;
  if (downloads_run(before) && (now.action != before.action || !may_download(now, d.given)))
    d.actions.push_back(CutTransfers{before.action});
  if (before.phase.index() != now.phase.index() || before.action != now.action ||
      offer(before, d.given) != offer(now, d.given) || !d.actions.empty())
    d.actions.push_back(WakeDevice{});
}

}  // namespace
}  // namespace machine

Job make_job(JobTerms terms, std::optional<WallTime> deferred_until) {
  Job job;
  job.update_at = deferred_until ? std::max(terms.planned_at, *deferred_until) : terms.planned_at;
  if (DRAY_MUTANT("an_hour_early")) job.update_at -= std::chrono::hours{1};
  job.deferred_until = deferred_until;
  if (terms.incompatible.empty() && terms.steps.empty())
    terms.incompatible = "nothing in it is for this device";
  if (!terms.incompatible.empty()) job.phase = Incompatible{terms.incompatible};
  job.terms = std::move(terms);
  return job;
}

JobStep advance(const Job& job, const JobEvent& event, const Given& given) {
  machine::Decision d{job, given, {}};
  if (const auto* report = std::get_if<PowerOn>(&event)) {
    d.given.running = report->running;
    d.given.boot_id = report->boot_id;
  }
  // Time goes first: what arrives after the expiry meets an expired job.
  if (machine::expiry_stops(d.job, d.given.now)) machine::step(d, Tick{});
  machine::step(d, event);
  const bool forget = std::any_of(d.actions.begin(), d.actions.end(),
                                  [](const JobAction& a) { return std::holds_alternative<Forget>(a); });
  if (!forget) machine::settle(d);
  machine::add_what_follows(d, job);
  return {std::move(d.job), std::move(d.actions), std::move(d.rows)};
}

std::vector<JobAction> resume(const Job& job) {
  std::vector<JobAction> actions;
  if (!job.action.empty() && !machine::downloads_run(job) && !machine::is<Ready>(job))
    actions.push_back(CutTransfers{job.action});
  if (!is_final(job) || action_is_open(job)) actions.push_back(WakeDevice{});
  return actions;
}

}  // namespace dray::core

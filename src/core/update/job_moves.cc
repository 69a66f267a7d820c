// What several phases of a job do alike.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/mutant.h"
#include "base/text.h"
#include "core/update/job_machine.h"
#include "core/update/retry.h"

namespace dray::core::machine {
namespace {

constexpr std::size_t kLongestWhy = 2'048;

// Planned time and every standing deferral, the device's own included.
WallTime earliest(const Job& job) {
  WallTime at = time_without_device(job);
  if (const auto* deferred = std::get_if<Deferred>(&job.phase)) at = std::max(at, deferred->until);
  return at;
}

// What its device said goes behind what is known without it, once.
void add_words(std::string& why, const std::string& words) {
  if (words.empty() || why.find(words) != std::string::npos) return;
  why = std::string{cut_text(why + (why.empty() ? "" : "; the device says: ") + words, kLongestWhy)};
}

void forget_steps(Job& job) {
  job.step = 0;
  job.begun_at.reset();
  job.unproven = false;
  job.shown.clear();
  job.went_back.clear();
  job.said_after.clear();
}

void first_attempt(Job& job) {
  job.attempt = 1;
  job.alike = 0;
  job.last_failure.reset();
  job.failed.reset();
}

// Digits apart: texts count attempts, name times and addresses.
bool same_result(const Failure& a, const Failure& b) {
  const auto words = [](const Failure& f) {
    std::string out;
    std::copy_if(f.why.begin(), f.why.end(), std::back_inserter(out), [](char c) { return c < '0' || c > '9'; });
    return out;
  };
  return a.kind == b.kind && words(a) == words(b);
}

// Only of a device that had all bytes: what fails before interrupts nobody. Nor does somebody's own refusal.
void count_alike(Job& job, const Failure& failure) {
  if (failure.kind == FailureKind::kRefused || (!is<Installing>(job) && !is<Restarting>(job))) return;
  job.alike = job.last_failure && same_result(*job.last_failure, failure) ? job.alike + 1 : 1;
  job.last_failure = failure;
}

void start_over(Decision& d, NextSteps next) {
  Job& job = d.job;
  job.terms.steps = std::move(next.steps);
  job.terms.incompatible = std::move(next.incompatible);
  job.next_steps.reset();
  forget_steps(job);
  first_attempt(job);
  if (!job.terms.incompatible.empty())
    job.phase = Incompatible{job.terms.incompatible};
  else if (!is<Deferred>(job))
    job.phase = Planned{};
  if (!is_final(job)) raise_update_at(job);
}

// What runs of the steps up to the current one.
struct Look {
  bool back = false;  // of a step that has ended, once it was reported as ordered, something else runs
  bool some = false;  // something runs as it was ordered
  std::set<std::string> shown;
  std::string runs;  // "os 26.10 instead of 26.11, app 7"
};
// Of a step that ended by its device's word alone nothing is known before it has once reported it.
Look look_at(const Job& job, const RunningByComponent& running) {
  Look out;
  for (std::size_t i = 0; i < std::min(job.step + 1, job.terms.steps.size()); ++i)
    for (const StepArtifact& a : job.terms.steps[i]) {
      const auto known = running.find(a.component);
      if (known == running.end()) continue;
      const bool as_ordered = is_version(known->second, a.version, a.sha256), ended = i < job.step;
      if (as_ordered && ended) out.shown.insert(a.component);
      out.some = out.some || as_ordered;
      out.back = out.back || (!as_ordered && ended && job.shown.contains(a.component));
      const std::string instead = known->second.version == a.version ? " with other bytes than were ordered" : " instead of " + a.version;
      out.runs += (out.runs.empty() ? "" : ", ") + a.component + " " + known->second.version + (as_ordered ? "" : instead);
    }
  return out;
}

// Whatever becomes of the last step, what its device runs is not this update. It is not tried again: why a step that had
// ended well was undone nobody knows here.
void end_gone_back(Job& job, const Given& given) {
  const auto kind = look_at(job, given.running).some ? FailureKind::kWentBack : FailureKind::kRolledBack;
  std::string before = job.failed ? "its last attempt had failed: " + job.failed->why : std::string{};
  job.failed = Failure{kind, std::move(before)};
  job.phase = Failed{*job.failed, given.now >= job.terms.expires_at};
}

// A late cancel, or newer steps, take over once the attempt has ended. True where one did.
bool gives_way(Decision& d) {
  if (d.job.stop_after) {
    const Cancelled stop = *d.job.stop_after;
    d.job.cancel_refused.clear();  // it was not too late after all
    d.job.refused_by.clear();
    d.job.refused_why.clear();
    cancel_now(d, stop);
    return true;
  }
  if (d.job.next_steps) {
    start_over(d, *d.job.next_steps);
    return true;
  }
  return false;
}

}  // namespace

void begin_attempt(Decision& d) {
  if (d.job.action.empty()) {
    d.job.action = d.given.next_action;
    d.given.next_action = {};
    d.job.boot_id = d.given.boot_id;
  }
  if (d.job.terms.ask == Ask::kConfirmation)
    d.job.phase = Asked{d.given.now};
  else
    d.job.phase = Ready{d.given.now};
}

void close_action(Job& job, ActionEnd end, bool acknowledged) {
  if (job.action.empty()) return;
  const auto known =
      std::find_if(job.past.begin(), job.past.end(), [&](const PastAction& p) { return p.id == job.action; });
  if (known != job.past.end()) {  // the device closed it already: Restarting
    known->end = end;
    known->acknowledged = acknowledged;
  } else {
    job.past.push_back({job.action, job.step, end, acknowledged});
    if (job.past.size() > kMostPastActions) job.past.erase(job.past.begin());
  }
  job.action = {};
}

void finish_step(Decision& d, bool by_power_on) {
  Job& job = d.job;
  const bool by_attempt = has_started(job);  // one that was only asked ran it already
  close_action(job, ActionEnd::kFinished, by_power_on && !is<Restarting>(job));
  const bool last = job.step + 1 == job.terms.steps.size();
  const bool more_follows = job.next_steps && job.next_steps->incompatible.empty();
  if (last && !more_follows) {
    job.stop_after.reset();
    job.next_steps.reset();
    if (!job.went_back.empty()) return end_gone_back(job, d.given);
    job.phase = Succeeded{d.given.now >= job.terms.expires_at};
    return;
  }
  if (by_attempt && !job.begun_at) job.begun_at = d.given.now;
  ++job.step;  // before a late cancel is looked at: its sentence names what the device runs already
  if (gives_way(d)) return;
  first_attempt(job);
  job.phase = Planned{};
  raise_update_at(job);
}

void fail_attempt(Decision& d, Failure failure) {
  Job& job = d.job;
  const bool closed_comes = failure.kind == FailureKind::kRolledBack && !is<Restarting>(job);
  close_action(job, ActionEnd::kError, closed_comes);
  add_words(failure.why, std::exchange(job.said_after, {}));
  job.failed = failure;
  if (gives_way(d)) return;
  const bool late = d.given.now >= job.terms.expires_at;
  if (late || is_last_attempt(job.terms.retry, job.attempt)) {
    job.phase = Failed{std::move(failure), late};
    return;
  }
  count_alike(job, failure);
  Duration pause = backoff(d.given.retry, job.attempt, d.given.jitter);
  if (job.alike >= kSameResults)
    pause = std::max(pause, long_pause(d.given.retry, d.given.jitter));
  const WallTime until = d.given.now + pause;
  ++job.attempt;
  job.phase = Backoff{until, std::move(failure)};
  raise_update_at(job);
}

void end_uncounted(Decision& d) {
  close_action(d.job, ActionEnd::kError);
  if (gives_way(d)) return;
  if (!is<Deferred>(d.job)) d.job.phase = Planned{};
  raise_update_at(d.job);
}

void defer(Decision& d, const Answered& answered) {
  const WallTime by_policy = d.given.now + d.job.terms.status_deferral;
  // A time that is over tells of a wrong clock, not of readiness.
  const WallTime until = answered.until && *answered.until > d.given.now ? *answered.until : by_policy;
  const auto cause = answered.kind == AnswerKind::kDefer ? DeferCause::kDeviceAsked : DeferCause::kDeviceBusy;
  d.job.phase = Deferred{cause, until, answered.by, answered.why, answered.kind == AnswerKind::kDenied};
  d.job.update_at = earliest(d.job);
  if (DRAY_MUTANT("ask_while_deferred")) d.job.update_at = d.given.now;
}

void take_back_deferral(Decision& d) {
  d.job.update_at = time_without_device(d.job);
  if (hold(d.job, d.given) == Hold::kNone)
    d.job.phase = Ready{d.given.now};
  else  // it is asked again when nothing else holds it
    d.job.phase = Planned{};
}

void expire(Decision& d) {
  const bool stopping = has_started(d.job);
  Cause cause = cause_of_expiry(d.job, d.given);
  if (!stopping) close_action(d.job, ActionEnd::kCanceled);
  d.job.stop_after.reset();
  d.job.next_steps.reset();
  d.job.phase = Expired{stopping, d.given.now, std::move(cause)};
}

void cancel_now(Decision& d, Cancelled cancelled) {
  close_action(d.job, ActionEnd::kCanceled);
  d.job.stop_after.reset();
  d.job.next_steps.reset();
  d.job.phase = std::move(cancelled);
}

void refuse_cancel(Job& job, Cancelled cancelled) {
  if (!cancelled.id.empty()) {
    job.cancel_refused = cancelled.id;
    job.refused_by = cancelled.by;
    job.refused_why = cancelled.why;
  }
  if (!job.stop_after || job.stop_after->superseded) job.stop_after = std::move(cancelled);
}

void take_terms(Decision& d, const JobTerms& terms) {
  Job& job = d.job;
  const bool other_steps = job.terms.steps != terms.steps || job.terms.incompatible != terms.incompatible;
  const bool other_time = job.terms.planned_at != terms.planned_at;
  job.terms = terms;
  if (other_time) job.update_at = earliest(job);
  if (!other_steps) return;
  close_action(job, ActionEnd::kCanceled);  // what it stood for is gone
  start_over(d, {terms.steps, terms.incompatible});
}

void note_terms(Job& job, const JobTerms& terms) {
  NextSteps now{std::move(job.terms.steps), std::move(job.terms.incompatible)};
  NextSteps next{terms.steps, terms.incompatible};
  job.terms = terms;
  job.terms.steps = now.steps;
  job.terms.incompatible = now.incompatible;
  if (now == next)
    job.next_steps.reset();
  else
    job.next_steps = std::move(next);
  if (job.stop_after && job.stop_after->superseded) job.stop_after.reset();  // the plan holds it again
}

void note_deferral(Job& job, const DeferralsChanged& deferral) {
  job.deferred_until = deferral.until;
  job.deferred_by = deferral.by;
  job.deferred_why = deferral.why;
}

void note_echo(Job& job, const Echo& echo) {
  if (job.past.empty() || job.past.back().id != echo.action) return;
  if (job.past.back().end == ActionEnd::kFinished) return add_words(job.said_after, echo.why);
  if (job.past.back().end != ActionEnd::kError || !job.failed) return;
  add_words(job.failed->why, echo.why);
  if (auto* backoff = std::get_if<Backoff>(&job.phase)) backoff->failure = *job.failed;
  if (auto* failed = std::get_if<Failed>(&job.phase)) failed->failure = *job.failed;
}

// Its report is level-triggered: what it runs is compared at each step of the machine.
void look_back(Decision& d) {
  if (is_final(d.job) || d.job.step == 0 || d.given.doubt == Doubt::kTwoAgents || d.given.other_type) return;
  const Look look = look_at(d.job, d.given.running);
  d.job.shown.insert(look.shown.begin(), look.shown.end());
  d.job.went_back = look.back ? look.runs + (look.some ? ", a mix that nobody may have tried" : "") : std::string{};
}

void go_back(Decision& d) {
  Job& job = d.job;
  if (job.begun_at) {
    close_action(job, ActionEnd::kError);
    return end_gone_back(job, d.given);
  }
  close_action(job, ActionEnd::kCanceled);  // what was found to run is to be brought
  forget_steps(job);
  first_attempt(job);
  if (!is<Deferred>(job)) job.phase = Planned{};
  raise_update_at(job);
}

void raise_update_at(Job& job) { job.update_at = std::max(job.update_at, earliest(job)); }

}  // namespace dray::core::machine

// Phases of a job in which the current attempt has started: Transmitting, Installing, Restarting, Cancelling.
#include <algorithm>

#include "core/update/job_machine.h"

namespace dray::core::machine {
namespace {

bool switched(const Job& job) {
  const auto* installing = std::get_if<Installing>(&job.phase);
  return is<Restarting>(job) || (installing != nullptr && installing->switching());
}

// A version or a hash of the step that the device has reported: it must have the bytes from somewhere.
bool shows_some_of(const Job& job, const RunningByComponent& running) {
  const auto& step = job.terms.steps[job.step];
  return std::any_of(step.begin(), step.end(), [&](const StepArtifact& a) {
    const auto known = running.find(a.component);
    return known != running.end() &&
           (is_version(known->second, a.version, a.sha256) || known->second.sha256 == a.sha256.hex());
  });
}

// A word alone is no proof: a client that was started to tell of one update says it of whatever is offered then.
void closed_success(Decision& d) {
  const bool has_bytes = d.job.terms.bytes_from == BytesFrom::kElsewhere ||
                         d.given.sent == BytesSent::kSome || shows_some_of(d.job, d.given.running);
  if (!has_bytes && d.given.sent == BytesSent::kNone)
    return fail_attempt(d, {FailureKind::kWithoutBytes, {}});
  if (!ends_on_report(d.job, d.given)) {
    if (!has_bytes || d.job.terms.closes_early) d.job.unproven = true;
    return finish_step(d, false);
  }
  const auto* installing = std::get_if<Installing>(&d.job.phase);
  std::string ran_instead = installing == nullptr ? std::string{} : installing->ran_instead;
  const ActionId action = d.job.action;
  close_action(d.job, ActionEnd::kFinished);
  d.job.action = action;  // still this attempt's, until the power-on report
  d.job.phase = Restarting{d.given.now, std::move(ran_instead)};
}

void closed_failure(Decision& d, const Feedback& f) {
  if (f.answer && (f.answer->kind == AnswerKind::kBusy || f.answer->kind == AnswerKind::kDefer)) {
    end_uncounted(d);
    if (!is_final(d.job)) defer(d, *f.answer);
  } else if (f.answer && f.answer->kind == AnswerKind::kRefuse) {
    fail_attempt(d, {FailureKind::kRefused, f.answer->why.empty() ? f.why : f.answer->why});
  } else if (f.cut_by_us) {
    end_uncounted(d);
  } else {
    fail_attempt(d, {FailureKind::kDeviceReported, f.why});
  }
}

// The device's own cancel: final. Its closed/failure may still come and is no news.
void cancelled_by_device(Decision& d, const Answered& answer, bool closed) {
  close_action(d.job, ActionEnd::kCanceled, !closed);
  cancel_now(d, {"", answer.by, answer.why, false});
}

// A component of the step that runs another version than it should.
std::string other_version(const Job& job, const RunningByComponent& running) {
  for (const StepArtifact& a : job.terms.steps[job.step]) {
    const auto known = running.find(a.component);
    if (known == running.end() || is_version(known->second, a.version, a.sha256)) continue;
    if (known->second.version != a.version)
      return "after the restart the device runs " + a.component + " " + known->second.version +
             " instead of " + a.version;
    return "after the restart the device runs " + a.component + " " + a.version + " with other bytes (SHA-256 " + known->second.sha256 +
           ") than were ordered (" + a.sha256.hex() + ")";
  }
  return {};
}

void power_on(Decision& d) {
  Job& job = d.job;
  if (is_done(job, d.given)) return finish_step(d, true);
  const bool new_boot = !d.given.boot_id.empty() && d.given.boot_id != job.boot_id;
  if (!new_boot) return;
  const std::string other = other_version(job, d.given.running);
  if (switched(job) && !other.empty()) return fail_attempt(d, {FailureKind::kRolledBack, other});
  if (switched(job)) return;
  const bool restarted = !job.boot_id.empty();  // else it may be the start in which the attempt began
  job.boot_id = d.given.boot_id;  // a plain restart: the device goes on where it was; or one that it does not speak of
  auto* installing = std::get_if<Installing>(&job.phase);
  if (installing == nullptr) return;
  // A client that never says when it switches over: it had the chance to go on where a loss of power had stopped it.
  if (installing->started_old && !other.empty() && job.terms.ask == Ask::kPoll)
    return fail_attempt(d, {FailureKind::kRolledBack, other});
  installing->ran_instead = other;
  installing->started_old = restarted && !other.empty();
}

// The same in Transmitting, Installing and Restarting. True where the event was one of these.
bool common_of_started(Decision& d, const JobEvent& event) {
  Job& job = d.job;
  const auto stop = [&](Cancelled c) {
    if (switched(job)) return refuse_cancel(job, std::move(c));
    const bool installing = is<Installing>(job);
    job.phase = Cancelling{c.id, c.by, c.why, c.superseded, d.given.now, installing};
  };
  if (const auto* fresh = std::get_if<NewTerms>(&event)) {
    note_terms(job, fresh->terms);
  } else if (std::get_if<GoneFromPlan>(&event) != nullptr) {
    // Refused once, a cancel is not sent again; being superseded by a rollout was none.
    const bool only_superseded = job.stop_after && job.stop_after->superseded && !job.stop_after->by.empty();
    if (!job.stop_after || only_superseded) stop({"", "", "", true});
  } else if (const auto* superseded = std::get_if<Superseded>(&event)) {
    if (!job.stop_after) job.stop_after = Cancelled{"", superseded->by, "", true};  // it ends first
  } else if (const auto* cancel = std::get_if<CancelAsked>(&event)) {
    if (cancel->id.empty() || cancel->id != job.cancel_refused)
      stop({cancel->id, cancel->by, cancel->why, false});
  } else if (const auto* deferral = std::get_if<DeferralsChanged>(&event)) {
    note_deferral(job, *deferral);  // counts for what starts after this attempt
  } else if (std::get_if<PowerOn>(&event) != nullptr) {
    power_on(d);
  } else if (std::get_if<Tick>(&event) != nullptr) {
    if (!is_done(job, d.given)) return false;
    finish_step(d, true);
  } else {
    return false;
  }
  return true;
}

void cancelled_answer(Decision& d, const JobEvent& event) {
  const auto* a = std::get_if<Answered>(&event);
  if (a != nullptr && a->kind == AnswerKind::kCancelled) cancelled_by_device(d, *a, false);
}

// Stages only go on, whatever comes late.
void reach(Decision& d, Stage stage) {
  if (auto* installing = std::get_if<Installing>(&d.job.phase))
    installing->stage = std::max(installing->stage, stage);
  else
    d.job.phase = Installing{d.given.now, stage};
}

}  // namespace

void heed(Decision& d, const Feedback& f) {
  const bool closed = f.kind == FeedbackKind::kClosedFailure || f.kind == FeedbackKind::kClosedSuccess;
  if (auto* going = std::get_if<Installing>(&d.job.phase); going != nullptr && !closed) going->ran_instead.clear();
  if (f.answer && f.answer->kind == AnswerKind::kCancelled && f.kind != FeedbackKind::kClosedSuccess)
    return cancelled_by_device(d, *f.answer, closed);
  // It was cut in the middle, because it says that it is of another type: no word of it makes that an installation.
  if (d.given.other_type && is<Transmitting>(d.job) && f.kind != FeedbackKind::kClosedFailure) {
    if (closed) end_uncounted(d);
    return;
  }
  auto* installing = std::get_if<Installing>(&d.job.phase);
  switch (f.kind) {
    case FeedbackKind::kProceeding:
      if (is<Ready>(d.job)) d.job.phase = Transmitting{d.given.now};
      if (installing != nullptr) reach(d, Stage::kWorking);
      return;
    case FeedbackKind::kDownloaded:
      return reach(d, Stage::kReceived);
    case FeedbackKind::kSwitching:
      return reach(d, Stage::kSwitching);
    case FeedbackKind::kVerifying:
      return reach(d, Stage::kVerifying);
    case FeedbackKind::kClosedSuccess:
      return closed_success(d);
    case FeedbackKind::kClosedFailure:
      return closed_failure(d, f);
  }
}

void on(Decision& d, const Transmitting&, const JobEvent& event) {
  if (common_of_started(d, event)) return;
  if (const auto* f = std::get_if<Feedback>(&event))
    heed(d, *f);
  else if (std::get_if<AllSent>(&event) != nullptr)
    d.job.phase = Installing{d.given.now};
  else if (std::get_if<ArtifactLost>(&event) != nullptr)
    d.actions.push_back(CutTransfers{d.job.action});
  else
    cancelled_answer(d, event);
}

void on(Decision& d, const Installing& p, const JobEvent& event) {
  if (common_of_started(d, event)) return;
  if (const auto* f = std::get_if<Feedback>(&event))
    heed(d, *f);
  else if (std::get_if<ArtifactLost>(&event) != nullptr)
    d.actions.push_back(CutTransfers{d.job.action});  // it may be fetching again
  else if (!p.switching())
    cancelled_answer(d, event);
}

void on(Decision& d, const Restarting& p, const JobEvent& event) {
  if (common_of_started(d, event) || std::get_if<Tick>(&event) == nullptr) return;
  if (!ends_on_report(d.job, d.given)) {  // a newer plan asks for none, or it no longer says what runs
    if (d.job.terms.closes_early) d.job.unproven = true;
    finish_step(d, false);
  } else if (p.since > d.given.now) {  // our clock was ahead
    d.job.phase = Restarting{d.given.now, p.ran_instead};
  } else if (has_passed(p.since, d.job.terms.power_on_within, d.given)) {
    if (!p.ran_instead.empty()) return fail_attempt(d, {FailureKind::kRolledBack, p.ran_instead});
    fail_attempt(d,
                 {FailureKind::kNoPowerOn,
                  "no power-on report within " + std::to_string(d.job.terms.power_on_within.count()) + " s"});
  }
}

void on(Decision& d, const Cancelling& p, const JobEvent& event) {
  const Cancelled wish{p.id, p.by, p.why, p.superseded};
  const WallTime since = p.since;
  const auto* f = std::get_if<Feedback>(&event);
  const auto* answer = std::get_if<CancelFeedback>(&event);
  const bool tick = std::get_if<Tick>(&event) != nullptr;
  if ((tick || std::get_if<PowerOn>(&event) != nullptr) && step_runs(d.job, d.given.running)) {
    refuse_cancel(d.job, wish);
    finish_step(d, true);
  } else if (tick && since > d.given.now) {
    std::get<Cancelling>(d.job.phase).since = d.given.now;
  } else if ((tick && has_passed(since, d.given.cancel_within, d.given)) ||
             (answer != nullptr && answer->accepted) ||
             (f != nullptr && f->kind == FeedbackKind::kClosedFailure)) {
    cancel_now(d, wish);
  } else if (answer != nullptr) {  // rejected: it goes on
    refuse_cancel(d.job, wish);
    if (p.installing)
      d.job.phase = Installing{d.given.now, Stage::kWorking};
    else
      d.job.phase = Transmitting{d.given.now};
  } else if (f != nullptr && f->kind == FeedbackKind::kClosedSuccess) {
    refuse_cancel(d.job, wish);
    closed_success(d);
  } else if (f != nullptr && (f->kind == FeedbackKind::kSwitching || f->kind == FeedbackKind::kVerifying)) {
    refuse_cancel(d.job, wish);
    reach(d, f->kind == FeedbackKind::kSwitching ? Stage::kSwitching : Stage::kVerifying);
  } else if (std::get_if<AllSent>(&event) != nullptr ||
             (f != nullptr && f->kind == FeedbackKind::kDownloaded)) {
    std::get<Cancelling>(d.job.phase).installing = true;
  } else if (const auto* fresh = std::get_if<NewTerms>(&event)) {
    note_terms(d.job, fresh->terms);
  } else if (const auto* deferral = std::get_if<DeferralsChanged>(&event)) {
    note_deferral(d.job, *deferral);
  }
}

}  // namespace dray::core::machine

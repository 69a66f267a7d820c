// Phases of a job in which nothing of the current attempt has started: Planned, Asked, Deferred, Ready,
// Backoff.
#include <algorithm>

#include "core/update/job_machine.h"

namespace dray::core::machine {
namespace {

// The device fetched or reported something in an attempt that is over. One that was only shown does not
// count.
bool ever_started(const Job& job) {
  return std::any_of(job.past.begin(), job.past.end(),
                     [](const PastAction& p) { return p.end != ActionEnd::kCanceled; });
}

// The same in every waiting phase. True where the event was one of these.
bool common_of_waiting(Decision& d, const JobEvent& event) {
  if (const auto* fresh = std::get_if<NewTerms>(&event)) {
    take_terms(d, fresh->terms);
  } else if (std::get_if<GoneFromPlan>(&event) != nullptr) {
    if (ever_started(d.job))
      cancel_now(d, {"", "", "", true});
    else
      d.actions.push_back(Forget{});
  } else if (const auto* superseded = std::get_if<Superseded>(&event)) {
    cancel_now(d, {"", superseded->by, "", true});
  } else if (const auto* cancel = std::get_if<CancelAsked>(&event)) {
    cancel_now(d, {cancel->id, cancel->by, cancel->why, false});
  } else if (const auto* deferral = std::get_if<DeferralsChanged>(&event)) {
    const bool other_time = d.job.deferred_until != deferral->until;
    note_deferral(d.job, *deferral);
    if (!other_time) return true;
    d.job.update_at = time_without_device(d.job);
    raise_update_at(d.job);
  } else if (std::get_if<PowerOn>(&event) != nullptr) {
    const bool done = is_done(d.job, d.given);
    if (goes_back(d.job, d.given) || (done && !d.job.went_back.empty())) return true;  // it ends by the tick that follows
    if (done)
      finish_step(d, true);
    else if (!d.job.action.empty() && !d.given.boot_id.empty())
      d.job.boot_id = d.given.boot_id;  // a restart before the attempt did anything
  } else {
    return false;
  }
  return true;
}

// While the link is hidden a client may still act on what it fetched before.
void hidden_feedback(Decision& d, const Feedback& f) {
  if (d.job.action.empty()) return;
  if (f.answer && f.answer->kind == AnswerKind::kCancelled)
    cancel_now(d, {"", f.answer->by, f.answer->why, false});
  else if (f.kind == FeedbackKind::kClosedFailure)
    end_uncounted(d);  // nothing was permitted to it, so this is no failure of its own
  else if (f.kind == FeedbackKind::kClosedSuccess && !is<Asked>(d.job))
    heed(d, f);
}

void answered_while_open(Decision& d, const Answered& a) {
  switch (a.kind) {
    case AnswerKind::kReady:
      return;
    case AnswerKind::kBusy:
    case AnswerKind::kDefer:
    case AnswerKind::kDenied:
      return defer(d, a);
    case AnswerKind::kRefuse:
      if (!d.job.action.empty()) fail_attempt(d, {FailureKind::kRefused, a.why});
      return;
    case AnswerKind::kCancelled:
      return cancel_now(d, {"", a.by, a.why, false});
  }
}

bool tick_finishes(Decision& d) {
  if (goes_back(d.job, d.given)) {
    go_back(d);
    return true;
  }
  if (!is_done(d.job, d.given)) return false;
  finish_step(d, true);
  return true;
}

}  // namespace

void on(Decision& d, const Planned&, const JobEvent& event) {
  if (common_of_waiting(d, event)) return;
  if (std::get_if<Tick>(&event) != nullptr) {
    if (tick_finishes(d)) return;
    if (hold(d.job, d.given) == Hold::kNone) begin_attempt(d);
  } else if (const auto* a = std::get_if<Answered>(&event)) {
    // A status before the time says nothing about the time.
    if (a->kind == AnswerKind::kCancelled || d.given.now >= d.job.update_at) answered_while_open(d, *a);
  } else if (const auto* f = std::get_if<Feedback>(&event)) {
    hidden_feedback(d, *f);
  }
}

void on(Decision& d, const Asked&, const JobEvent& event) {
  if (common_of_waiting(d, event)) return;
  if (std::get_if<Tick>(&event) != nullptr) {
    if (tick_finishes(d)) return;
    if (d.given.now < d.job.update_at)
      d.job.phase = Planned{};
    else if (d.job.terms.ask == Ask::kPoll)
      d.job.phase = Ready{d.given.now};
  } else if (const auto* a = std::get_if<Answered>(&event)) {
    if (a->kind != AnswerKind::kReady)
      answered_while_open(d, *a);
    else if (hold(d.job, d.given) == Hold::kNone)  // else it is asked again
      d.job.phase = Ready{d.given.now};
  } else if (const auto* f = std::get_if<Feedback>(&event)) {
    hidden_feedback(d, *f);
  }
}

void on(Decision& d, const Deferred&, const JobEvent& event) {
  if (common_of_waiting(d, event)) return;
  if (std::get_if<Tick>(&event) != nullptr) {
    if (tick_finishes(d)) return;
    if (d.given.now >= d.job.update_at) d.job.phase = Planned{};
  } else if (const auto* a = std::get_if<Answered>(&event)) {
    const bool was_asked = d.job.terms.ask == Ask::kConfirmation && !d.job.action.empty();
    if (a->kind == AnswerKind::kReady && was_asked)
      take_back_deferral(d);
    else
      answered_while_open(d, *a);
  } else if (const auto* f = std::get_if<Feedback>(&event)) {
    hidden_feedback(d, *f);
  }
}

void on(Decision& d, const Ready& p, const JobEvent& event) {
  if (common_of_waiting(d, event)) return;
  if (std::get_if<Tick>(&event) != nullptr) {
    if (tick_finishes(d)) return;
    const bool asks = d.job.terms.ask == Ask::kConfirmation;
    // A clock that is corrected by a moment makes no answer stale; one that was wrong by more than an answer's life does.
    const auto age = d.given.now > p.since ? d.given.now - p.since : p.since - d.given.now;
    const bool stale = age >= d.given.answer_valid;
    if (d.given.now < d.job.update_at)
      d.job.phase = Planned{};
    else if (asks && (stale || !permits(d.job.terms.update, d.given.now)))
      d.job.phase = Asked{d.given.now};
  } else if (std::get_if<FirstByte>(&event) != nullptr) {
    d.job.phase = Transmitting{d.given.now};
  } else if (std::get_if<AllSent>(&event) != nullptr) {
    d.job.phase = Installing{d.given.now};
  } else if (const auto* f = std::get_if<Feedback>(&event)) {
    heed(d, *f);
  } else if (const auto* a = std::get_if<Answered>(&event)) {
    answered_while_open(d, *a);
  }
}

void on(Decision& d, const Backoff& p, const JobEvent& event) {
  if (common_of_waiting(d, event)) return;
  if (std::get_if<Tick>(&event) != nullptr) {
    if (tick_finishes(d)) return;
    // Further away than any back-off: our clock was ahead when it was set.
    if (d.given.now >= p.until || p.until - d.given.now > d.given.retry.cap) d.job.phase = Planned{};
  } else if (const auto* a = std::get_if<Answered>(&event)) {
    if (a->kind == AnswerKind::kCancelled) cancel_now(d, {"", a->by, a->why, false});
  }
}

}  // namespace dray::core::machine

// Final phases: Succeeded, Failed, Cancelled, Expired, Incompatible. Results are monotonic: nothing leads out
// of them.
#include "core/update/job_machine.h"

namespace dray::core::machine {
namespace {

void common_of_ended(Decision& d, const JobEvent& event) {
  if (const auto* cancel = std::get_if<CancelAsked>(&event)) {
    if (is<Cancelled>(d.job)) return;
    d.job.cancel_refused = cancel->id;
    d.job.refused_by = cancel->by;
    d.job.refused_why = cancel->why;
  } else if (std::get_if<GoneFromPlan>(&event) != nullptr) {
    // Before the expiry a restored server may bring it back, and it must stay finished then.
    if (!action_is_open(d.job) && d.given.now >= d.job.terms.expires_at) d.actions.push_back(Forget{});
  }
}

}  // namespace

void on(Decision& d, const Succeeded&, const JobEvent& event) { common_of_ended(d, event); }
void on(Decision& d, const Failed&, const JobEvent& event) { common_of_ended(d, event); }
void on(Decision& d, const Cancelled&, const JobEvent& event) { common_of_ended(d, event); }
void on(Decision& d, const Incompatible&, const JobEvent& event) { common_of_ended(d, event); }

void on(Decision& d, const Expired& p, const JobEvent& event) {
  common_of_ended(d, event);
  if (!p.stopping) return;
  const auto stopped = [&](ActionEnd end, bool acknowledged) {
    close_action(d.job, end, acknowledged);
    d.job.phase = Expired{false, d.given.now, p.cause};
  };
  const auto* f = std::get_if<Feedback>(&event);
  const auto* answer = std::get_if<CancelFeedback>(&event);
  if (f != nullptr && f->kind == FeedbackKind::kClosedSuccess)
    stopped(ActionEnd::kFinished, false);
  else if (f != nullptr && f->kind == FeedbackKind::kClosedFailure)
    stopped(ActionEnd::kError, false);
  else if (answer != nullptr)  // rejected: the device goes on alone, and its close is no news
    stopped(ActionEnd::kCanceled, !answer->accepted);
  else if (std::get_if<PowerOn>(&event) != nullptr && step_runs(d.job, d.given.running))
    stopped(ActionEnd::kFinished, true);
  else if (std::get_if<Tick>(&event) != nullptr && p.since > d.given.now)
    d.job.phase = Expired{true, d.given.now, p.cause};
  else if (std::get_if<Tick>(&event) != nullptr && has_passed(p.since, d.given.cancel_within, d.given))
    stopped(ActionEnd::kCanceled, false);
}

}  // namespace dray::core::machine

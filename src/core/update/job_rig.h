// One job with its clock and its leases, driven as the gateway drives it: for the tests of what a job does.
#pragma once

#include "core/update/job_samples.h"

namespace dray::core::samples {

inline JobTerms two_steps() {
  JobTerms t = terms();
  t.steps = {{image()}, {app()}};
  return t;
}

// At any time of the day.
inline JobTerms all_day(JobTerms t) {
  t.update.clear();
  return t;
}

class Rig {
 public:
  explicit Rig(JobTerms terms = samples::terms(), WallTime now = at(15))
      : job{make_job(std::move(terms), {})} {
    given = samples::given(now);
    tick();
  }

  Rig& does(const JobEvent& event) {
    JobStep step = advance(job, event, given);
    if (step.next.action == given.next_action && !step.next.action.empty())
      given.next_action = ActionId{given.next_action.value() + 1};
    if (const auto* report = std::get_if<PowerOn>(&event)) {
      given.running = report->running;
      given.boot_id = report->boot_id;
    }
    job = std::move(step.next);
    actions = std::move(step.actions);
    return *this;
  }
  Rig& tick() { return does(Tick{}); }
  Rig& tick_at(WallTime now) {
    given.now = now;
    return tick();
  }
  Rig& answers(AnswerKind kind, std::optional<WallTime> until = {}) {
    return does(Answered{kind, until, "kim", "in use"});
  }
  Rig& says(FeedbackKind kind, bool cut_by_us = false) {
    return does(Feedback{kind, "no space", cut_by_us, {}});
  }
  Rig& powers_on(const std::string& boot, const RunningByComponent& running) {
    return does(PowerOn{boot, running});
  }
  // Through the doors up to the phase.
  Rig& to_transmitting() {
    if (job.terms.ask == Ask::kConfirmation) answers(AnswerKind::kReady);
    return does(FirstByte{});
  }
  Rig& to_installing() { return to_transmitting().does(AllSent{}); }
  Rig& to_switching() { return to_installing().says(FeedbackKind::kSwitching); }
  Rig& to_restarting() { return to_installing().says(FeedbackKind::kClosedSuccess); }

  std::string_view phase() const { return phase_name(job.phase); }
  Offer offered() const { return offer(job, given); }
  PublicState said() const { return describe(job, given); }
  bool cuts(ActionId action) const {
    for (const JobAction& a : actions)
      if (const auto* cut = std::get_if<CutTransfers>(&a); cut != nullptr && cut->action == action)
        return true;
    return false;
  }
  bool forgets() const {
    for (const JobAction& a : actions)
      if (std::get_if<Forget>(&a) != nullptr) return true;
    return false;
  }

  Job job;
  Given given;
  std::vector<JobAction> actions;
};

}  // namespace dray::core::samples

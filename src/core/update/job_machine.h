// The inside of the job machine, for job*.cc and their tests only; everybody else uses job.h.
//
// advance() is a chain of elementary steps: the event itself, then Ticks until time brings about nothing
// more. Each elementary step makes at most one change of phase, and that change is a row of
// job_transitions().
#pragma once

#include "core/update/job.h"

namespace dray::core::machine {

struct Decision {
  Job job;
  Given given;
  std::vector<JobAction> actions;
  std::vector<Transition> rows{};
};

// One elementary step.
void step(Decision& d, const JobEvent& event);

// One total function a phase; what they do not name leaves the job as it is.
void on(Decision& d, const Planned&, const JobEvent& event);
void on(Decision& d, const Asked&, const JobEvent& event);
void on(Decision& d, const Deferred&, const JobEvent& event);
void on(Decision& d, const Ready&, const JobEvent& event);
void on(Decision& d, const Backoff&, const JobEvent& event);
void on(Decision& d, const Transmitting&, const JobEvent& event);
void on(Decision& d, const Installing&, const JobEvent& event);
void on(Decision& d, const Restarting&, const JobEvent& event);
void on(Decision& d, const Cancelling&, const JobEvent& event);
void on(Decision& d, const Succeeded&, const JobEvent& event);
void on(Decision& d, const Failed&, const JobEvent& event);
void on(Decision& d, const Cancelled&, const JobEvent& event);
void on(Decision& d, const Expired&, const JobEvent& event);
void on(Decision& d, const Incompatible&, const JobEvent& event);

// --- questions ---

// Its end is a report of what runs, and not `closed`: by its type, or because a client that says `closed` before its
// restart has shown that it can say what runs.
bool ends_on_report(const Job& job, const Given& given);
bool expiry_stops(const Job& job, WallTime now);  // expired, and the switch-over has not begun
// What keeps an attempt from beginning, or its link from being shown. Until: where time alone ends it.
enum class Hold { kNone, kTime, kDoubt, kClock, kUnreadable, kType, kArtifact, kWindow, kTurn, kActionIds, kStatus };
Hold hold(const Job& job, const Given& given);
// The same for a question that stays shown though its device said "no": of time only the plan and operators count.
Hold hold_of_question(const Job& job, const Given& given);
// When it may be updated as far as the plan and operators say; what its device asked for is left out.
WallTime time_without_device(const Job& job);
// The word and the sentence for a failed attempt; late: it ended after the expiry.
Cause cause_of(const Failure& failure, bool late = false);
// What a job waited for, or what had failed, at its expiry.
Cause cause_of_expiry(const Job& job, const Given& given);
// Between two steps, or where one that had ended was undone: what the device runs of this update, and what is missing;
// empty: it runs no mix.
std::string mix_of(const Job& job);
// "os 26.11, fw 3": of the steps from `first` on, `last` left out.
std::string step_versions(const JobTerms& terms, std::size_t first, std::size_t last);
// A step that has ended well runs no more, and nothing of the current one is under way: now the job goes by that.
bool goes_back(const Job& job, const Given& given);
// The device has begun the step, and is not in the middle of its bytes.
bool is_past_its_bytes(const Job& job);
// A time limit that runs from `since`, over our own restarts. After a start there is time for one call at the least: what
// was said while we were off nobody could hear.
WallTime limit_of(WallTime since, std::chrono::seconds within, const Given& given);
bool has_passed(WallTime since, std::chrono::seconds within, const Given& given);

// When a device that is silent since then, and should call, counts as absent: one that has never called as well.
WallTime absent_at(WallTime since, const Given& given);

template <class Phase>
bool is(const Job& job) {
  return std::holds_alternative<Phase>(job.phase);
}

// --- moves that several phases share ---

void begin_attempt(Decision& d);  // an action, the boot id; then Asked or Ready
void close_action(Job& job, ActionEnd end, bool acknowledged = false);
void heed(Decision& d, const Feedback& feedback);  // of Ready, Transmitting, Installing
void finish_step(Decision& d, bool by_power_on);
void fail_attempt(Decision& d, Failure failure);
void end_uncounted(Decision& d);  // the action is over, the attempt is not: a fresh action follows
void defer(Decision& d, const Answered& answered);  // kBusy, kDefer or kDenied
void take_back_deferral(Decision& d);               // a deferred device says that it is ready after all
void expire(Decision& d);
void cancel_now(Decision& d, Cancelled cancelled);    // final
void refuse_cancel(Job& job, Cancelled cancelled);    // too late for this attempt
void take_terms(Decision& d, const JobTerms& terms);  // nothing has started
void note_terms(Job& job, const JobTerms& terms);     // started: the steps wait
void note_deferral(Job& job, const DeferralsChanged& deferral);
void note_echo(Job& job, const Echo& echo);           // its words go to the end that they are about
void look_back(Decision& d);                          // whether steps that have ended still run, as the device reports
void go_back(Decision& d);                            // they do not: the end, or from the start where this job began none
void raise_update_at(Job& job);                       // to what the plan and the standing deferrals say

}  // namespace dray::core::machine

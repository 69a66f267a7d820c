// A rollout: a release for a set of devices, with a delivery, times, and phases that begin one after the
// other. Pure: the store saves what comes out, then does the actions in the same transaction.
//
//   [waiting_approval ->] scheduled (pull) | held (push) -> running -> soaking -> [waiting_approval ->]
//   running ... each of them <-> paused;  each of them -> finished | aborted;  finished -> running (failed
//   ones once more)
//
// `released` phases are in the gateways' plans; the last of them is the current one, the next one waits for
// its success, its soak time and an approval. Thresholds of all released phases are watched until the end: a
// device of phase 1 that comes back late and fails stops phase 3. They are judged before anything else at
// every event, so that no threshold is crossed silently. A paused rollout starts no new device: what has
// started ends.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/model/plan.h"
#include "core/rollout/phase.h"

namespace dray::core {

struct RolloutTerms {
  Delivery delivery = Delivery::kPull;
  std::optional<WallTime> transmit_at;  // push only
  WallTime update_at, expires_at = kWallMax;
  // The server computes the times, of each site by itself: the two above are then the earliest of any site,
  // and the expiry until the first one has been computed.
  bool computed = false;
  friend bool operator==(const RolloutTerms&, const RolloutTerms&) = default;
};

struct RolloutScheduled {  // pull: gateways know the times, the update time is still to come
  friend bool operator==(const RolloutScheduled&, const RolloutScheduled&) = default;
};
struct RolloutHeld {  // push: gateways see "hold" until the transmission time
  friend bool operator==(const RolloutHeld&, const RolloutHeld&) = default;
};
struct RolloutRunning {
  friend bool operator==(const RolloutRunning&, const RolloutRunning&) = default;
};
struct RolloutSoaking {  // the current phase has reached its success; the next one does not begin before
  WallTime until;
  friend bool operator==(const RolloutSoaking&, const RolloutSoaking&) = default;
};
struct RolloutWaitingApproval {  // of the next phase
  friend bool operator==(const RolloutWaitingApproval&, const RolloutWaitingApproval&) = default;
};
enum class PauseCause { kOperator, kFailures };
using BeforePause =
    std::variant<RolloutScheduled, RolloutHeld, RolloutRunning, RolloutSoaking, RolloutWaitingApproval>;
struct RolloutPaused {
  PauseCause cause = PauseCause::kOperator;
  std::string by, why;
  BeforePause before;
  friend bool operator==(const RolloutPaused&, const RolloutPaused&) = default;
};
struct RolloutFinished {  // every job has ended, or the expiry is over
  friend bool operator==(const RolloutFinished&, const RolloutFinished&) = default;
};
struct RolloutAborted {
  std::string by, why;
  friend bool operator==(const RolloutAborted&, const RolloutAborted&) = default;
};
using RolloutState = std::variant<RolloutScheduled, RolloutHeld, RolloutRunning, RolloutSoaking,
                                  RolloutWaitingApproval, RolloutPaused, RolloutFinished, RolloutAborted>;

struct Approval {
  std::string by, why;
  WallTime at;
  friend bool operator==(const Approval&, const Approval&) = default;
};
struct RolloutPhase {
  PhaseTerms terms;
  std::int64_t accepted = 0;  // failures that an operator took into account when resuming
  std::optional<WallTime> released_at, reached_at;
  std::optional<Approval> approved;
  friend bool operator==(const RolloutPhase&, const RolloutPhase&) = default;
};

struct Rollout {
  RolloutTerms terms;
  std::vector<RolloutPhase> phases;  // at least one
  std::size_t released = 0;          // how many have begun
  RolloutState state;
  friend bool operator==(const Rollout&, const Rollout&) = default;
};

struct TimePassed {};
struct JobsChanged {  // the counts have; started: a gateway has gone beyond waiting
  bool started = false;
};
struct ApproveAsked {
  std::string by, why;
  std::optional<std::size_t> phase;  // the one that is meant, so that an approval can't let another one pass
};
struct PauseAsked {
  std::string by, why;
};
struct ResumeAsked {
  std::string by, why;
};
struct AbortAsked {
  std::string by, why;
};
struct RetryAsked {  // what has failed or drifted, once more; with another expiry where one is given
  std::string by, why;
  std::optional<WallTime> expires_at;
};
using RolloutEvent =
    std::variant<TimePassed, JobsChanged, ApproveAsked, PauseAsked, ResumeAsked, AbortAsked, RetryAsked>;

struct RolloutGiven {
  WallTime now;
  std::span<const PhaseCounts> counts;  // one a phase
};

struct Transmit {};    // the plan of every site says fetch "now"
struct ReleasePhase {  // its jobs come into the plans
  std::size_t phase = 0;
};
struct HoldJobs {};  // what has not started does not start: the plans' times move behind the expiry
struct FreeJobs {};  // and back
struct CancelJobs {  // every job that has not ended gets a cancel; those in no plan end at once
  std::string by, why;
};
struct RetryJobs {};      // every job that failed or whose device drifted begins anew, under another id
struct ExpireWaiting {};  // jobs that were in no plan yet end as expired
using RolloutAction =
    std::variant<Transmit, ReleasePhase, HoldJobs, FreeJobs, CancelJobs, RetryJobs, ExpireWaiting>;

// For the record, in order: what happened, to which phase where it concerns one, and who asked.
struct RolloutNote {
  std::string_view what;  // created released reached approved paused resumed retried aborted finished
  std::optional<std::size_t> phase;
  std::string by, why;
};

struct RolloutTransition {
  std::string_view from, event, to;
  friend auto operator<=>(const RolloutTransition&, const RolloutTransition&) = default;
};

struct RolloutStep {
  Rollout next;
  std::vector<RolloutAction> actions;
  std::vector<RolloutNote> notes;
  std::vector<RolloutTransition> rows;  // of rollout_transitions(): the changes of state on the way
};

RolloutStep make_rollout(RolloutTerms terms, std::vector<PhaseTerms> phases, WallTime now);
// Total: an event that means nothing in this state leaves the rollout as it is. What time and counts bring
// about follows in the same call: TimePassed with the same Given changes nothing more. Where its state and its numbers
// do not go together (fits()), only an abort does anything.
RolloutStep advance(const Rollout& rollout, const RolloutEvent& event, const RolloutGiven& given);
// Why an operator's request can't be done in this state, for the answer; nothing where it can, or where it is
// so already.
std::optional<std::string> refusal(const Rollout& rollout, const RolloutEvent& event,
                                   const RolloutGiven& given);

// Whether its state goes with how many phases have begun: no phase can run or soak where none has, and none is waited
// for after the last. Stored numbers that were damaged or replaced may not; then only an abort does anything.
bool fits(const Rollout& rollout);
// What a paused rollout comes back to where nobody wrote that down. transmitted: a site has been told to fetch.
// It never skips an approval or a transmission; a soak time begins anew.
BeforePause resumed_state(const Rollout& rollout, bool transmitted);
bool is_over(const Rollout& rollout);
bool is_paused(const Rollout& rollout);
bool may_transmit(const Rollout& rollout);  // false only where a push waits for its transmission time
Judgement judge_phase(const Rollout& rollout, std::size_t phase, const PhaseCounts& counts);
// The next instant at which time alone changes something.
std::optional<WallTime> wake_at(const Rollout& rollout);

// scheduled held running soaking waiting_approval paused finished aborted
std::string_view state_name(const RolloutState& state);
std::string_view event_name(const RolloutEvent& event);
// Every change of state that can happen. advance() asserts that it stays inside.
std::span<const RolloutTransition> rollout_transitions();

struct Said {
  std::string reason, sentence;
  std::optional<WallTime> until;
  friend bool operator==(const Said&, const Said&) = default;
};
// Of the rollout.
Said describe(const Rollout& rollout, const RolloutGiven& given);
// Of a phase, as a word: waiting_phase, waiting_approval, succeeded, or the rollout's own state.
std::string_view phase_state(const RolloutState& state, std::size_t released, std::size_t phase);
// What keeps a job of this phase from starting, as far as its rollout knows: waiting_phase, waiting_approval,
// paused, failure_threshold. Nothing where nothing does; asked only for a job that has neither ended nor
// started. Only the rollout's state and numbers are looked at, so that lists need not read every phase.
std::optional<Said> withheld(const RolloutState& state, std::size_t released, std::size_t phases,
                             std::size_t phase);

}  // namespace dray::core

// A rollout: a release for a set of devices, with a delivery and times. Without phases so far: it is released
// at once (pull) or at its transmission time (push). Pure: the store saves what comes out, then planning acts
// on it.
//
//   scheduled (pull) -> running -> finished | aborted
//   held (push)      -> running -> finished | aborted
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/model/plan.h"

namespace dray::core {

// --- the jobs of a rollout, as the server knows them: what the gateway reported last ---

struct JobResult {
  std::string state = "scheduled", reason, sentence;
  std::optional<WallTime> until, update_at;
  std::int64_t step = 0, attempt = 0;
  std::uint64_t bytes = 0;                     // of the current step, delivered to the device
  std::map<std::string, std::string> running;  // component -> version
  bool late = false;                           // ended after its expiry
  std::string cancel_id, cancel_answer;        // the device's or gateway's answer to a cancel: "too_late"
  friend bool operator==(const JobResult&, const JobResult&) = default;
};

// succeeded failed rolled_back cancelled expired incompatible: nothing follows.
bool is_final(std::string_view state);
// failed, rolled_back and expired. A cancelled or incompatible device is no failure of its rollout.
bool is_failure(std::string_view state);
// Results are monotonic: a late or doubled report never turns one into another. What a final report may still
// add is the answer to a cancel, and that the end was late.
JobResult merge(const JobResult& have, const JobResult& reported);

using StateCounts = std::map<std::string, std::int64_t>;
struct Tally {
  std::int64_t devices = 0, open = 0, succeeded = 0, failed = 0;
  friend bool operator==(const Tally&, const Tally&) = default;
};
Tally tally(const StateCounts& counts);

// --- the machine ---

struct RolloutTerms {
  Delivery delivery = Delivery::kPull;
  std::optional<WallTime> transmit_at;  // push only
  WallTime update_at, expires_at = kWallMax;
  friend bool operator==(const RolloutTerms&, const RolloutTerms&) = default;
};

struct RolloutScheduled {};  // pull: gateways know the times, the update time is still to come
struct RolloutHeld {};       // push: gateways see "hold" until the transmission time
struct RolloutRunning {};
struct RolloutFinished {};  // every job has ended, or the expiry is over
struct RolloutAborted {
  std::string by, why;
};
using RolloutPhase =
    std::variant<RolloutScheduled, RolloutHeld, RolloutRunning, RolloutFinished, RolloutAborted>;

struct Rollout {
  RolloutTerms terms;
  RolloutPhase phase;
};

struct TimePassed {};
struct JobsChanged {
  std::int64_t open = 0;
  bool started = false;
};  // started: a gateway has gone beyond waiting
struct AbortAsked {
  std::string by, why;
};
using RolloutEvent = std::variant<TimePassed, JobsChanged, AbortAsked>;

struct Transmit {};  // the plan of every site says fetch "now"
struct CancelJobs {
  std::string by, why;
};  // every job that has not ended gets a cancel
using RolloutAction = std::variant<Transmit, CancelJobs>;

struct RolloutStep {
  Rollout next;
  std::vector<RolloutAction> actions;
};

Rollout make_rollout(RolloutTerms terms);
// Total: an event that means nothing in this phase leaves the rollout as it is.
RolloutStep advance(const Rollout& rollout, const RolloutEvent& event, WallTime now);
bool is_over(const Rollout& rollout);
bool may_transmit(const Rollout& rollout);  // false only while held
// The next instant at which time alone changes something.
std::optional<WallTime> wake_at(const Rollout& rollout);

std::string_view phase_name(const RolloutPhase& phase);
std::string_view event_name(const RolloutEvent& event);
// The inverse of phase_name; aborted gets by and why.
RolloutPhase phase_from(std::string_view name, std::string by, std::string why);

struct RolloutTransition {
  std::string_view from, event, to;
  friend auto operator<=>(const RolloutTransition&, const RolloutTransition&) = default;
};
// Every change of phase that can happen. advance() asserts that it stays inside.
std::span<const RolloutTransition> rollout_transitions();

}  // namespace dray::core

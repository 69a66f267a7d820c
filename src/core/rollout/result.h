// The jobs of a rollout as the server knows them: what their gateways reported last. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "core/model/cause.h"
#include "core/model/job_state.h"

namespace dray::core {

struct JobResult {
  JobState state = JobState::kScheduled;
  std::string reason, sentence;
  std::optional<WallTime> until, update_at;
  std::int64_t step = 0, attempt = 0;
  std::uint64_t bytes = 0;                     // of the current step, delivered to the device
  std::map<std::string, std::string> running;  // component -> version
  bool late = false;                           // ended after its expiry
  std::optional<Cause> cause = {};             // beside a state that does not say it itself
  std::string cancel_id, cancel_answer;        // the device's or gateway's answer to a cancel: "too_late"
  friend bool operator==(const JobResult&, const JobResult&) = default;
};

// succeeded failed rolled_back cancelled expired incompatible: nothing follows.
bool is_final(JobState state);
// failed, rolled_back and expired. A cancelled or incompatible device is no failure of its rollout.
bool is_failure(JobState state);
// Not final, and its last attempt failed: attempts count from 1 in every step.
bool is_tried_again(JobState state, std::int64_t attempt);
// The device has neither fetched a byte nor said anything about this update, as far as its gateway reported.
bool is_waiting(JobState state);
// Results are monotonic: a late or doubled report never turns one into another. What a final report may still
// add is the answer to a cancel, that the end was late, and more words about it: its device may say later why.
JobResult merge(const JobResult& have, const JobResult& reported);

// Of a job for which a cancel was asked: one that ended by its own has answered it, if nobody else did.
JobResult with_answer(JobResult result, bool cancel_asked);

using StateCounts = std::map<JobState, std::int64_t>;
struct Tally {
  std::int64_t devices = 0, open = 0, succeeded = 0, failed = 0;
  friend bool operator==(const Tally&, const Tally&) = default;
};
Tally tally(const StateCounts& counts);

}  // namespace dray::core

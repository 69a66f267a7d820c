#include "core/rollout/result.h"

#include "base/mutant.h"

namespace dray::core {

bool is_final(JobState state) {
  switch (state) {
    case JobState::kSucceeded:
    case JobState::kFailed:
    case JobState::kRolledBack:
    case JobState::kCancelled:
    case JobState::kExpired:
    case JobState::kIncompatible:
      return true;
    default:
      return false;
  }
}

bool is_failure(JobState state) {
  return state == JobState::kFailed || state == JobState::kRolledBack || state == JobState::kExpired;
}

bool is_tried_again(JobState state, std::int64_t attempt) { return !is_final(state) && attempt > 1; }

bool is_waiting(JobState state) {
  switch (state) {
    case JobState::kIdle:
    case JobState::kScheduled:
    case JobState::kWaitingWindow:
    case JobState::kWaitingGateway:
    case JobState::kDeferred:
    case JobState::kWaitingConfirm:
      return true;
    default:
      return false;
  }
}

JobResult merge(const JobResult& have, const JobResult& reported) {
  if (!is_final(have.state) || DRAY_MUTANT("results_change")) return reported;
  JobResult next = have;
  if (reported.state == have.state) {
    next.late = have.late || reported.late;
    if (reported.reason == have.reason && !reported.sentence.empty()) next.sentence = reported.sentence;
    if (reported.cause) next.cause = reported.cause;
  }
  if (have.cancel_answer.empty()) {
    next.cancel_id = reported.cancel_id;
    next.cancel_answer = reported.cancel_answer;
  }
  // A gateway that was restored began it anew, and somebody there has cancelled what had ended.
  const bool cancelled_anew = reported.state == JobState::kCancelled && have.state != JobState::kCancelled && have.state != JobState::kExpired;
  if (cancelled_anew && next.cancel_answer.empty()) next.cancel_answer = "too_late";
  return next;
}

JobResult with_answer(JobResult result, bool cancel_asked) {
  const bool stopped = result.state == JobState::kCancelled || result.state == JobState::kExpired;
  if (cancel_asked && is_final(result.state) && !stopped && result.cancel_answer.empty())
    result.cancel_answer = "too_late";
  return result;
}

Tally tally(const StateCounts& counts) {
  Tally out;
  for (const auto& [state, n] : counts) {
    out.devices += n;
    if (!is_final(state)) out.open += n;
    if (state == JobState::kSucceeded) out.succeeded += n;
    if (is_failure(state)) out.failed += n;
  }
  return out;
}

}  // namespace dray::core

#include "core/rollout/result.h"

#include <algorithm>
#include <iterator>

#include "base/mutant.h"

namespace dray::core {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

}  // namespace

bool is_state(std::string_view state) {
  static constexpr std::string_view kMoving[] = {"downloading", "downloaded", "installing", "rebooting", "verifying"};
  return is_waiting(state) || is_one_of(state, kMoving) || is_final(state);
}

bool is_final(std::string_view state) {
  static constexpr std::string_view kFinal[] = {"succeeded", "failed",  "rolled_back",
                                                "cancelled", "expired", "incompatible"};
  return is_one_of(state, kFinal);
}

bool is_failure(std::string_view state) {
  return state == "failed" || state == "rolled_back" || state == "expired";
}

bool is_tried_again(std::string_view state, std::int64_t attempt) { return !is_final(state) && attempt > 1; }

bool is_waiting(std::string_view state) {
  static constexpr std::string_view kWaiting[] = {
      "idle", "scheduled", "waiting_window", "waiting_gateway", "deferred", "waiting_confirm"};
  return is_one_of(state, kWaiting);
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
  return next;
}

JobResult with_answer(JobResult result, bool cancel_asked) {
  const bool stopped = result.state == "cancelled" || result.state == "expired";
  if (cancel_asked && is_final(result.state) && !stopped && result.cancel_answer.empty())
    result.cancel_answer = "too_late";
  return result;
}

Tally tally(const StateCounts& counts) {
  Tally out;
  for (const auto& [state, n] : counts) {
    out.devices += n;
    if (!is_final(state)) out.open += n;
    if (state == "succeeded") out.succeeded += n;
    if (is_failure(state)) out.failed += n;
  }
  return out;
}

}  // namespace dray::core

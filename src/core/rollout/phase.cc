#include "core/rollout/phase.h"

#include <algorithm>

namespace dray::core {
namespace {

// Rounded up, so that "95 % of 20" is 19 and "3 % of 409" is 13.
std::int64_t share_of(Percent percent, std::int64_t whole) {
  return (whole * percent.hundredths + kWhole - 1) / kWhole;
}

std::int64_t needed(const Threshold& threshold, std::int64_t judged) {
  if (const auto* percent = std::get_if<Percent>(&threshold)) return share_of(*percent, judged);
  return std::min(std::get<DeviceCount>(threshold).devices, judged);
}

// At least one device must have failed: no share of nothing stops a rollout.
std::int64_t tolerated(const Threshold& threshold, std::int64_t judged) {
  if (const auto* percent = std::get_if<Percent>(&threshold))
    return std::max<std::int64_t>(1, share_of(*percent, judged));
  return std::max<std::int64_t>(1, std::get<DeviceCount>(threshold).devices);
}

}  // namespace

void PhaseCounts::add(JobState state, bool tried_again, std::int64_t n) {
  if (!is_final(state)) {
    open += n;
    if (tried_again) again += n;
  } else if (state == JobState::kSucceeded) {
    succeeded += n;
  } else if (is_failure(state)) {
    failed += n;
  } else {
    left_alone += n;
  }
}

Judgement judge(const PhaseTerms& terms, bool last, const PhaseCounts& counts, std::int64_t accepted) {
  const std::int64_t left_out = std::clamp<std::int64_t>(accepted, 0, counts.failing());
  const std::int64_t ended_badly = std::max<std::int64_t>(0, counts.failed - left_out);
  Judgement out;
  out.judged = counts.open + counts.succeeded + counts.failed - left_out;
  out.succeeded = counts.succeeded;
  out.failed = counts.failing() - left_out;
  if (terms.success || !last) out.needs = needed(terms.success.value_or(Percent{kWhole}), out.judged);
  out.reached = out.succeeded >= out.needs;
  out.hopeless = out.judged - ended_badly < out.needs;
  if (terms.failure) out.fails_at = tolerated(*terms.failure, out.judged);
  out.stopped = out.hopeless || (terms.failure && out.failed >= out.fails_at);
  return out;
}

}  // namespace dray::core

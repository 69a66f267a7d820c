// When a failed attempt is repeated: exponential back-off with full jitter, uniform in [0, min(cap, base *
// 2^(n-1))] after n failures (M. Brooker, "Exponential Backoff And Jitter", AWS 2015: full jitter spreads a
// site's devices best and costs no more attempts). Pure: chance is given.
#pragma once

#include "base/time.h"
#include "core/update/job.h"

namespace dray::core {

// The longest that the wait after `failures` (>= 1) failures may be.
Duration longest_backoff(const RetryTimes& times, int failures);
// jitter in [0, 1); what is outside is brought inside.
Duration backoff(const RetryTimes& times, int failures, double jitter);
// Between half of the longest back-off and all of it, by chance: where the same end is to be expected.
Duration long_pause(const RetryTimes& times, double jitter);
// True where the policy permits no attempt after this one (the first is 1).
bool is_last_attempt(const RetryPolicy& policy, int attempt);

}  // namespace dray::core

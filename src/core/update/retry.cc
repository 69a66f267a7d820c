#include "core/update/retry.h"

#include <algorithm>

namespace dray::core {

Duration longest_backoff(const RetryTimes& times, int failures) {
  const Duration cap = std::max(Duration{0}, Duration{times.cap});
  Duration longest = std::max(Duration{0}, Duration{times.base});
  for (int n = 1; n < failures && longest < cap && longest.count() > 0; ++n)
    longest = longest > cap / 2 ? cap : longest * 2;
  return std::min(longest, cap);
}

Duration backoff(const RetryTimes& times, int failures, double jitter) {
  const double share = jitter >= 0 ? std::min(jitter, 1.0) : 0;  // a NaN is none
  const auto longest = static_cast<double>(longest_backoff(times, failures).count());
  return Duration{static_cast<Duration::rep>(longest * share)};
}

Duration long_pause(const RetryTimes& times, double jitter) {
  const Duration half = std::max(Duration{0}, Duration{times.cap}) / 2;
  const double share = jitter >= 0 ? std::min(jitter, 1.0) : 0;
  return half + Duration{static_cast<Duration::rep>(static_cast<double>(half.count()) * share)};
}

bool is_last_attempt(const RetryPolicy& policy, int attempt) {
  return policy.limit && attempt >= *policy.limit;
}

}  // namespace dray::core

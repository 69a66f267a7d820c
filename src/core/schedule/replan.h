// When published times are to be computed again, and which of them may not move any more. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/schedule/planner.h"

namespace dray::core {

// What is shortly ahead is not moved: people and gateways have made up their minds.
inline constexpr Duration kFrozenWithin = std::chrono::minutes{15};

// A task whose published times are kept where they have come or come within kFrozenWithin: for push each of
// its two times by itself, for pull the update time, which is the start of the fetch.
SiteTask frozen(SiteTask task, const SiteTimes& published, WallTime now);

// What times were computed from, kept beside them.
struct Basis {
  BytesPerSecond wan;  // as counted on
  BytesPerSecond lan;  // of the slowest device
  Bytes missing;
  std::size_t devices = 0;
  std::optional<WallTime> deferred_until;  // the latest standing deferral of the whole site
  std::string terms = {};  // what people have set (windows, expiry, limits, budget), as one text to compare
  friend bool operator==(const Basis&, const Basis&) = default;
};
Basis basis_of(const SiteTask& task, std::optional<WallTime> deferred_until);

enum class ReplanCause { kTermsChanged, kRateDrifted, kMoreBytes, kLateJoiner, kDeferred, kBehind };
std::string_view to_string(ReplanCause cause);
// Nothing: the published times stand. A rate has drifted when it is off by a fifth or more, up or down. Fewer
// bytes or devices are no cause: what was planned for them is enough.
std::optional<ReplanCause> replan_cause(const Basis& then, const Basis& now);
// Beside that: a site that fits and has not got its bytes by the time at which they were expected.
bool is_behind(const SiteTimes& published, Bytes missing, WallTime now);
bool has_drifted(BytesPerSecond then, BytesPerSecond now);

}  // namespace dray::core

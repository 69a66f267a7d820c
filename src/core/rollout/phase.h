// A phase of a rollout: a share of its devices, and what must hold before the next phase begins. Pure.
//
// What counts: a device that nothing fits, and one whose update somebody cancelled, are left alone; they
// count nowhere. Of the others (judged), those that ended with the new version have succeeded; failed are
// those that ended as failed, rolled_back or expired, and those whose last attempt failed and that are tried
// again: with the usual retry policy only the expiry would show a failure otherwise. Failures that were there
// when an operator resumed the rollout are accepted, and from then on left out like devices that are left
// alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "core/rollout/result.h"

namespace dray::core {

// In hundredths of a percent, so that a share of a large fleet can be small and arithmetic stays exact.
struct Percent {
  std::int64_t hundredths = 0;
  friend bool operator==(const Percent&, const Percent&) = default;
};
inline constexpr std::int64_t kWhole = 10'000;  // 100 %
struct DeviceCount {
  std::int64_t devices = 0;
  friend bool operator==(const DeviceCount&, const DeviceCount&) = default;
};
using Threshold = std::variant<Percent, DeviceCount>;

// Which devices: all that no earlier phase took (only the last phase), a share of all devices of the rollout,
// so many, or those that pass a filter.
struct WhatIsLeft {
  friend bool operator==(const WhatIsLeft&, const WhatIsLeft&) = default;
};
struct Passing {
  std::string filter;
  friend bool operator==(const Passing&, const Passing&) = default;
};
using Share = std::variant<WhatIsLeft, Percent, DeviceCount, Passing>;

enum class OnFailure { kPause, kAbort };

struct PhaseTerms {
  std::string name;
  Share share;
  std::optional<Threshold> success;  // to go on; left out: every judged device. The last phase: none
  std::optional<Threshold> failure;  // besides: as soon as `success` can not be reached any more
  OnFailure on_failure = OnFailure::kPause;
  std::chrono::seconds soak{0};  // between success and the next phase, on the server's clock
  bool approval = false;         // somebody has to approve before this phase begins
  friend bool operator==(const PhaseTerms&, const PhaseTerms&) = default;
};

struct PhaseCounts {
  std::int64_t open = 0;   // not ended, those that are tried again included
  std::int64_t again = 0;  // of these: the last attempt failed
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;      // ended as failed, rolled_back or expired
  std::int64_t left_alone = 0;  // incompatible or cancelled
  std::int64_t drifted = 0;     // of those that succeeded: they no longer run it (drift.h). Judged as succeeded

  void add(JobState state, bool tried_again, std::int64_t n);
  std::int64_t devices() const { return open + succeeded + failed + left_alone; }
  std::int64_t failing() const { return failed + again; }
  friend bool operator==(const PhaseCounts&, const PhaseCounts&) = default;
};

struct Judgement {
  std::int64_t judged = 0, succeeded = 0, failed = 0;  // accepted failures left out
  std::int64_t needs = 0;     // successes to go on; 0 where nothing has to be reached
  std::int64_t fails_at = 0;  // failures that stop the rollout; 0: no number is set
  bool reached = false;       // enough have succeeded
  bool hopeless = false;      // so many have ended as failed that enough can not succeed any more
  bool stopped = false;       // the rollout must not go on: hopeless, or fails_at is reached
  friend bool operator==(const Judgement&, const Judgement&) = default;
};
// accepted: failures that an operator took into account when resuming.
Judgement judge(const PhaseTerms& terms, bool last, const PhaseCounts& counts, std::int64_t accepted);

}  // namespace dray::core

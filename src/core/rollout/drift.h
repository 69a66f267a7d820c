// Devices that no longer run what an update of theirs ended well with: somebody went back, or put in another version.
// A result never changes; this stands beside it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/model/artifact.h"
#include "core/model/job_state.h"

namespace dray::core {

struct OrderedPart {
  std::string component, version, sha256;
  friend bool operator==(const OrderedPart&, const OrderedPart&) = default;
};
struct DeviceJob {
  std::int64_t id = 0;
  JobState state = JobState::kScheduled;
  std::vector<OrderedPart> parts;
  std::map<std::string, std::string> drifted = {};  // as was known before: component -> version
};
// What runs in the place of what the job ended well with: component -> version.
struct Drift {
  std::int64_t job = 0;
  std::map<std::string, std::string> running;
  friend bool operator==(const Drift&, const Drift&) = default;
};

// `jobs`: of one device, those that began, or ended well, last come first. Of these the first that has ended well, or is
// under way, says what a component should run: what replaced it on purpose is no drift. Of a component that a device does
// not report nothing new is known.
std::vector<Drift> drift_of(std::span<const DeviceJob> jobs, const RunningByComponent& running);

}  // namespace dray::core

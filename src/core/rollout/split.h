// Which device of a rollout is in which phase. Pure.
//
// Phases take their devices in their order, each from what the earlier ones left: a filter all that pass, a
// count so many, a percentage its share of all devices of the rollout that the release fits. Which ones is
// decided by a hash of the release and the device's name: the same for the same release and fleet, and spread
// over all sites. The server keeps each device's phase, so that nobody changes phase when others join.
// Late joiners go to the last phase: it comes after every proof, and no phase that was judged changes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/rollout/phase.h"

namespace dray::core {

inline constexpr std::size_t kMostPhases = 50;

// The place of a device in the queue for phases. salt: the release, "till/26.11".
std::uint64_t place_in_queue(std::string_view salt, std::string_view device);

struct Candidate {
  std::uint64_t place = 0;   // of place_in_queue; equal ones go in the order of the list
  std::uint64_t passes = 0;  // bit i: it passes the filter of phase i
  bool fits = true;          // the release has something for it
};
// The phase of each candidate, in their order. Every phase gets a device, or it is kInvalid and says which
// one does not; so are phases that leave a device without one. A device that nothing fits goes with the
// filter that it passes, else to the last phase, and fills none.
Result<std::vector<std::size_t>> split(std::span<const PhaseTerms> phases,
                                       std::span<const Candidate> candidates);

}  // namespace dray::core

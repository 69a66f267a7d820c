// Two rollouts that order something for one device: what the newer one orders is never undone by the older one. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>

namespace dray::core {

// What one rollout orders for one device.
struct DeviceOrder {
  std::int64_t priority = 0, place = 0;  // place: of its rollout among all of them, the oldest first
  std::set<std::string> components;
};

// Of two that have not ended: the higher priority, then the newer one, where they order one component at least. The other
// one ends, whole: half of a release is something that nobody has tested.
bool supersedes(const DeviceOrder& winner, const DeviceOrder& loser);

// Also where it has ended well: it is newer, and of no lower priority. An older one of a higher priority is over.
bool keeps_out(const DeviceOrder& ended_well, const DeviceOrder& older);

// "r13 (os 27); app is not updated": by what, and what only the loser has.
std::string superseded_by(std::string winner, const std::set<std::string>& left);

}  // namespace dray::core

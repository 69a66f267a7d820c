// What the fetch of one site asks of the egress: so many bytes, at most so many in a slot, in these slots.
// Whatever finds room there fits: margin, distribution and expiry are in the slots already. Pure.
#pragma once

#include <vector>

#include "core/schedule/planner.h"

namespace dray::core {

struct Demand {
  std::int64_t bytes = 0, per_slot = 0;
  std::vector<SlotRange> ranges;
  bool together = true;   // the ranges may be combined; else one of them has to do
  bool possible = false;  // alone, with all the egress for itself
  Duration open{0};       // of all ranges
  std::uint32_t due = 0;  // end of the last range
  Duration needs{0};      // of transmission, with the whole line
  Duration margin{0};     // push: between the arrival and the update time
  Distribution distribution;
};

// expires_at: its own, or another to ask what that would help.
Demand demand_of(const SiteTask& site, const Slots& slots, WallTime expires_at);
BytesPerSecond planned_rate(const LineRate& line);
Duration transmission_time(const SiteTask& site);

// Alone, what is wrong with it? Only where demand.possible is false.
Misfit obstacle_of(const SiteTask& site, const Demand& demand, const Slots& slots);

}  // namespace dray::core

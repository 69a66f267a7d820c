// A span of UTC, half-open [from, to). A list of them says when something is permitted; in a plan an empty
// list means always. Pure.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/time.h"

namespace dray::core {

struct Interval {
  WallTime from, to;
  friend bool operator==(const Interval&, const Interval&) = default;
};
using Intervals = std::vector<Interval>;  // sorted by the one who makes them; readers do not rely on it

bool permits(const Intervals& intervals, WallTime now);
// The first instant >= now that is permitted; nothing where there is none any more.
std::optional<WallTime> next_permitted(const Intervals& intervals, WallTime now);
// The end of the permission that holds at now; kWallMax where it never ends. Only where permits(now).
WallTime permitted_until(const Intervals& intervals, WallTime now);

// Sets of instants: here an empty list is the empty set. What these give is normal: sorted, neither empty nor
// touching. intersect and subtract want normal lists.
Intervals normal(Intervals intervals);
Intervals intersect(std::span<const Interval> a, std::span<const Interval> b);
Intervals subtract(std::span<const Interval> a, std::span<const Interval> b);
// A set as a plan says it, where an empty list would mean always: "never" is one interval without an instant.
Intervals for_plan(Intervals set, WallTime at);

}  // namespace dray::core

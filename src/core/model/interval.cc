#include "core/model/interval.h"

#include <algorithm>

namespace dray::core {

bool permits(const Intervals& intervals, WallTime now) {
  return intervals.empty() || std::any_of(intervals.begin(), intervals.end(),
                                          [&](const Interval& i) { return i.from <= now && now < i.to; });
}

std::optional<WallTime> next_permitted(const Intervals& intervals, WallTime now) {
  if (permits(intervals, now)) return now;
  std::optional<WallTime> next;
  for (const Interval& i : intervals)
    if (i.from > now && i.from < i.to && (!next || i.from < *next)) next = i.from;
  return next;
}

WallTime permitted_until(const Intervals& intervals, WallTime now) {
  if (intervals.empty()) return kWallMax;
  WallTime end = now;
  for (bool grown = true; grown;) {  // intervals may touch or overlap
    grown = false;
    for (const Interval& i : intervals)
      if (i.from <= end && end < i.to) {
        end = i.to;
        grown = true;
      }
  }
  return end;
}

}  // namespace dray::core

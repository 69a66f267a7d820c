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

Intervals normal(Intervals intervals) {
  std::erase_if(intervals, [](const Interval& i) { return i.from >= i.to; });
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.from < b.from; });
  Intervals out;
  for (const Interval& i : intervals)
    if (out.empty() || out.back().to < i.from)
      out.push_back(i);
    else
      out.back().to = std::max(out.back().to, i.to);
  return out;
}

Intervals intersect(std::span<const Interval> a, std::span<const Interval> b) {
  Intervals out;
  for (std::size_t i = 0, k = 0; i < a.size() && k < b.size();) {
    const Interval both{std::max(a[i].from, b[k].from), std::min(a[i].to, b[k].to)};
    if (both.from < both.to) out.push_back(both);
    if (a[i].to < b[k].to)
      ++i;
    else
      ++k;
  }
  return out;
}

Intervals subtract(std::span<const Interval> a, std::span<const Interval> b) {
  Intervals out;
  for (Interval rest : a) {
    for (const Interval& cut : b) {
      if (cut.to <= rest.from || cut.from >= rest.to) continue;
      if (rest.from < cut.from) out.push_back({rest.from, cut.from});
      rest.from = cut.to;
    }
    if (rest.from < rest.to) out.push_back(rest);
  }
  return out;
}

Intervals for_plan(Intervals set, WallTime at) {
  if (set.empty()) set.push_back({at, at});
  return set;
}

}  // namespace dray::core

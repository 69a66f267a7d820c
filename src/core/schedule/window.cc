#include "core/schedule/window.h"

#include <algorithm>
#include <cstdio>
#include <limits>

namespace dray::core {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using LocalTime = std::chrono::local_time<Duration>;

struct LocalSpan {
  LocalTime from, to;
};

// Far enough from the ends of the type that offsets and days can be added.
constexpr WallTime kEarliest{std::chrono::sys_days{std::chrono::year{1800} / 1 / 1}};
constexpr WallTime kLatest{std::chrono::sys_days{std::chrono::year{3000} / 1 / 1}};

LocalTime local(WallTime time, std::chrono::seconds offset) {
  return LocalTime{time.time_since_epoch() + offset};
}
WallTime utc(LocalTime time, std::chrono::seconds offset) {
  return WallTime{time.time_since_epoch() - offset};
}

bool begins_on(const Window& window, local_days day) {
  return (window.weekdays >> (std::chrono::weekday{day}.iso_encoding() - 1) & 1) != 0;
}

// What the calendar permits of one stretch in which the clocks do not change.
Intervals permitted_in(const Calendar& calendar, const LocalSpan& stretch, std::chrono::seconds offset) {
  Intervals out;
  const auto add = [&](LocalTime from, LocalTime to) {
    out.push_back({utc(std::max(from, stretch.from), offset), utc(std::min(to, stretch.to), offset)});
  };
  if (calendar.windows.empty()) add(stretch.from, stretch.to);
  const local_days last = std::chrono::floor<days>(stretch.to);
  for (local_days day = std::chrono::floor<days>(stretch.from) - days{1}; day <= last; day += days{1})
    for (const Window& window : calendar.windows)
      if (begins_on(window, day))
        add(day + window.from, day + window.to + days{window.to <= window.from ? 1 : 0});

  Intervals never;
  for (const BlackOut& b : calendar.black_outs)
    if (b.last >= std::chrono::floor<days>(stretch.from) && b.first <= last)
      never.push_back({utc(std::max(LocalTime{b.first}, stretch.from), offset),
                       b.last >= last ? utc(stretch.to, offset) : utc(LocalTime{b.last + days{1}}, offset)});
  return subtract(normal(std::move(out)), normal(std::move(never)));
}

}  // namespace

std::chrono::seconds offset_at(const ZoneRules& zone, WallTime time) {
  const auto after =
      std::upper_bound(zone.transitions.begin(), zone.transitions.end(), time,
                       [](WallTime t, const ZoneTransition& transition) { return t < transition.at; });
  return after == zone.transitions.begin() ? zone.offset : std::prev(after)->offset;
}

Intervals resolve(const Calendar& calendar, const ZoneRules& zone, Interval span) {
  span.from = std::max(span.from, kEarliest);
  span.to = std::min({span.to, kLatest, span.from + Duration{kLongestSpan}});
  Intervals out;
  for (WallTime from = span.from; from < span.to;) {
    const auto change =
        std::upper_bound(zone.transitions.begin(), zone.transitions.end(), from,
                         [](WallTime t, const ZoneTransition& transition) { return t < transition.at; });
    const auto offset = change == zone.transitions.begin() ? zone.offset : std::prev(change)->offset;
    const WallTime to = change == zone.transitions.end() ? span.to : std::min<WallTime>(span.to, change->at);
    const Intervals here = permitted_in(calendar, {local(from, offset), local(to, offset)}, offset);
    out.insert(out.end(), here.begin(), here.end());
    from = to;
  }
  return normal(std::move(out));
}

std::string to_local_text(const ZoneRules& zone, WallTime time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  const LocalTime there = local(std::clamp(time, kEarliest, kLatest), offset_at(zone, time));
  const auto day = std::chrono::floor<days>(there);
  const std::chrono::year_month_day ymd{day};
  const std::chrono::hh_mm_ss hms{there - day};
  char text[48];
  const int n = std::snprintf(text, sizeof text, "%s %04d-%02u-%02u %02d:%02d",
                              kDays[std::chrono::weekday{day}.c_encoding()], static_cast<int>(ymd.year()),
                              static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                              static_cast<int>(hms.hours().count()), static_cast<int>(hms.minutes().count()));
  return std::string(text, static_cast<std::size_t>(n));
}

}  // namespace dray::core

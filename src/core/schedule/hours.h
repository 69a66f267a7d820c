// Hours of the local week, as people write them: "Mon-Fri 08:00-20:00", "Sat,Sun 22:00-06:00", "daily
// 12:00-13:00".
//
// They are wall time: the caller says what the wall clock shows, so a skipped or doubled hour needs no rule
// of its own, as long as it asks again every few minutes.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace dray::core {

// What a wall clock shows.
struct LocalTime {
  int weekday = 0;  // 0 = Monday
  int minute = 0;   // of the day, 0 .. 1439
};

struct Hours {
  std::bitset<7> days;   // on which it begins; bit 0 = Monday
  int from = 0, to = 0;  // minutes of the day; to <= from: until the next day
  friend bool operator==(const Hours&, const Hours&) = default;
};

// kInvalid: says what is allowed.
Result<Hours> parse_hours(std::string_view text);

// How long the hours still last that `now` lies in, spans that touch counted as one; nothing: it lies in
// none. A week where they never end.
std::optional<std::chrono::minutes> hours_left(std::span<const Hours> hours, LocalTime now);

}  // namespace dray::core

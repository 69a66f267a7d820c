// Time as Dray writes it. Wall time is UTC with millisecond resolution; steady time never jumps.
// On the wire: RFC 3339, "2026-11-24T21:40:00Z" or with a fraction "2026-11-24T21:40:00.250Z".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dray {

using Duration = std::chrono::milliseconds;
using WallTime = std::chrono::sys_time<Duration>;

// Counts from an arbitrary start (boot, or the simulator's zero); only differences mean something.
struct SteadyClockTag {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<SteadyClockTag, Duration>;
  static constexpr bool is_steady = true;
};
using SteadyTime = SteadyClockTag::time_point;

constexpr WallTime kWallMax = WallTime::max();
constexpr SteadyTime kSteadyMax = SteadyTime::max();

// The first and the last instant that RFC 3339 can write: years 0000 to 9999 in UTC.
constexpr WallTime kWrittenMin{std::chrono::sys_days{std::chrono::year{0} / 1 / 1}};
constexpr WallTime kWrittenMax{std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1} - Duration{1}};

// Always UTC with 'Z'; the fraction is left out where it is zero. A time outside of what can be written is moved to
// its end: what we write, every reader takes.
std::string to_rfc3339(WallTime time);
// Accepts any offset and fraction; finer than a millisecond is cut off. kInvalid otherwise, and where the instant lies
// outside of the years 0000 to 9999 in UTC.
Result<WallTime> parse_rfc3339(std::string_view text);

// "HH:MM:SS" as DDI wants its polling time; clamped to 00:00:01 .. 23:59:59.
std::string to_hms(std::chrono::seconds time);
Result<std::chrono::seconds> parse_hms(std::string_view text);

// A span as people write it: "90s", "45m", "2h", "1d", or several: "1h30m". kInvalid otherwise, and above 10
// years.
Result<std::chrono::seconds> parse_span(std::string_view text);
// "1 h 30 min", "45 s"; whole minutes from an hour on.
std::string say_span(std::chrono::seconds time);

}  // namespace dray

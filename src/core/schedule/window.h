// When a site may be used: windows that recur by weekday in the site's own wall time, and dates on which
// nothing happens. resolve() turns them into UTC. Transfer windows (the WAN) and update windows (people at
// devices) are two calendars of a site. Pure: zone rules are a value that an adapter has loaded.
//
// The meaning is one sentence: an instant is permitted exactly while the wall clock at the site shows a time
// that lies in a window. So, when clocks change:
//   skipped hour   what the clock never shows is never permitted. A window that begins or ends in it begins
//   or
//                  ends at the jump; one that lies in it whole does not happen on that day.
//   doubled hour   the clock shows it twice and it is permitted twice. A window that begins or ends inside of
//   it
//                  is in two pieces: it ends at the jump back, or begins there, until the clock shows its end
//                  or its begin again.
// A window that goes over midnight belongs to the weekday on which it begins. A black-out covers local dates
// whole, also the part after midnight of a window that began on the evening before.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/model/interval.h"

namespace dray::core {

// From `at` on, local time is UTC + offset.
struct ZoneTransition {
  std::chrono::sys_seconds at;
  std::chrono::seconds offset{0};
  friend bool operator==(const ZoneTransition&, const ZoneTransition&) = default;
};
struct ZoneRules {
  std::string name = "UTC";
  std::chrono::seconds offset{0};           // before the first transition
  std::vector<ZoneTransition> transitions;  // sorted; as far as the adapter was asked to go
  friend bool operator==(const ZoneRules&, const ZoneRules&) = default;
};
std::chrono::seconds offset_at(const ZoneRules& zone, WallTime time);
// "Wed 2026-11-25 02:00": what the wall clock shows there.
std::string to_local_text(const ZoneRules& zone, WallTime time);

inline constexpr std::uint8_t kEveryDay = 0x7f;
struct Window {
  std::uint8_t weekdays = kEveryDay;  // bit 0 Monday ... bit 6 Sunday: the day on which it begins
  std::chrono::minutes from{0};       // 00:00 to 23:59
  std::chrono::minutes to{24 * 60};   // 00:01 to 24:00; not after `from`: on the next day
  friend bool operator==(const Window&, const Window&) = default;
};

struct BlackOut {
  std::chrono::local_days first, last;  // both included
  friend bool operator==(const BlackOut&, const BlackOut&) = default;
};

struct Calendar {
  std::vector<Window> windows;  // none: always
  std::vector<BlackOut> black_outs;
  friend bool operator==(const Calendar&, const Calendar&) = default;
};

// When a site may be used: its two calendars. Black-outs hold for both.
struct SiteWindows {
  std::vector<Window> transfer, update;  // none: always
  std::vector<BlackOut> black_outs;
  Calendar transfer_calendar() const { return {transfer, black_outs}; }
  Calendar update_calendar() const { return {update, black_outs}; }
  bool always() const { return transfer.empty() && update.empty() && black_outs.empty(); }
  friend bool operator==(const SiteWindows&, const SiteWindows&) = default;
};

// What is permitted within span: UTC, sorted, merged, neither empty nor touching. An empty list: never. A
// span is looked at for kLongestSpan at most.
inline constexpr std::chrono::days kLongestSpan{50 * 366};
Intervals resolve(const Calendar& calendar, const ZoneRules& zone, Interval span);

// "Mon-Fri 22:00-05:00", "Sat,Sun 00:00-24:00", "02:00-04:00" (every day). kInvalid says what is allowed.
Result<Window> parse_window(std::string_view text);
std::string to_text(const Window& window);
// "2026-12-24" or "2026-12-24..2027-01-02".
Result<BlackOut> parse_black_out(std::string_view text);
std::string to_text(const BlackOut& black_out);

}  // namespace dray::core

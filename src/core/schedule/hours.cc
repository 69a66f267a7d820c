#include "core/schedule/hours.h"

#include <algorithm>
#include <string>

#include "core/schedule/weekdays.h"

namespace dray::core {
namespace {

constexpr int kDay = 24 * 60, kWeek = 7 * kDay;

std::optional<std::size_t> day_of(std::string_view name) {
  const auto found = std::find(kWeekdays.begin(), kWeekdays.end(), name);
  if (found == kWeekdays.end()) return {};
  return static_cast<std::size_t>(found - kWeekdays.begin());
}

// "Mon", "Mon-Fri", "Fri-Mon"
bool add_days(std::string_view text, std::bitset<7>& days) {
  const auto dash = text.find('-');
  const auto first = day_of(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : day_of(text.substr(dash + 1));
  if (!first || !last) return false;
  for (std::size_t day = *first;; day = (day + 1) % 7) {
    days.set(day);
    if (day == *last) return true;
  }
}

// "08:00"; 24:00 is the end of the day.
std::optional<int> minute_of(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(text[0]) || !digit(text[1]) || !digit(text[3]) ||
      !digit(text[4]))
    return {};
  const int out = ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
  if (text[3] > '5' || out > kDay) return {};
  return out;
}

bool covers(std::span<const Hours> all, int minute_of_week) {
  const auto day = static_cast<std::size_t>(minute_of_week / kDay);
  const int minute = minute_of_week % kDay;
  return std::any_of(all.begin(), all.end(), [&](const Hours& h) {
    const bool over_night = h.to <= h.from;
    if (h.days.test(day) && minute >= h.from && (over_night || minute < h.to)) return true;
    return over_night && h.days.test((day + 6) % 7) && minute < h.to;
  });
}

}  // namespace

Result<Hours> parse_hours(std::string_view text) {
  const Error wrong{
      ErrorCode::kInvalid,
      "must be days and a span of local time, such as \"Mon-Fri 08:00-20:00\", \"Sat,Sun 22:00-06:00\" or "
      "\"daily 12:00-13:00\""};
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) return wrong;
  std::string_view days = text.substr(0, blank), span = text.substr(blank + 1);
  Hours out;
  if (days == "daily") {
    out.days.set();
  } else {
    for (;;) {
      const auto comma = days.find(',');
      if (!add_days(days.substr(0, comma), out.days)) return wrong;
      if (comma == std::string_view::npos) break;
      days.remove_prefix(comma + 1);
    }
  }
  if (span.size() != 11 || span[5] != '-') return wrong;
  const auto from = minute_of(span.substr(0, 5)), to = minute_of(span.substr(6));
  if (!from || !to || *from == kDay) return wrong;
  out.from = *from;
  out.to = *to;
  return out;
}

std::optional<std::chrono::minutes> hours_left(std::span<const Hours> hours, LocalTime now) {
  const int start = now.weekday * kDay + now.minute;
  for (int passed = 0; passed < kWeek; ++passed)
    if (!covers(hours, (start + passed) % kWeek))
      return passed == 0 ? std::nullopt : std::optional{std::chrono::minutes{passed}};
  return std::chrono::minutes{kWeek};
}

}  // namespace dray::core

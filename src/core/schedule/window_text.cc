// Windows and black-outs as people write them.
#include <cstdio>

#include "base/text.h"
#include "core/schedule/weekdays.h"
#include "core/schedule/window.h"

namespace dray::core {
namespace {

using std::chrono::minutes;

Error bad_window(std::string_view text) {
  return Error{
      ErrorCode::kInvalid,
      "'" + clean_text(text, 60) +
          "' is not a window such as \"Mon-Fri 22:00-05:00\", \"Sat,Sun 00:00-24:00\" or \"02:00-04:00\""};
}

std::optional<unsigned> take_day(std::string_view& text) {
  for (unsigned day = 0; day < kWeekdays.size(); ++day)
    if (text.starts_with(kWeekdays[day])) {
      text.remove_prefix(kWeekdays[day].size());
      return day;
    }
  return {};
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// Digits at the front, at most `most` of them.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return {};
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return {};
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

std::optional<minutes> take_clock(std::string_view& text) {
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ':')) return {};
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return {};
  return minutes{*hour * 60 + *minute};
}

// "Mon-Fri", "Sat,Sun", "Fri-Mon,Wed": 0 where it is none.
std::uint8_t take_days(std::string_view& text) {
  unsigned out = 0;
  do {
    const auto first = take_day(text);
    if (!first) return 0;
    const auto last = take(text, '-') ? take_day(text) : first;
    if (!last) return 0;
    for (unsigned day = *first;; day = (day + 1) % 7) {
      out |= 1U << day;
      if (day == *last) break;
    }
  } while (take(text, ','));
  return static_cast<std::uint8_t>(out);
}

std::optional<std::chrono::local_days> take_date(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return {};
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return {};
  const auto day = take_number(text, 2);
  if (!day) return {};
  const std::chrono::year_month_day ymd{std::chrono::year{*year},
                                        std::chrono::month{static_cast<unsigned>(*month)},
                                        std::chrono::day{static_cast<unsigned>(*day)}};
  if (!ymd.ok()) return {};
  return std::chrono::local_days{ymd};
}

std::string date_text(std::chrono::local_days day) {
  const std::chrono::year_month_day ymd{day};
  char text[32];
  const int n = std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(ymd.year()),
                              static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()));
  return std::string(text, static_cast<std::size_t>(n));
}

std::string clock_text(minutes time) {
  char text[32];
  const int n = std::snprintf(text, sizeof text, "%02d:%02d", static_cast<int>(time.count() / 60),
                              static_cast<int>(time.count() % 60));
  return std::string(text, static_cast<std::size_t>(n));
}

}  // namespace

Result<Window> parse_window(std::string_view text) {
  std::string_view rest = text;
  Window window;
  if (!rest.empty() && (rest.front() < '0' || rest.front() > '9')) {
    window.weekdays = take_days(rest);
    if (window.weekdays == 0 || !take(rest, ' ')) return bad_window(text);
  }
  const auto from = take_clock(rest);
  if (!from || !take(rest, '-')) return bad_window(text);
  const auto to = take_clock(rest);
  if (!to || !rest.empty()) return bad_window(text);
  window.from = *from;
  window.to = *to == minutes{0} ? minutes{24 * 60} : *to;
  if (window.from >= minutes{24 * 60} || window.to > minutes{24 * 60}) return bad_window(text);
  return window;
}

std::string to_text(const Window& window) {
  std::string days;
  for (unsigned day = 0; day < 7;) {
    if ((window.weekdays >> day & 1) == 0) {
      ++day;
      continue;
    }
    unsigned last = day;
    while (last + 1 < 7 && (window.weekdays >> (last + 1) & 1) != 0) ++last;
    days += (days.empty() ? "" : ",") + std::string{kWeekdays[day]};
    if (last > day) days += (last == day + 1 ? "," : "-") + std::string{kWeekdays[last]};
    day = last + 1;
  }
  if (window.weekdays == kEveryDay) days.clear();
  return days + (days.empty() ? "" : " ") + clock_text(window.from) + "-" + clock_text(window.to);
}

Result<BlackOut> parse_black_out(std::string_view text) {
  std::string_view rest = text;
  const auto first = take_date(rest);
  const auto last = first && rest.starts_with("..") ? (rest.remove_prefix(2), take_date(rest)) : first;
  if (!first || !last || !rest.empty() || *last < *first)
    return Error{ErrorCode::kInvalid, "'" + clean_text(text, 60) +
                                          "' is not a date or span of dates such as \"2026-12-24\" or "
                                          "\"2026-12-24..2027-01-02\""};
  return BlackOut{*first, *last};
}

std::string to_text(const BlackOut& black_out) {
  std::string out = date_text(black_out.first);
  if (black_out.last != black_out.first) out += ".." + date_text(black_out.last);
  return out;
}

}  // namespace dray::core

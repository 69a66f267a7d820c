#include "base/time.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace dray {
namespace {

// Reads exactly n digits at the front of text and drops them; -1 where they are not there.
int take_digits(std::string_view& text, std::size_t n) {
  if (text.size() < n) return -1;
  int value = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(n);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

Error bad_time(std::string_view text) {
  return Error{ErrorCode::kInvalid, "'" + clean_text(text, 40) +
                                        "' is not an RFC 3339 time such as 2026-11-24T21:40:00Z"};
}

// "Z" or "+hh:mm": what must be subtracted to get UTC.
bool take_offset(std::string_view& text, std::chrono::minutes& offset) {
  if (take(text, 'Z') || take(text, 'z')) {
    offset = std::chrono::minutes{0};
    return true;
  }
  const bool minus = !text.empty() && text.front() == '-';
  if (!take(text, '+') && !take(text, '-')) return false;
  const int hours = take_digits(text, 2);
  if (!take(text, ':')) return false;
  const int minutes = take_digits(text, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
  offset = std::chrono::minutes{(minus ? -1 : 1) * (hours * 60 + minutes)};
  return true;
}

int take_millis(std::string_view& text) {
  int millis = 0;
  int scale = 100;
  bool any = false;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    millis += (text.front() - '0') * scale;
    scale /= 10;
    any = true;
    text.remove_prefix(1);
  }
  return any ? millis : -1;
}

}  // namespace

std::string to_rfc3339(WallTime time) {
  time = std::clamp(time, kWrittenMin, kWrittenMax);
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day ymd{day};
  const std::chrono::hh_mm_ss hms{time - day};
  char text[48];
  int n = std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(ymd.year()),
                        static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                        static_cast<int>(hms.hours().count()), static_cast<int>(hms.minutes().count()),
                        static_cast<int>(hms.seconds().count()));
  std::string out(text, static_cast<std::size_t>(n));
  if (const auto ms = hms.subseconds().count(); ms != 0) {
    n = std::snprintf(text, sizeof text, ".%03d", static_cast<int>(ms));
    out.append(text, static_cast<std::size_t>(n));
  }
  return out + "Z";
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const std::string_view whole = text;
  const int y = take_digits(text, 4);
  if (y < 0 || !take(text, '-')) return bad_time(whole);
  const int mo = take_digits(text, 2);
  if (mo < 1 || !take(text, '-')) return bad_time(whole);
  const int d = take_digits(text, 2);
  if (d < 1 || !(take(text, 'T') || take(text, 't') || take(text, ' '))) return bad_time(whole);
  const int h = take_digits(text, 2);
  if (h < 0 || h > 23 || !take(text, ':')) return bad_time(whole);
  const int mi = take_digits(text, 2);
  if (mi < 0 || mi > 59 || !take(text, ':')) return bad_time(whole);
  const int s = take_digits(text, 2);
  if (s < 0 || s > 60) return bad_time(whole);  // 60: a leap second, counted as the next one
  int ms = 0;
  if (take(text, '.') && (ms = take_millis(text)) < 0) return bad_time(whole);
  minutes offset{0};
  if (!take_offset(text, offset) || !text.empty()) return bad_time(whole);
  const year_month_day ymd{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!ymd.ok()) return bad_time(whole);
  const WallTime time = WallTime{sys_days{ymd}} + hours{h} + minutes{mi} + seconds{s} + milliseconds{ms} - offset;
  if (time < kWrittenMin || time > kWrittenMax) return bad_time(whole);
  return time;
}

std::string to_hms(std::chrono::seconds time) {
  using namespace std::chrono;
  const hh_mm_ss hms{std::clamp<seconds>(time, 1s, 24h - 1s)};
  char text[16];
  const int n =
      std::snprintf(text, sizeof text, "%02d:%02d:%02d", static_cast<int>(hms.hours().count()),
                    static_cast<int>(hms.minutes().count()), static_cast<int>(hms.seconds().count()));
  return std::string(text, static_cast<std::size_t>(n));
}

Result<std::chrono::seconds> parse_hms(std::string_view text) {
  const std::string_view whole = text;
  const int h = take_digits(text, 2);
  const bool first = take(text, ':');
  const int m = take_digits(text, 2);
  const bool second = take(text, ':');
  const int s = take_digits(text, 2);
  if (h < 0 || m < 0 || s < 0 || m > 59 || s > 59 || !first || !second || !text.empty())
    return Error{ErrorCode::kInvalid, "'" + clean_text(whole, 20) + "' is not HH:MM:SS"};
  return std::chrono::hours{h} + std::chrono::minutes{m} + std::chrono::seconds{s};
}

Result<std::chrono::seconds> parse_span(std::string_view text) {
  const Error wrong{ErrorCode::kInvalid,
                    "'" + clean_text(text, 20) + "' is no span of time, such as 45m, 2h or 1d12h"};
  constexpr std::int64_t kLongest = 10LL * 366 * 86'400;
  std::int64_t sum = 0;
  if (text.empty()) return wrong;
  while (!text.empty()) {
    std::int64_t number = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && digits < 9 && text[digits] >= '0' && text[digits] <= '9'; ++digits)
      number = number * 10 + text[digits] - '0';
    if (digits == 0 || digits == text.size()) return wrong;
    const char unit = text[digits];
    const std::int64_t factor = unit == 's'   ? 1
                                : unit == 'm' ? 60
                                : unit == 'h' ? 3600
                                : unit == 'd' ? 86'400
                                              : 0;
    sum += number * factor;
    if (factor == 0 || sum > kLongest) return wrong;
    text.remove_prefix(digits + 1);
  }
  return std::chrono::seconds{sum};
}

std::string say_span(std::chrono::seconds time) {
  const std::int64_t s = std::max<std::int64_t>(0, time.count());
  if (s < 60) return std::to_string(s) + " s";
  if (s < 3600)
    return std::to_string(s / 60) + " min" + (s % 60 == 0 ? "" : " " + std::to_string(s % 60) + " s");
  const std::int64_t h = s / 3600, m = (s % 3600 + 59) / 60;
  return std::to_string(m == 60 ? h + 1 : h) + " h" +
         (m == 0 || m == 60 ? "" : " " + std::to_string(m) + " min");
}

}  // namespace dray

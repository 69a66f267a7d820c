// The POSIX rule for a zone (IEEE 1003.1, 8.3 "TZ"): std offset [dst [offset] [,start[/time],end[/time]]].
#include <algorithm>

#include "base/text.h"

#include "adapters/zones/tzif.h"
#include "base/text.h"

namespace dray::adapters {
namespace {

using namespace std::chrono;

// A day of the year as the rule gives it: Mm.w.d, Jn (1 to 365, no 29 February) or n (0 to 365).
struct RuleDay {
  char kind = 'M';
  int month = 0, week = 0, day = 0;
  seconds time{7200};

  sys_seconds in(year y) const {
    if (kind == 'M') {
      const auto m = y / std::chrono::month{static_cast<unsigned>(month)};
      const weekday wanted{static_cast<unsigned>(day)};
      if (week == 5) return sys_days{m / wanted[last]} + time;
      return sys_days{m / wanted[static_cast<unsigned>(week)]} + time;
    }
    const int leap_day = kind == 'J' && y.is_leap() && day >= 60 ? 1 : 0;
    return sys_days{y / January / 1} + days{day - (kind == 'J' ? 1 : 0) + leap_day} + time;
  }
};

class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_{text} {}

  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool name() {
    if (take('<')) {
      const auto end = rest_.find('>');
      if (end == std::string_view::npos || end == 0) return false;
      rest_.remove_prefix(end + 1);
      return true;
    }
    std::size_t n = 0;
    while (n < rest_.size() && std::string_view{",<>+-0123456789/"}.find(rest_[n]) == std::string_view::npos)
      ++n;
    rest_.remove_prefix(n);
    return n >= 3;
  }
  std::optional<int> number(int most) {
    int value = 0;
    std::size_t n = 0;
    for (; n < rest_.size() && n < 4 && rest_[n] >= '0' && rest_[n] <= '9'; ++n)
      value = value * 10 + (rest_[n] - '0');
    if (n == 0 || value > most) return {};
    rest_.remove_prefix(n);
    return value;
  }
  std::optional<seconds> time() {  // [+-]hh[:mm[:ss]]
    const bool minus = take('-');
    if (!minus) take('+');
    const auto h = number(167);
    const auto m = h && take(':') ? number(59) : std::optional{0};
    const auto s = m && take(':') ? number(59) : std::optional{0};
    if (!h || !m || !s) return {};
    const seconds out = hours{*h} + minutes{*m} + seconds{*s};
    return minus ? -out : out;
  }
  std::optional<RuleDay> day() {
    RuleDay out;
    std::optional<int> month, week, day;
    if (take('M')) {
      if (!(month = number(12)) || *month < 1 || !take('.') || !(week = number(5)) || *week < 1 ||
          !take('.') || !(day = number(6)))
        return {};
      out = {'M', *month, *week, *day};
    } else {
      out.kind = take('J') ? 'J' : 'n';
      day = number(365);
      if (!day || (out.kind == 'J' && *day == 0)) return {};
      out.day = *day;
    }
    if (!take('/')) return out;
    const auto at = time();
    if (!at) return {};
    out.time = *at;
    return out;
  }

 private:
  std::string_view rest_;
};

}  // namespace

Result<PosixZone> read_posix_zone(std::string_view rule, sys_seconds from, WallTime until) {
  const Error corrupt{ErrorCode::kCorrupt,
                      "'" + clean_text(rule, 60) + "' is no POSIX time zone rule"};
  RuleReader in{rule};
  if (!in.name()) return corrupt;
  const auto west = in.time();  // POSIX counts west as positive
  if (!west) return corrupt;
  const seconds standard = -*west;
  PosixZone out{standard, {{from, standard}}};
  if (in.done()) return out;

  seconds summer = standard + hours{1};
  if (!in.name()) return corrupt;
  if (!in.done() && !in.take(',')) {
    const auto offset = in.time();
    if (!offset || !in.take(',')) return corrupt;
    summer = -*offset;
  }
  const auto start = in.day();
  if (!start || !in.take(',')) return corrupt;
  const auto end = in.day();
  if (!end || !in.done()) return corrupt;

  std::vector<core::ZoneTransition> changes;
  const auto year_of = [](auto time) { return year_month_day{floor<days>(time)}.year(); };
  const year last_year = std::min(year_of(until), year{2500});
  for (year y = year_of(from) - years{1}; y <= last_year; ++y) {
    changes.push_back({start->in(y)-standard, summer});
    changes.push_back({end->in(y)-summer, standard});
  }
  std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  out.transitions.clear();
  for (const core::ZoneTransition& change : changes) {
    if (change.at <= from) out.transitions.clear();  // only the last of those before counts
    out.transitions.push_back(change);
    if (change.at <= from) out.transitions.back().at = from;
  }
  return out;
}

}  // namespace dray::adapters

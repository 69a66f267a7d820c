#include "ctl/times.h"

#include <charconv>

#include "base/text.h"

namespace dray::ctl {

Result<WallTime> parse_when(std::string_view text, WallTime now) {
  if (text == "now") return now;
  if (text.empty() || text.front() != '+') {
    const auto time = parse_rfc3339(text);
    if (!time) return Error{ErrorCode::kInvalid, time.error().message() + ", \"now\" or \"+90s\", \"+15m\", \"+2h\", \"+3d\""};
    return *time;
  }
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + 1, end, count);
  const std::string_view unit{rest, static_cast<std::size_t>(end - rest)};
  const std::int64_t seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86'400 : 0;
  if (error != std::errc{} || seconds == 0 || count < 0 || count > 10LL * 366 * 86'400 / seconds)
    return Error{ErrorCode::kInvalid, "'" + clean_text(text, 40) + "' is no time span such as +90s, +15m, +2h or +3d (at most ten years)"};
  return now + std::chrono::seconds{count * seconds};
}

}  // namespace dray::ctl

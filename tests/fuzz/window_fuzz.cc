// Windows, black-outs and hours as people write them, and what they permit in a zone with odd jumps.
#include <algorithm>

#include "core/schedule/hours.h"
#include "core/schedule/window.h"
#include "fuzz.h"

using namespace dray;
using namespace std::chrono_literals;

namespace {

// Jumps by -3 h to +3 h, at most 12 of them in the year that is looked at.
core::ZoneRules zone_of(const std::uint8_t* data, std::size_t size) {
  core::ZoneRules zone;
  std::chrono::sys_seconds at{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
  for (std::size_t i = 0; i + 1 < size && i < 24; i += 2) {
    at += std::chrono::hours{1 + data[i] * 4};
    zone.transitions.push_back({at, std::chrono::minutes{data[i + 1] % 13 * 30 - 180}});
  }
  return zone;
}

void must_be_permitted_as_said(const core::Calendar& calendar, const core::ZoneRules& zone) {
  const WallTime from{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
  const core::Interval span{from, from + std::chrono::days{60}};
  const core::Intervals open = core::resolve(calendar, zone, span);
  for (std::size_t i = 0; i < open.size(); ++i) {
    fuzz::must(open[i].from < open[i].to, "no interval is empty");
    fuzz::must(open[i].from >= span.from && open[i].to <= span.to, "inside of what was asked");
    if (i > 0) fuzz::must(open[i - 1].to < open[i].from, "sorted, and none touches the next");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  core::Calendar calendar;
  while (!rest.empty() && calendar.windows.size() < 8) {
    const std::string_view line = fuzz::next_line(rest);
    if (const auto window = core::parse_window(line)) {
      const auto again = core::parse_window(core::to_text(*window));
      fuzz::must(again && *again == *window, "a window is read back");
      calendar.windows.push_back(*window);
    } else {
      fuzz::must_be_text(window.error().message());
    }
    if (const auto black_out = core::parse_black_out(line)) {
      const auto again = core::parse_black_out(core::to_text(*black_out));
      fuzz::must(again && *again == *black_out, "a black-out is read back");
      calendar.black_outs.push_back(*black_out);
    } else {
      fuzz::must_be_text(black_out.error().message());
    }
    if (const auto hours = core::parse_hours(line)) core::hours_left(std::span{&*hours, 1}, {3, 700});
  }
  must_be_permitted_as_said(calendar, zone_of(data, size));
  return 0;
}

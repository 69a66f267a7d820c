// The planner at both ends of what plans, sites and reports may hold: it answers, and nothing overflows (the
// undefined-behaviour sanitizer judges).
#include <gtest/gtest.h>

#include "core/schedule/explain.h"
#include "core/schedule/planner.h"
#include "core/schedule/window.h"

namespace dray::core {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMostRate = std::uint64_t{1} << 40,
                        kMostSize = std::uint64_t{1} << 50;  // wire/limits.h
constexpr WallTime kToday{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};

TEST(HostileTask, ThePlannerAnswersForEveryTimeRateAndSize) {
  const std::vector<WallTime> times{kWrittenMin, kToday - 1h, kToday + 1h, kToday + 24h * 365, kWrittenMax};
  const Intervals always{{kWrittenMin, kWrittenMax}};
  for (const WallTime now : {kWrittenMin, kToday, kWrittenMax})
    for (const WallTime expires_at : times)
      for (const std::uint64_t rate : {std::uint64_t{0}, std::uint64_t{1}, kMostRate})
        for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, kMostSize}) {
          const std::vector<DeviceWork> devices(3, DeviceWork{{size}, {rate}, Duration{30LL * 86'400'000}});
          SiteTask task;
          task.delivery = Delivery::kPush;
          task.transfer = task.update = always;
          task.wan = {{rate}, {rate}, 0.25};
          task.missing = {size};
          task.devices = devices;
          task.concurrency = 100'000;
          task.expires_at = expires_at;
          SiteTask given = task;
          given.transmit_at = given.update_at = times[rate % times.size()];
          const std::vector<SiteTask> sites{task, given};
          const std::vector<BudgetStep> egress{{kWrittenMin, {rate}}, {kToday, {kMostRate}}};
          const std::vector<RateLimit> taken{{kWrittenMin, kWrittenMax, rate}};
          const auto planned = plan_times({now, sites, egress, taken});
          ASSERT_EQ(planned.size(), 2u);
        }
}

TEST(HostileTask, WindowsAreResolvedForEverySpanAndDate) {
  Calendar calendar{{*parse_window("Mon-Fri 22:00-05:00")}, {}};
  for (const std::string_view dates :
       {"0000-01-01..0000-01-02", "9999-12-30..9999-12-31", "0000-01-01..9999-12-31"})
    if (const auto black_out = parse_black_out(dates)) calendar.black_outs.push_back(*black_out);
  ZoneRules zone;
  zone.offset = 14h;
  for (const WallTime from : {kWrittenMin, kToday, kWrittenMax})
    for (const WallTime to : {kWrittenMin, kToday + 24h, kWrittenMax}) {
      const Intervals found = resolve({calendar.windows, {}}, zone, {from, to});
      EXPECT_LE(found.size(), 50u * 366u);
      EXPECT_LE(resolve(calendar, zone, {from, to}).size(), found.size() + calendar.black_outs.size());
      EXPECT_FALSE(to_local_text(zone, from).empty());
    }
}

TEST(HostileTask, ARefusedWindowIsQuotedAsText) {
  EXPECT_EQ(parse_black_out("\xFC\x1b").error().message().substr(0, 8), "'\xEF\xBF\xBD␛'");
}

}  // namespace
}  // namespace dray::core

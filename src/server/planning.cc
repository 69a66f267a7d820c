#include "server/planning.h"

#include <algorithm>
#include <utility>

namespace dray::server {
namespace {
constexpr Duration kAfterFailure{1'000};
}  // namespace

TypePlan plan_type(const wire::NewDeviceType& type, const std::vector<core::ReleaseArtifact>& release) {
  core::Fit fit = core::match(release, type.type);
  return TypePlan{std::move(fit.steps), std::move(fit.why_not)};
}

Task<> keep_time(Parts& parts, const Options& options, Sites& sites, Signal& timetable, Stop& stop) {
  while (!stop.requested()) {
    std::function<Result<Store::Advanced>()> work = [&parts, now = parts.clock.wall()] {
      return parts.store.pass_time(plan_type, now);
    };
    auto passed = co_await on(parts.store_worker, std::move(work));
    Duration sleep = options.longest_sleep;
    if (!passed) {
      parts.log.error("time_not_passed", {{"error", passed.error().message()}});
      sleep = kAfterFailure;
    } else {
      sites.apply(passed->changed);
      for (const SiteChange& change : passed->changed)
        parts.log.info("plan_changed", {{"site", change.site}, {"revision", change.revision}});
      if (passed->next)
        sleep = std::clamp(std::chrono::duration_cast<Duration>(*passed->next - parts.clock.wall()),
                           Duration{1}, options.longest_sleep);
    }
    [[maybe_unused]] const bool earlier =
        co_await timetable.wait(parts.clock, parts.clock.steady() + sleep, stop);
  }
}

}  // namespace dray::server

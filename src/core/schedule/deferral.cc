#include "core/schedule/deferral.h"

#include <algorithm>

namespace dray::core {
namespace {

std::uint64_t divided_up(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? 0 : a / b + (a % b == 0 ? 0 : 1);
}

std::uint64_t seconds_for(std::uint64_t bytes, std::uint64_t rate) {
  // A line that stands still is no reason to count for ever: a year is more than any expiry.
  constexpr std::uint64_t kLongest = 366 * 86'400;
  return std::min(kLongest, divided_up(bytes, std::max<std::uint64_t>(rate, 1)));
}

// Sorted, and without overlaps.
Intervals in_order(Intervals intervals) {
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.from < b.from; });
  Intervals out;
  for (const Interval& one : intervals) {
    if (!out.empty() && one.from <= out.back().to)
      out.back().to = std::max(out.back().to, one.to);
    else
      out.push_back(one);
  }
  return out;
}

}  // namespace

std::chrono::seconds time_needed(const WorkLeft& work) {
  if (work.devices == 0) return std::chrono::seconds{0};
  const std::uint64_t fetch = seconds_for(work.wan_bytes, work.wan_rate.value_or(kAssumedWanRate));
  const std::uint64_t rounds =
      divided_up(work.devices, static_cast<std::uint64_t>(std::max(1, work.concurrency)));
  const std::uint64_t one = seconds_for(work.lan_bytes, work.lan_rate.value_or(kAssumedLanRate)) +
                            static_cast<std::uint64_t>(work.install.value_or(kAssumedInstall).count());
  return std::chrono::seconds{fetch + std::min<std::uint64_t>(rounds, 1'000'000) * one};
}

WallTime latest_start(const Intervals& permitted, WallTime expires_at, std::chrono::seconds needed) {
  Duration left{needed};
  const Intervals update = in_order(permitted);
  if (update.empty()) return expires_at - left;
  for (auto interval = update.rbegin(); interval != update.rend(); ++interval) {
    const WallTime to = std::min(interval->to, expires_at);
    if (to <= interval->from) continue;
    if (to - interval->from >= left) return to - left;
    left -= to - interval->from;
  }
  return update.front().from - left;  // more is needed than is permitted
}

std::optional<WallTime> latest_possible(std::span<const DeferredShare> shares, const SitePace& pace) {
  std::optional<WallTime> latest;
  for (const DeferredShare& share : shares) {
    WorkLeft work{.wan_rate = pace.wan,
                  .lan_bytes = share.widest,
                  .lan_rate = pace.lan,
                  .devices = share.devices,
                  .concurrency = pace.concurrency};
    for (const auto& [sha, size] : share.missing) work.wan_bytes += size;
    const WallTime last = latest_start(share.update, share.expires_at, time_needed(work));
    latest = latest ? std::min(*latest, last) : last;
  }
  return latest;
}

}  // namespace dray::core

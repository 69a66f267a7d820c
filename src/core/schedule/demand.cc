#include "core/schedule/demand.h"

#include <algorithm>

namespace dray::core {
namespace {

constexpr std::int64_t kMostBytes = 4'000'000'000'000'000'000;
constexpr double kMostSpread = 4;
constexpr Duration kLeastMargin{60'000};

// Exact, since a fetch that needs all of its window must not fail by the digits of a double.
Duration needed(std::int64_t bytes, std::int64_t rate) {
  if (bytes / rate > static_cast<std::int64_t>(kLongestMs) / 1000)
    return Duration{static_cast<Duration::rep>(kLongestMs)};
  return Duration{bytes / rate * 1000 + (bytes % rate * 1000 + rate - 1) / rate};
}

void set_ranges(Demand& demand, std::span<const Interval> permitted, const Interval& bounds,
                const Slots& slots) {
  demand.ranges = ranges_of(permitted, bounds, slots);
  demand.open = {};
  Duration longest{0};
  for (const SlotRange& range : demand.ranges) {
    demand.open += Slots::length_of(range);
    longest = std::max(longest, Slots::length_of(range));
  }
  demand.due = demand.ranges.empty() ? 0 : demand.ranges.back().to;
  demand.possible = demand.needs <= (demand.together ? demand.open : longest);
}

// Pull without split: a fetch and all devices in one update window.
Intervals one_window_each(const SiteTask& site, const Distribution& distribution, WallTime expires_at) {
  Intervals out;
  for (const Interval& window : site.update) {
    const Interval room{window.from, std::min(window.to, expires_at) - distribution.total()};
    const Intervals here = intersect(site.transfer, {&room, 1});
    out.insert(out.end(), here.begin(), here.end());
  }
  return out;
}

Duration longest_of(std::span<const Interval> intervals, WallTime end) {
  Duration out{0};
  for (const Interval& i : intervals) out = std::max(out, std::min(i.to, end) - i.from);
  return out;
}

Duration sum_of(std::span<const Interval> intervals, WallTime end) {
  Duration out{0};
  for (const Interval& i : intervals) out += std::max(Duration{0}, std::min(i.to, end) - i.from);
  return out;
}

// Permitted all the time from `from` to `to`, or there is no time between them: windows are not what is in the way.
bool is_all_open(std::span<const Interval> permitted, WallTime from, WallTime to) {
  if (to <= from) return true;
  const Interval whole{from, to};
  const Intervals open = intersect(permitted, {&whole, 1});
  return open.size() == 1 && open.front() == whole;
}

}  // namespace

BytesPerSecond planned_rate(const LineRate& line) { return line.low.count > 0 ? line.low : line.rate; }

Duration transmission_time(const SiteTask& site) {
  const auto rate = static_cast<double>(planned_rate(site.wan).count);
  if (rate == 0 || site.missing.count == 0) return Duration{0};
  return Duration{static_cast<Duration::rep>(
      std::min(1000.0 * static_cast<double>(site.missing.count) / rate, kLongestMs))};
}

Demand demand_of(const SiteTask& site, const Slots& slots, WallTime expires_at) {
  Demand demand;
  demand.bytes = static_cast<std::int64_t>(std::min<std::uint64_t>(site.missing.count, kMostBytes));
  demand.per_slot = Slots::per_slot(planned_rate(site.wan));
  demand.together = site.split;
  demand.distribution = distribution_of(site.devices, site.concurrency);
  if (demand.bytes > 0 && demand.per_slot == 0) return demand;
  if (demand.bytes > 0) demand.needs = needed(demand.bytes, demand.per_slot / 60);
  const auto arrive_by = latest_distribution(demand.distribution, site.update, expires_at, site.split);
  if (!arrive_by || *arrive_by < slots.now) return demand;
  if (site.delivery == Delivery::kPush) {
    const double spread = site.wan.spread > 0 ? std::min(site.wan.spread, kMostSpread) : 0;
    if (demand.bytes > 0)
      demand.margin =
          std::max(kLeastMargin, Duration{static_cast<Duration::rep>(
                                     static_cast<double>(transmission_time(site).count()) * spread)});
  } else {
    const Intervals both = site.split ? intersect(site.transfer, site.update)
                                      : one_window_each(site, demand.distribution, expires_at);
    set_ranges(demand, both, {slots.now, *arrive_by}, slots);
    if (demand.possible) return demand;
  }
  set_ranges(demand, site.transfer, {slots.now, *arrive_by - demand.margin}, slots);
  return demand;
}

Misfit obstacle_of(const SiteTask& site, const Demand& demand, const Slots& slots) {
  Misfit out;
  out.rate = planned_rate(site.wan);
  const WallTime end = std::min(site.expires_at, slots.end());
  if ((demand.bytes > 0 && demand.per_slot == 0) || !demand.distribution.possible) return out;
  const auto arrive_by = latest_distribution(demand.distribution, site.update, end, site.split);
  const bool expires = arrive_by ? demand.open == Duration{0} && is_all_open(site.transfer, slots.now, *arrive_by - demand.margin)
                                 : is_all_open(site.update, slots.now, end);
  if (expires) {
    out.obstacle = Obstacle::kExpiresTooSoon;
    out.needs = transmission_time(site) + demand.margin + demand.distribution.total();
    out.has = std::max(Duration{0}, end - slots.now);
    return out;
  }
  if (!arrive_by) {
    // One device has to fit into one window; all of them into one, or into all together.
    const Duration one = longest_of(site.update, end), all = site.split ? sum_of(site.update, end) : one;
    const bool slow = demand.distribution.longest > one;
    out.obstacle = one > Duration{0} ? Obstacle::kUpdateTooShort : Obstacle::kNoUpdateWindow;
    out.needs = slow ? demand.distribution.longest : demand.distribution.total();
    out.has = slow ? one : all;
  } else {
    out.obstacle = demand.open > Duration{0} ? Obstacle::kTransferTooShort : Obstacle::kNoTransferWindow;
    out.needs = transmission_time(site);
    for (const SlotRange& range : demand.ranges)
      out.has = site.split ? demand.open : std::max(out.has, Slots::length_of(range));
    if (out.has > Duration{0})
      out.faster = BytesPerSecond{static_cast<std::uint64_t>(1000.0 * static_cast<double>(demand.bytes) /
                                                             static_cast<double>(out.has.count())) +
                                  1};
  }
  if (out.has > Duration{0} && out.needs > out.has) out.longer = out.needs - out.has;
  return out;
}

}  // namespace dray::core

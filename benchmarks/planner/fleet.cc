#include "fleet.h"

#include <algorithm>
#include <cmath>

namespace dray::bench {

namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr int kDays = 29;  // permitted times are known that far: twice the longest expiry

double log_uniform(std::mt19937& chance, double low, double high) {
  return low * std::pow(high / low, std::uniform_real_distribution<>{0, 1}(chance));
}

// Every night from `from` (hour of the zone) for `length`.
core::Intervals nightly(minutes from, minutes length, minutes zone) {
  core::Intervals out;
  const auto midnight = std::chrono::floor<std::chrono::days>(kNow);
  for (int day = -1; day < kDays; ++day) {
    const WallTime begin = midnight + hours{24 * day} + from - zone;
    if (begin + length > kNow) out.push_back({std::max(begin, kNow), begin + length});
  }
  return core::normal(std::move(out));
}

double seconds_from_now(WallTime t) { return static_cast<double>((t - kNow).count()) / 1000; }

// The latest instant by which bytes are of use: the devices still have to be updated in a window, before the
// expiry.
double latest_arrival(const core::Intervals& update, WallTime expires_at, Duration distribution) {
  double latest = -1;
  for (const core::Interval& window : update) {
    const WallTime close = std::min(window.to, expires_at);
    if (close - window.from >= distribution) latest = seconds_from_now(close - distribution);
  }
  return latest;
}

}  // namespace

Fleet make_fleet(const FleetShape& shape) {
  std::mt19937 chance{shape.seed};
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution{low, high}(chance); };
  Fleet fleet;
  for (std::size_t c = 0; c < shape.classes; ++c) {
    const minutes zone{60 * pick(-8, 12) + 30 * (pick(0, 9) == 0)};
    const int days = std::array{2, 4, 7, 14}[static_cast<std::size_t>(pick(0, 3))];
    const WallTime expires_at = kNow + (shape.windows ? hours{24 * days} : hours{24 * 14});
    const core::Intervals always{{kNow, kNow + hours{24 * kDays}}};
    const bool flexible = !shape.windows || pick(0, shape.one_in_flexible - 1) == 0;
    fleet.intervals.push_back(std::make_unique<core::Intervals>(
        flexible ? always : nightly(minutes{60 * pick(19, 24)}, minutes{60 * pick(3, 10)}, zone)));
    const core::Intervals& transfer = *fleet.intervals.back();
    fleet.intervals.push_back(std::make_unique<core::Intervals>(
        !shape.windows || shape.updates_any_time
            ? always
            : nightly(minutes{60 * pick(22, 26)}, minutes{60 * pick(2, 5)}, zone)));
    const core::Intervals& update = *fleet.intervals.back();

    const double bytes = std::floor(log_uniform(chance, shape.smallest, shape.largest));
    const double rate = std::floor(log_uniform(chance, shape.slowest, shape.fastest));
    const Duration install = minutes{pick(2, 20)};
    constexpr std::uint64_t kLan = 50'000'000;
    fleet.devices.push_back(std::make_unique<std::vector<core::DeviceWork>>(
        3, core::DeviceWork{Bytes{static_cast<std::uint64_t>(bytes)}, BytesPerSecond{kLan}, install}));
    const Duration distribution = install + Duration{static_cast<Duration::rep>(1000 * bytes / kLan) + 1};

    SiteClass sites{
        static_cast<std::int64_t>((c + 1) * shape.sites / shape.classes - c * shape.sites / shape.classes),
        bytes,
        rate,
        {}};
    const double by = latest_arrival(update, expires_at, distribution);
    for (const core::Interval& i : transfer)
      if (const Span span{seconds_from_now(i.from), std::min(by, seconds_from_now(i.to))};
          span.from < span.to)
        sites.permitted.push_back(span);

    core::SiteTask task;
    task.delivery = shape.delivery;
    task.transfer = transfer;
    task.update = update;
    task.wan = {BytesPerSecond{static_cast<std::uint64_t>(rate)},
                BytesPerSecond{static_cast<std::uint64_t>(rate)}, 0.2};
    task.missing = Bytes{static_cast<std::uint64_t>(bytes)};
    task.devices = *fleet.devices.back();
    task.expires_at = expires_at;
    fleet.sites.insert(fleet.sites.end(), static_cast<std::size_t>(sites.sites), task);
    fleet.bytes += bytes * static_cast<double>(sites.sites);
    fleet.slowest = std::max(fleet.slowest, bytes / rate);
    fleet.classes.push_back(std::move(sites));
  }
  std::shuffle(fleet.sites.begin(), fleet.sites.end(), chance);
  return fleet;
}

}  // namespace dray::bench

#include "core/schedule/distribution.h"

#include <algorithm>

namespace dray::core {
namespace {

Duration ms(double value) {
  return Duration{static_cast<Duration::rep>(std::min(value, kLongestMs) + 0.999)};
}

Interval within(const Interval& window, WallTime from, WallTime end) {
  return {std::max(window.from, from), std::min(window.to, end)};
}

}  // namespace

Distribution distribution_of(std::span<const DeviceWork> devices, int concurrency) {
  const auto slots = static_cast<double>(std::max(concurrency, 1));
  const bool all_at_once = static_cast<double>(devices.size()) <= slots;
  double sum = 0;
  double tail = devices.empty() ? 0 : 1, longest = tail;  // nothing is done in no time
  Distribution out;
  for (const DeviceWork& device : devices) {
    if (device.bytes.count > 0 && device.lan.count == 0) out.possible = false;
    const double receive = device.lan.count == 0 ? 0
                                                 : 1000.0 * static_cast<double>(device.bytes.count) /
                                                       static_cast<double>(device.lan.count);
    const double install = std::max(0.0, static_cast<double>(device.install.count()));
    sum += receive;
    tail = std::max(tail, (all_at_once ? receive : receive * (1 - 1 / slots)) + install);
    longest = std::max(longest, receive + install);
  }
  if (!all_at_once) out.work = ms(sum / slots);
  out.tail = ms(tail);
  out.longest = ms(longest);
  return out;
}

std::optional<Distributed> distribute(const Distribution& distribution, WallTime from,
                                      std::span<const Interval> update, WallTime end, bool split) {
  if (!distribution.possible) return {};
  if (distribution.total() == Duration{0})
    return from <= end ? std::optional{Distributed{from, from}} : std::nullopt;
  Duration work = distribution.work;
  std::optional<WallTime> begin;
  for (const Interval& window : update) {
    const auto [open, close] = within(window, from, end);
    if (open >= close) continue;
    if (work + distribution.tail <= close - open)
      return Distributed{begin.value_or(open), open + work + distribution.tail};
    if (!split || close - open < distribution.longest) continue;
    work -= close - open - distribution.longest;
    if (!begin) begin = open;
  }
  return {};
}

std::optional<WallTime> latest_distribution(const Distribution& distribution,
                                            std::span<const Interval> update, WallTime end, bool split) {
  if (!distribution.possible) return {};
  if (distribution.total() == Duration{0}) return end;
  std::optional<WallTime> latest;
  // The last device ends in window k; each k gives a time, and no earlier k can beat one that is later than
  // its end.
  for (std::size_t k = update.size(); k-- > 0 && (!latest || update[k].to > *latest);) {
    const WallTime close = std::min(update[k].to, end);
    Duration room = close - update[k].from - distribution.tail;  // for receiving, in window k
    if (room < Duration{0}) continue;
    std::optional<WallTime> from;
    if (distribution.work <= room) from = close - distribution.total();
    for (std::size_t j = k; split && !from && j-- > 0;) {
      const Duration more = update[j].to - update[j].from - distribution.longest;
      if (more <= Duration{0}) continue;
      if (room + more >= distribution.work)
        from = update[j].to - distribution.longest - (distribution.work - room);
      room += more;
    }
    if (from && (!latest || *from > *latest)) latest = from;
  }
  return latest;
}

}  // namespace dray::core

#include "gateway/lan_prober.h"

#include <algorithm>

namespace dray::gateway {
namespace {

constexpr std::chrono::hours kLanFresh{24}, kLanAgain{6};
constexpr std::chrono::minutes kLookEvery{10};
constexpr Duration kDevicePatience{60'000};   // a device that does not come back lets the next one try
constexpr Duration kTolerance{1'000};   // clocks run at different rates

}  // namespace

Task<> LanProber::run(Stop& stop) {
  while (!stop.requested()) {
    const auto generation = site_.work_changed.generation();
    for (const auto& [name, device] : site_.devices())
      if (!is_running(device->name)) show(*device, is_due(*device));
    const SteadyTime until = clock_.steady() + kLookEvery;
    co_await site_.work_changed.wait_past(generation, clock_, until, stop);
  }
}

bool LanProber::is_running(const DeviceId& device) const {
  return running_.device == device && clock_.steady() < running_.until;
}

bool LanProber::is_due(const DeviceState& device) const {
  const auto declared = device.attributes.find("dray.probes");
  if (declared == device.attributes.end() || declared->second != "1" || !device.in_plan) return false;
  if (!site_.time().contact() || clock_.steady() < device.probe.not_before) return false;
  if (!site_.plan().plan().limits.lan.empty()) return false;
  const WallTime now = site_.now();
  if (status_of(device, now) == "busy") return false;
  const auto newest = rates_.newest(device.name);
  if (newest && now - *newest < kLanFresh) return false;
  // Once it has begun, the transfer itself measures.
  bool waits = false;
  for (const JobId& id : device.jobs) {
    const core::Job* job = site_.find_job(id);
    if (job == nullptr || core::is_final(*job)) continue;
    if (job->update_at <= now || (job->deferred_until && *job->deferred_until > now)) return false;
    waits = true;
  }
  return waits;
}

void LanProber::show(DeviceState& device, bool shown) {
  if (device.probe.shown == shown) return;
  device.probe.shown = shown;
  site_.bump(device);
}

LanProber::Grant LanProber::begin(DeviceState& device, std::uint64_t bytes) {
  if (!device.probe.shown) return Grant::kNo;
  const SteadyTime now = clock_.steady();
  if (!is_running(device.name)) {
    if (now < running_.until) return Grant::kNotNow;
    if (!is_due(device)) {
      show(device, false);
      return Grant::kNo;
    }
    running_ = {device.name, now + kDevicePatience, now, 0, 0};
    device.probe.not_before = now + kLanAgain;  // whatever comes of it
  }
  if (++running_.fetches > kMostFetches) {
    running_ = {};
    show(device, false);
    return Grant::kNo;
  }
  running_.began = now;
  running_.bytes = bytes;
  return Grant::kYes;
}

bool LanProber::end(DeviceState& device, std::uint64_t bytes, Duration took) {
  if (!is_running(device.name)) return false;
  const Running ran = std::exchange(running_, {});
  show(device, false);
  const bool possible = bytes <= ran.bytes && took <= clock_.steady() - ran.began + kTolerance;
  site_.log().info("lan_probed", {{"device", device.name.value()}, {"bytes", bytes}, {"took_ms", took.count()},
                                  {"possible", possible}});
  if (!possible || bytes == 0) return true;
  rates_.take(device.name, {bytes, std::max(took, Duration{1}), false});
  rates_.keep();
  return true;
}

}  // namespace dray::gateway

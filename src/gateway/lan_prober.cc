#include "gateway/lan_prober.h"

#include <algorithm>

namespace dray::gateway {
namespace {

constexpr std::chrono::hours kFresh{24}, kAgain{6};
constexpr std::chrono::minutes kLookEvery{10};
constexpr Duration kPatience{60'000};  // a device that does not come back lets the next one try

}  // namespace

Task<> LanProber::run(Stop& stop) {
  while (!stop.requested()) {
    const auto generation = site_.work_changed.generation();
    for (const auto& [name, device] : site_.devices()) show(*device, is_due(*device));
    const SteadyTime until = clock_.steady() + kLookEvery;
    co_await site_.work_changed.wait_past(generation, clock_, until, stop);
  }
}

bool LanProber::is_due(const DeviceState& device) const {
  const auto declared = device.attributes.find("dray.probes");
  if (declared == device.attributes.end() || declared->second != "1" || !device.in_plan) return false;
  if (!site_.time().contact() || clock_.steady() < device.probe.not_before) return false;
  if (!site_.plan().plan().limits.lan.empty()) return false;
  const WallTime now = site_.now();
  const auto newest = rates_.newest(device.name);
  if (newest && now - *newest < kFresh) return false;
  // Once it has begun, the transfer itself measures.
  bool waits = false;
  for (const JobId& id : device.jobs) {
    const core::Job* job = site_.find_job(id);
    if (job == nullptr || core::is_final(*job)) continue;
    if (job->update_at <= now) return false;
    waits = true;
  }
  return waits;
}

void LanProber::show(DeviceState& device, bool shown) {
  if (device.probe.shown == shown) return;
  device.probe.shown = shown;
  site_.bump(device);
}

bool LanProber::begin(const DeviceState& device) {
  if (running_ != device.name && clock_.steady() < running_until_) return false;
  running_ = device.name;
  running_until_ = clock_.steady() + kPatience;
  return true;
}

void LanProber::end(DeviceState& device, std::uint64_t bytes, Duration took) {
  if (running_ != device.name) return;
  running_ = {};
  running_until_ = {};
  device.probe.not_before = clock_.steady() + kAgain;  // whatever came of it
  show(device, false);
  if (bytes == 0 || bytes > kMostBytes) return;
  rates_.take(device.name, {bytes, std::max(took, Duration{1}), false});
  rates_.keep();
  site_.log().info("lan_probed", {{"device", device.name.value()}, {"bytes", bytes}, {"took_ms", took.count()}});
}

}  // namespace dray::gateway

#include "core/schedule/replan.h"

#include <algorithm>

#include "core/schedule/demand.h"

namespace dray::core {
namespace {

std::optional<WallTime> if_close(std::optional<WallTime> time, WallTime now) {
  return time && *time - now < kFrozenWithin ? time : std::nullopt;
}

}  // namespace

SiteTask frozen(SiteTask task, const SiteTimes& published, WallTime now) {
  if (!task.update_at) task.update_at = if_close(published.update_at, now);
  if (!task.transmit_at && task.delivery == Delivery::kPush)
    task.transmit_at = if_close(published.transmit_at, now);
  return task;
}

Basis basis_of(const SiteTask& task, std::optional<WallTime> deferred_until) {
  Basis out{planned_rate(task.wan), {}, task.missing, task.devices.size(), deferred_until};
  for (const DeviceWork& device : task.devices)
    if (out.lan.count == 0 || device.lan < out.lan) out.lan = device.lan;
  return out;
}

bool has_drifted(BytesPerSecond then, BytesPerSecond now) {
  const auto a = static_cast<double>(then.count), b = static_cast<double>(now.count);
  return a != b && std::abs(b - a) * 5 >= a;
}

std::optional<ReplanCause> replan_cause(const Basis& then, const Basis& now) {
  if (has_drifted(then.wan, now.wan) || has_drifted(then.lan, now.lan)) return ReplanCause::kRateDrifted;
  if (now.devices > then.devices) return ReplanCause::kLateJoiner;
  if (now.missing > then.missing) return ReplanCause::kMoreBytes;
  if (now.deferred_until != then.deferred_until) return ReplanCause::kDeferred;
  return {};
}

}  // namespace dray::core

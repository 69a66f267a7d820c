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
  Basis out{planned_rate(task.wan), {}, task.missing, task.devices.size(), deferred_until, {}};
  for (const DeviceWork& device : task.devices)
    if (out.lan.count == 0 || device.lan < out.lan) out.lan = device.lan;
  return out;
}

bool has_drifted(BytesPerSecond then, BytesPerSecond now) {
  const auto a = static_cast<double>(then.count), b = static_cast<double>(now.count);
  return a != b && std::abs(b - a) * 5 >= a;
}

bool is_behind(const SiteTimes& published, Bytes missing, WallTime now) {
  return missing.count > 0 && published.fetched_at && *published.fetched_at <= now;
}

std::string_view to_string(ReplanCause cause) {
  switch (cause) {
    case ReplanCause::kTermsChanged:
      return "terms_changed";
    case ReplanCause::kRateDrifted:
      return "rate_drifted";
    case ReplanCause::kMoreBytes:
      return "more_bytes";
    case ReplanCause::kLateJoiner:
      return "late_joiner";
    case ReplanCause::kDeferred:
      return "deferred";
    case ReplanCause::kBehind:
      return "behind";
  }
  return "";
}

std::optional<ReplanCause> replan_cause(const Basis& then, const Basis& now) {
  if (now.terms != then.terms) return ReplanCause::kTermsChanged;
  if (now.devices > then.devices) return ReplanCause::kLateJoiner;
  if (has_drifted(then.wan, now.wan) || has_drifted(then.lan, now.lan)) return ReplanCause::kRateDrifted;
  if (now.missing > then.missing) return ReplanCause::kMoreBytes;
  if (now.deferred_until != then.deferred_until) return ReplanCause::kDeferred;
  return {};
}

}  // namespace dray::core

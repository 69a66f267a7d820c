// The plan: what one gateway is to do, whole and by value. Same content as `GET plan` of docs/gateway-api.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "core/model/artifact.h"
#include "core/model/cause.h"
#include "core/model/device.h"
#include "core/model/interval.h"

namespace dray::core {

enum class Delivery { kPull, kPush };
// Pull: at_update_time. Push: hold until the server's transmission time, then now.
enum class Fetch { kAtUpdateTime, kHold, kNow };

using Step = std::vector<Sha256>;

struct JobOrder {
  JobId id;
  DeviceId device;
  std::vector<Step> steps;  // empty: nothing fits, incompatible
  friend bool operator==(const JobOrder&, const JobOrder&) = default;
};

struct RetryPolicy {
  std::optional<int> limit;  // attempts, the first included; none = until the expiry
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

struct Assignment {
  AssignmentId id;
  RolloutId rollout;
  int priority = 0;
  Delivery delivery = Delivery::kPull;
  Fetch fetch = Fetch::kAtUpdateTime;
  WallTime planned_at, expires_at = kWallMax;
  Intervals transfer, update;  // when the WAN may be used; when devices may be interrupted
  RetryPolicy retry;
  std::chrono::seconds status_deferral{900};
  std::optional<Held> held = {};  // planned_at is then not before the expiry
  std::vector<JobOrder> jobs;
  friend bool operator==(const Assignment&, const Assignment&) = default;
};

struct Deferral {
  std::string id;
  DeviceId device;          // empty together with assignment: the whole site
  AssignmentId assignment;  // empty: every one
  WallTime until;
  std::string by, why;
  friend bool operator==(const Deferral&, const Deferral&) = default;
};

struct Cancel {
  std::string id;
  JobId job;
  std::string by, why;
  friend bool operator==(const Cancel&, const Cancel&) = default;
};

struct RateLimit {
  WallTime from, to;
  std::uint64_t rate = 0;  // bytes per second
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

struct SiteLimits {
  std::vector<RateLimit> wan, lan;
  int concurrency = 3;             // transmission slots
  std::uint64_t store = 0;         // bytes; 0 = as the gateway is configured
  friend bool operator==(const SiteLimits&, const SiteLimits&) = default;
};

struct ActionIdRange {
  std::int64_t from = 0, to = 0;  // inclusive
  friend bool operator==(const ActionIdRange&, const ActionIdRange&) = default;
};

struct ReportsSeen {
  std::int64_t epoch = 0, seq = 0;
  friend auto operator<=>(const ReportsSeen&, const ReportsSeen&) = default;
};

struct Plan {
  std::int64_t revision = 0;
  SiteId site;
  std::string time_zone = "UTC";
  std::vector<ActionIdRange> action_ids;
  SiteLimits limits;
  std::vector<DeviceType> device_types;
  std::vector<Device> devices;
  std::vector<Artifact> artifacts;
  std::vector<Assignment> assignments;
  std::vector<Deferral> deferrals;
  std::vector<Deferral> site_deferrals;  // made at the site, as its gateway reported them: for one that knows none
  std::vector<Cancel> cancels;
  friend bool operator==(const Plan&, const Plan&) = default;
};

}  // namespace dray::core

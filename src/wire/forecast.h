// A rollout that is only asked about, with all that the server knows of its sites: enough to play it through the
// simulator. GET it with POST /api/v1/rollouts/plan?facts=true; dray-forecast reads it (docs/forecast.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/plan.h"
#include "core/schedule/planner.h"
#include "wire/json.h"

namespace dray::wire {

// Rates of lines: `low` is the tenth percentile, `spread` how far it is below the rate, relative.
struct ForecastArtifact {
  std::uint64_t bytes = 0, missing = 0;  // missing: at the gateway
};

// What devices of a type have done so far.
struct ForecastKind {
  std::string type;
  std::vector<Duration> installs;  // from the last byte to the end, the newest ones; empty: none known
  double failing = 0;              // share of the attempts that failed, 0 to 1
};

struct ForecastDevice {
  std::size_t kind = 0;                         // in `kinds` of the rollout
  std::vector<std::vector<std::size_t>> steps;  // what is left to do: artifacts of its site, together in one step
  core::LineRate lan;
};

struct ForecastSite {
  std::string name;
  std::optional<WallTime> transmit_at, update_at;  // no update_at: nothing starts there
  std::optional<WallTime> finish_at;               // as planned
  core::Intervals transfer, update;                // empty: always
  std::vector<core::RateLimit> shares;             // of the server's egress; empty: no limit
  core::Intervals later;  // with shares: when it may be sent what is missing after them
  int concurrency = 3;
  std::vector<core::RateLimit> wan_caps, lan_caps;  // of the site; with the shares the lowest counts
  core::LineRate wan;
  std::vector<ForecastArtifact> artifacts;
  std::vector<ForecastDevice> devices;
};

struct ForecastRollout {
  core::Delivery delivery = core::Delivery::kPull;
  WallTime expires_at;
  std::vector<ForecastKind> kinds;
  std::vector<ForecastSite> sites;
};

json::object encode(const ForecastRollout& rollout);
// kInvalid names the member; indexes that point nowhere are refused.
Result<ForecastRollout> decode_forecast(std::string_view text);
ForecastRollout decode_forecast(const Node& node);

}  // namespace dray::wire

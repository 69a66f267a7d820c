// One site of a rollout, played once: the production gateway and agents under virtual time, before a server that
// keeps to the plan it was given. Lines, install times and failures are drawn from what the fleet has shown.
//
// Sizes and rates are divided by one number, so that gigabytes take their hours without being held in memory;
// what an artifact's gateway has already is there before the start. docs/forecast.md says what is not played.
#pragma once

#include <cstdint>
#include <optional>

#include "wire/forecast.h"

namespace dray::sim::forecast {

struct Outcome {
  std::optional<WallTime> finish_at;  // every device was updated; none: not all of them
  std::int64_t updated = 0;           // devices
};

// The site has an update_at. kInternal: the simulator is stuck.
Result<Outcome> play(const wire::ForecastRollout& rollout, const wire::ForecastSite& site, std::uint64_t seed);

}  // namespace dray::sim::forecast

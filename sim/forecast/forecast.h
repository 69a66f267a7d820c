// The expected finish of a rollout and its spread: every site played many times (site_play.h), each time with
// other draws of what its lines and devices have shown. The same file and seed give the same answer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "wire/forecast.h"

namespace dray::sim::forecast {

struct Options {
  int runs = 20;
  std::uint64_t seed = 1;
  std::size_t most_sites = 50;  // of more, these are played: the last ones of the plan and others spread over it
};

// Of times in order; a run that never ended counts as later than all others. None: so many never ended.
struct Spread {
  std::optional<WallTime> tenth, median, ninetieth;
};
Spread spread_of(std::vector<std::optional<WallTime>> times);

struct SiteForecast {
  std::string site;
  std::optional<WallTime> planned_finish_at;
  Spread finish;                     // the last device was updated
  double in_time = 0, updated = 0;   // share of the runs in which every device was; of all devices
};

struct Forecast {
  int runs = 0;
  std::size_t sites_of_plan = 0;     // with an update time
  std::vector<SiteForecast> sites;   // that were played
  Spread finish;                     // of the last one of these
  double in_time = 0;
};

// Called behind every play with how many of how many are done.
using OnProgress = std::function<void(std::size_t done, std::size_t all)>;

Result<Forecast> forecast(const wire::ForecastRollout& rollout, const Options& options, const OnProgress& on_progress);

wire::json::object encode(const Forecast& forecast);

}  // namespace dray::sim::forecast

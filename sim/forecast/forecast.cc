#include "sim/forecast/forecast.h"

#include <algorithm>

#include "sim/forecast/site_play.h"
#include "sim/random.h"
#include "wire/json_write.h"

namespace dray::sim::forecast {
namespace {

using wire::ForecastSite;

// Those of the plan's sites that are played, in the order of their planned finish.
std::vector<const ForecastSite*> chosen(const wire::ForecastRollout& rollout, std::size_t most, std::size_t& all) {
  std::vector<const ForecastSite*> sites;
  for (const ForecastSite& site : rollout.sites)
    if (site.update_at) sites.push_back(&site);
  std::stable_sort(sites.begin(), sites.end(), [](const ForecastSite* a, const ForecastSite* b) {
    return a->finish_at.value_or(kWallMax) < b->finish_at.value_or(kWallMax);
  });
  all = sites.size();
  if (all <= most || most == 0) return sites;
  std::vector<const ForecastSite*> out;
  const std::size_t last = most / 2, others = most - last;  // the finish is decided by the last ones
  for (std::size_t i = 0; i < others; ++i) out.push_back(sites[i * (all - last) / others]);
  out.insert(out.end(), sites.end() - static_cast<std::ptrdiff_t>(last), sites.end());
  return out;
}

wire::json::object encode_spread(const Spread& spread) {
  return {{"p10", wire::time_or_null(spread.tenth)},
          {"p50", wire::time_or_null(spread.median)},
          {"p90", wire::time_or_null(spread.ninetieth)}};
}

}  // namespace

Spread spread_of(std::vector<std::optional<WallTime>> times) {
  if (times.empty()) return {};
  std::sort(times.begin(), times.end(), [](const auto& a, const auto& b) {
    return a.value_or(kWallMax) < b.value_or(kWallMax);
  });
  const auto at = [&](std::size_t percent) { return times[(times.size() - 1) * percent / 100]; };
  return {at(10), at(50), at(90)};
}

Result<Forecast> forecast(const wire::ForecastRollout& rollout, const Options& options, const OnProgress& on_progress) {
  Forecast out;
  out.runs = options.runs;
  const auto sites = chosen(rollout, options.most_sites, out.sites_of_plan);
  const auto runs = static_cast<std::size_t>(options.runs);
  std::vector<std::optional<WallTime>> last(runs, WallTime::min());
  std::size_t done = 0;
  for (const ForecastSite* site : sites) {
    const SimRandom seeds = SimRandom{options.seed}.fork(site->name);
    std::vector<std::optional<WallTime>> finishes;
    SiteForecast one{site->name, site->finish_at, {}, 0, 0};
    for (std::size_t run = 0; run < runs; ++run) {
      DRAY_TRY(const Outcome outcome, play(rollout, *site, seeds.fork(std::to_string(run)).next()));
      finishes.push_back(outcome.finish_at);
      one.in_time += outcome.finish_at ? 1 : 0;
      one.updated += site->devices.empty() ? 1 : static_cast<double>(outcome.updated) / static_cast<double>(site->devices.size());
      if (!outcome.finish_at)
        last[run].reset();
      else if (last[run])
        last[run] = std::max(*last[run], *outcome.finish_at);
      if (on_progress) on_progress(++done, runs * sites.size());
    }
    one.in_time /= static_cast<double>(runs);
    one.updated /= static_cast<double>(runs);
    one.finish = spread_of(std::move(finishes));
    out.sites.push_back(std::move(one));
  }
  if (sites.empty()) return out;
  const auto ended = std::count_if(last.begin(), last.end(), [](const auto& time) { return time.has_value(); });
  out.in_time = static_cast<double>(ended) / static_cast<double>(runs);
  out.finish = spread_of(std::move(last));
  return out;
}

wire::json::object encode(const Forecast& forecast) {
  wire::json::array sites;
  for (const SiteForecast& one : forecast.sites)
    sites.push_back({{"site", one.site},
                     {"planned_finish_at", wire::time_or_null(one.planned_finish_at)},
                     {"finish", encode_spread(one.finish)},
                     {"in_time", one.in_time},
                     {"updated", one.updated}});
  return {{"runs", forecast.runs},
          {"sites", forecast.sites_of_plan},
          {"played", forecast.sites.size()},
          {"finish", encode_spread(forecast.finish)},
          {"in_time", forecast.in_time},
          {"items", std::move(sites)}};
}

}  // namespace dray::sim::forecast

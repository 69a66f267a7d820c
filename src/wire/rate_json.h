// A link's rate as the admin API and the gateway's local API show it (docs/api.md, "Rates"). Pure.
#pragma once

#include "core/schedule/rate.h"
#include "wire/json_write.h"

namespace dray::wire {

// An estimate together with the instant it was asked for.
struct RateView {
  core::LinkRate rate;
  WallTime at;
};

inline json::object encode_rate(const RateView& view) {
  const core::LinkRate& r = view.rate;
  json::object out{{"rate", r.value},
                   {"low", r.low},
                   {"percentile", r.percentile},
                   {"hour_of_week", core::hour_of_week(view.at)},
                   {"from", core::to_string(r.scope)},
                   {"samples", static_cast<std::int64_t>(r.samples + 0.5)},
                   {"measured_at", time_or_null(r.newest)},
                   {"age", nullptr},
                   {"assumed", r.assumed},
                   {"assumed_from", r.prior_from},
                   {"capped", r.capped},
                   {"sentence", core::describe_rate(r, view.at)}};
  if (r.newest)
    out["age"] =
        std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(view.at - *r.newest).count());
  return out;
}

}  // namespace dray::wire

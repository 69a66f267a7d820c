// What the planner of the server is given, and what it gives: one rollout at one site, as values. The store
// fills and saves them; schedule.h computes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/plan.h"
#include "core/schedule/planner.h"
#include "core/schedule/rate.h"
#include "core/schedule/replan.h"
#include "core/schedule/window.h"

namespace dray::server {

// The rules of a time zone by its IANA name. kInvalid: there is none. Called on the `lists` worker only.
using ZoneFinder = std::function<Result<std::shared_ptr<const core::ZoneRules>>(const std::string& name)>;

// What was computed and is in the site's plan.
struct PlannedSite {
  core::SiteTimes times;             // without its misfit, of which word and sentence are kept
  core::Intervals transfer, update;  // as a plan says them: empty means always
  core::Basis basis;
  std::string misfit, sentence;  // empty: it fits
  WallTime at;                   // when it was computed
};

struct SiteWork {
  std::int64_t assignment = 0;  // 0: of a rollout that is only asked about
  std::int64_t asked = 0;       // how often it was asked for; given back when done
  std::string site, time_zone;
  core::SiteWindows windows;
  core::SiteLimits limits;
  core::Delivery delivery = core::Delivery::kPull;
  int priority = 0;
  bool computed = true;  // else the rollout's own times, which are not moved:
  std::optional<WallTime> transmit_at, update_at;
  WallTime expires_at;
  core::Intervals transfer, update;  // of the rollout; empty: always
  core::LinkRate wan;
  Bytes missing;                           // of distinct artifacts; the gateway does not have them
  std::vector<core::DeviceWork> devices;   // that still have something to do
  std::optional<WallTime> deferred_until;  // a standing deferral of the whole site
  core::Intervals busy;                    // its WAN, by other rollouts
  std::optional<PlannedSite> published;
};

// Who has shares of the egress. Assignment by assignment, so that those that are planned again can be left
// out.
struct Share {
  std::int64_t assignment = 0;
  core::RateLimit limit;
};

// The instant of whose hour of the week the rates are wanted, once everything else is there.
using WhenAsked = std::function<WallTime(const SiteWork&)>;

struct SiteResult {
  std::int64_t assignment = 0, asked = 0;
  std::optional<PlannedSite> planned;    // none: what is published stands
  std::optional<WallTime> look_at;       // when time alone may be a cause to plan again
  std::optional<core::ReplanCause> why;  // none: it was never planned, or did not fit
  core::Intervals windows;               // planned with a budget: when it may be sent more, were it behind
};

}  // namespace dray::server

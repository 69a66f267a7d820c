// From what the database knows of a rollout's sites to the times of each, by core/schedule: permitted times
// in the site's zone, the line under the caps that people have set, what is frozen, and whether there is a
// cause to compute again at all. Pure but for the zone rules, which a function gives.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "server/site_work.h"

namespace dray::server {

// What the server may send to all sites together.
struct EgressBudget {
  struct Hours {
    core::Window window;
    BytesPerSecond rate;
  };
  BytesPerSecond rate;            // 0: no limit
  std::vector<Hours> hours;       // the first one that holds counts instead
  std::string time_zone = "UTC";  // of the hours
  bool limited() const { return rate.count > 0 || !hours.empty(); }
};
std::string to_text(const EgressBudget& budget);  // to compare with another one
// Without rules, because nobody knows the zone of its hours: the least of all its rates, at any time.
std::vector<core::BudgetStep> budget_steps(const EgressBudget& budget, const core::ZoneRules* zone,
                                           core::Interval span);

// What does not fit is looked at again after this: others end, rates change. So is what is in a time zone:
// its rules may change, or be gone.
inline constexpr Duration kLookAgain = std::chrono::hours{1};
// A site that is behind gets new times, or another share, this often at most.
inline constexpr Duration kLeastBetweenPlans = std::chrono::minutes{2};

// One look at one rollout. Not for two threads at a time.
class Scheduler {
 public:
  Scheduler(const ZoneFinder& zones, const EgressBudget& egress, WallTime now)
      : zones_{zones}, egress_{egress}, now_{now} {}

  // For whose hour of the week the site's rates are wanted: its start, as far as that is known.
  WallTime when(const SiteWork& site);
  // One answer a site, in their order. `taken`: all shares of the egress; those of sites that are planned
  // again are free.
  std::vector<SiteResult> plan(const std::vector<SiteWork>& sites, const std::vector<Share>& taken);

 private:
  struct Draft;
  // When something may happen at a site, as a set.
  struct Permitted {
    core::Intervals set;
    bool any_time = false;  // as far as the site is concerned
  };

  struct Zone {
    std::shared_ptr<const core::ZoneRules> rules;  // none: nobody knows them
    std::string why;                               // they are not known
    std::map<WallTime, std::string> texts;         // the rules up to then, to compare
  };
  Zone& zone(const std::string& name);
  // To local time for people; in UTC, which then says so, where the zone is not known.
  const core::ZoneRules& zone_for_words(const std::string& name);
  std::string terms_of(const SiteWork& site);
  const std::string& rules_of(const std::string& zone, WallTime until);
  Permitted permitted(const SiteWork& site, const core::Calendar& calendar, const core::Intervals& rollout);
  core::Interval span(const SiteWork& site) const;
  // Where the site's windows are in a time zone that nobody knows: nothing may happen. Else nothing.
  std::optional<PlannedSite> without_zone(const SiteWork& site);
  Draft draft_of(const SiteWork& site);
  bool is_due(Draft& task, std::optional<core::ReplanCause>& why) const;
  PlannedSite published(const Draft& task, core::SiteTimes times);
  core::Intervals for_gateway(const SiteWork& site, const Permitted& permitted,
                              const core::Intervals& rollout) const;
  // How long what is published stands, where nothing but time is a cause.
  Duration stands(const SiteWork& site) const;
  std::optional<WallTime> look_at(const SiteWork& site, const PlannedSite& planned) const;

  const ZoneFinder& zones_;
  const EgressBudget& egress_;
  WallTime now_;
  std::map<std::string, Zone> known_;
  const core::ZoneRules utc_;
  std::map<std::string, Permitted> resolved_;  // by calendar, zone and expiry
};

}  // namespace dray::server

#include "sim/fleet/check.h"

#include "sim/fleet/checks/checks.h"

namespace dray::sim::fleet {

bool Scene::goes_by_own_clock(const std::string& gateway) const {
  const SteadyTime told = told_time.at(gateway);
  return told == kSteadyMax || world.now() < told + kTolerance;
}

void Scene::complain(std::string check, std::string subject, std::string what) {
  if (violation || (!only.empty() && check != only)) return;
  violation = Violation{std::move(check), std::move(subject), std::move(what)};
}

Checks all_checks(Scene& scene) {
  Checks out;
  for (const auto make :
       {make_verified, make_bootable, make_window, make_planned, make_time, make_deferring, make_one_order, make_wan_once,
        make_lan_once, make_wan_bytes, make_fold, make_monotonic, make_cancelled, make_truth, make_polite, make_remembered,
        make_stays_up, make_taken, make_served, make_one_gateway, make_two_gateways,
        make_two_agents, make_mistaken, make_unreadable, make_one_time, make_told})
    out.push_back(make(scene));
  return out;
}

}  // namespace dray::sim::fleet

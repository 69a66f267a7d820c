// The makers of all checks; check.h says what a check is. One file each.
#pragma once

#include "sim/fleet/check.h"

namespace dray::sim::fleet {

std::unique_ptr<Check> make_verified(Scene& scene);
std::unique_ptr<Check> make_bootable(Scene& scene);
std::unique_ptr<Check> make_planned(Scene& scene);
std::unique_ptr<Check> make_window(Scene& scene);
std::unique_ptr<Check> make_time(Scene& scene);
std::unique_ptr<Check> make_deferring(Scene& scene);
std::unique_ptr<Check> make_one_order(Scene& scene);
std::unique_ptr<Check> make_wan_once(Scene& scene);
std::unique_ptr<Check> make_lan_once(Scene& scene);
std::unique_ptr<Check> make_wan_bytes(Scene& scene);
std::unique_ptr<Check> make_fold(Scene& scene);
std::unique_ptr<Check> make_monotonic(Scene& scene);
std::unique_ptr<Check> make_cancelled(Scene& scene);
std::unique_ptr<Check> make_truth(Scene& scene);
std::unique_ptr<Check> make_polite(Scene& scene);
std::unique_ptr<Check> make_remembered(Scene& scene);
std::unique_ptr<Check> make_stays_up(Scene& scene);
std::unique_ptr<Check> make_taken(Scene& scene);
std::unique_ptr<Check> make_served(Scene& scene);
std::unique_ptr<Check> make_one_gateway(Scene& scene);
std::unique_ptr<Check> make_two_gateways(Scene& scene);
std::unique_ptr<Check> make_two_agents(Scene& scene);
std::unique_ptr<Check> make_mistaken(Scene& scene);
std::unique_ptr<Check> make_unreadable(Scene& scene);
std::unique_ptr<Check> make_one_time(Scene& scene);
std::unique_ptr<Check> make_told(Scene& scene);

}  // namespace dray::sim::fleet

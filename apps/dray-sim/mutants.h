// The deliberate bugs that dray-sim-mutants holds (base/mutant.h), each with the check that finds it: the test asks
// for that one alone (--only), so each check proves that it can fail.
#pragma once

#include <string_view>

namespace dray::apps {

struct Mutant {
  std::string_view name, check;
  int seed;  // one that finds it, as long as nothing changes what the world draws: where the test looks first
  std::string_view what;
};

inline constexpr Mutant kMutants[] = {
    {"skip_sync_image", "verified", 1, "an image is switched to before it is safe"},
    {"skip_hash", "verified", 3, "what the installer wrote is not read back"},
    {"half_installed", "bootable", 1, "components that an order does not name are not carried over"},
    {"writes_active_slot", "bootable", 1, "the installer writes into the slot that runs"},
    {"ignore_expiry", "window", 18, "a gateway goes on after the expiry"},
    {"outside_window", "window", 1, "a gateway fetches outside of the transfer intervals"},
    {"held_push_early", "planned", 1, "a held push is fetched before its transmission time"},
    {"fetch_by_own_clock", "window", 117, "a gateway fetches before it has heard the server's time"},
    {"outside_update_interval", "time", 2, "a device is asked outside of the update intervals"},
    {"an_hour_early", "time", 1, "devices are updated an hour before the update time"},
    {"ask_while_deferred", "deferring", 3, "a device that is busy is asked again at once"},
    {"plan_undoes_deferral", "deferring", 21, "a new plan undoes an operator's deferral"},
    {"reuse_action_id", "one_order", 1, "action ids are not counted on"},
    {"announces_first", "one_order", 125, "an agent announces the switch-over before it reports that it started"},
    {"wan_from_zero", "wan_once", 28, "a gateway does not resume"},
    {"lan_from_zero", "lan_once", 5, "an agent does not resume"},
    {"damaged_unheard", "wan_bytes", 1'000'006, "the server does not look at its own file when a gateway says that it came damaged"},
    {"commit_unsynced", "fold", 2, "databases do not wait for the disk"},
    {"acks_unsaved", "fold", 1, "the server acknowledges reports before it has saved them"},
    {"restored_keeps_epoch", "one_order", 5, "a restored gateway takes no new epoch"},
    {"results_change", "monotonic", 2, "a late report changes a result"},
    {"restart_loses_cancel", "cancelled", 5, "a gateway's restart forgets that a job was cancelled"},
    {"any_version_succeeds", "truth", 1, "any power-on report ends a job well"},
    {"plan_never_unchanged", "polite", 1, "the server never answers 304"},
    {"poll_never_unchanged", "polite", 4, "the gateway never answers 304"},
    {"agent_spins", "polite", 1, "an agent polls without a pause"},
    {"cancel_not_saved", "remembered", 2, "the server answers a cancel that it does not save"},
    {"ends_over_jobs", "stays_up", 6, "a gateway that holds more than eight jobs ends at its start"},
    {"refuses_later_reports", "taken", 1, "the server refuses a batch over the number of its last entry"},
    {"serves_two_gateways", "one_gateway", 1'000'001, "the server answers two gateways of one site"},
    {"two_gateways_unsaid", "two_gateways", 1'000'001, "the server refuses a second gateway and does not say so"},
    {"forgets_its_name", "two_gateways", 1, "a gateway takes another name at each start"},
    {"two_gateways_for_ever", "two_gateways", 1'000'001, "that there were two gateways is said for ever"},
    {"damage_renames", "two_gateways", 1'000'012, "a gateway that can't read its clock's floor takes another name"},
    {"two_agents_unsaid", "two_agents", 1'000'002, "a boot id that comes back is taken for a new one"},
    {"doubt_never_ends", "two_agents", 1'000'002, "that there were two agents is said for ever"},
    {"restarts_are_two_agents", "two_agents", 1, "a device that restarts often is taken for two"},
    {"any_type_goes", "mistaken", 1'000'003, "a device that says another type than its entry is served all the same"},
    {"unreadable_permits", "unreadable", 1'000'002, "what can't be read of a site or a rollout means: always"},
    {"plan_leaves_out", "unreadable", 1'000'003, "a plan is made without the jobs that can't be read"},
    {"links_take_slots", "served", 1'000'120, "a link that is shown and not used keeps others from receiving"},
    {"stranger_stops_orders", "liveness", 1'000'002, "a device that nobody knows stops the orders of all others at its site"},
    {"follows_leap", "one_time", 1'000'001, "the server follows a wall clock that leaps, and every rollout ends for good"},
    {"cause_forgotten", "told", 1, "what went wrong is not told beside what comes after it"},
    {"gives_up_server", "liveness", 4, "a gateway that often failed to reach its server stops trying"},
};

}  // namespace dray::apps

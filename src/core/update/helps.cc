#include "core/update/helps.h"

#include <array>
#include <utility>

namespace dray::core {
namespace {

constexpr auto kHelps = std::to_array<std::pair<std::string_view, std::string_view>>({
    // jobs, as their gateway says it
    {"waiting_update_time", "It begins by itself at its update time."},
    {"two_gateways",
     "One of the two gateways has to be stopped, or one that was copied be given an empty data folder and a site of its "
     "own; drayctl gateway replace lets the other one answer for the site."},
    {"two_agents",
     "One of the two devices has to be switched off or get a name and a token of its own. It goes on by itself when only "
     "one was heard for an hour, or when somebody says that there is one (drayctl alone, at the gateway)."},
    {"type_differs",
     "The device has to be moved to the type that it says (drayctl device set NAME --type TYPE); or, where both names mean the same "
     "hardware, its type be called so as well (drayctl type set TYPE --also-called NAME)."},
    {"waiting_turn", "The other update of this device has to end first; or cancel that one."},
    {"clock_unknown", "The gateway has to hear the server once, or its clock has to be set."},
    {"stored_unreadable",
     "The sentence says what ends it: the next plan of the server; that the device says again what it is; or, for a deferral of "
     "the site, that somebody there withdraws it or gives it again."},
    {"backing_off", "It tries again by itself. If it keeps failing, look at the log of the job."},
    {"same_result",
     "It tries again by itself, but seldom: the same end is to be expected. Look at the log of the job; mend the device, or the release, and "
     "make a new rollout."},
    {"waiting_window",
     "It begins by itself when the update window opens; a wider window of the site, or of the rollout, would let it begin "
     "sooner."},
    {"no_window_left", "It expires unless an update window of the site and of the rollout opens before its expiry."},
    {"waiting_artifact",
     "The gateway has to fetch the artifact: it does so while the WAN works and the transfer window is "
     "open."},
    {"waiting_transmission", "The server transmits at the transmission time."},
    {"transmission_time", "The server transmits at the transmission time."},
    {"waiting_slot",
     "The devices before it have to fetch, or leave their links unused for two poll intervals; or raise the site's concurrency."},
    {"waiting_action_ids", "The gateway has to reach the server to get more action ids."},
    {"artifact_damaged",
     "The artifact has to be uploaded again where the server's bytes of it are damaged (drayctl artifact push); else something "
     "between server and gateway changes them. The gateway tries again by itself."},
    {"store_full", "The gateway needs room: raise its quota, or end rollouts whose artifacts it holds."},
    {"device_deferring",
     "The device answers when it can be updated; somebody at it can answer for it (dray-agent answer)."},
    {"waiting_device", "The device has to fetch what it may fetch now."},
    {"device_absent", "The device has to be switched on and reach its gateway."},
    {"checking_status", "The status check has to end."},
    {"status_unknown",
     "The status check has to work: look at its command at the gateway, and whether the device can be "
     "reached."},
    {"device_busy", "The device has to become free; the gateway looks again by itself."},
    {"deferred_by_device", "The time that the device asked for has to pass."},
    {"mixed",
     "The device runs a part of the update. Retry it (drayctl rollout retry-failed, with --expires-at where its expiry is over; a rollout that was aborted refuses that), or roll out this release again, or the one that it ran before."},
    {"deferred_by_operator",
     "The deferral ends by itself; withdraw it to begin sooner (drayctl deferral list)."},
    {"downloading", "Nothing: it is under way."},
    {"downloaded", "Nothing: it is under way."},
    {"installing", "Nothing: it is under way."},
    {"switching", "Nothing: it is under way."},
    {"verifying", "Nothing: it is under way."},
    {"waiting_power_on", "The device has to start with the new version and call its gateway."},
    {"cancelling",
     "The device has to confirm the cancel, or stay silent for the time that the gateway waits."},
    // the server
    {"gateway_silent",
     "The gateway of the site has to reach the server: look at its power, its WAN and its token."},
    {"waiting_report", "The gateway reports by itself, usually within seconds."},
    {"token_refused",
     "Look at the token at both ends: the log of whoever refused it says the name that was tried. A device that was added again has a new one."},
    {"report_refused",
     "Look at the entry that the site names: the gateway, or the device that it speaks of, says something that can "
     "not be kept. Everything else was taken."},
    {"install_times_far_off",
     "Look at the clock of the gateway, and at the devices of that type there. Nothing waits for it."},
    {"row_unreadable",
     "What the server stores is damaged: replace it (drayctl row replace, as its remedy says). Nothing that it decides "
     "begins before that."},
    {"epoch_waits",
     "Find out why the gateway begins anew so often: whether its data folder is kept over restarts, and whether "
     "another machine has its token. It goes on by itself; at once: drayctl site action-ids."},
    {"action_ids_exhausted",
     "drayctl site action-ids --beyond-32-bits, where all devices of the site take ids of 64 bits."},
    {"waiting_phase", "The phase before it has to end well, and its soak time to pass."},
    {"waiting_approval", "Somebody has to approve the next phase."},
    {"soaking", "The soak time has to pass."},
    {"paused", "Somebody has to resume the rollout."},
    {"failure_threshold", "Look at what failed, then resume the rollout or abort it."},
    {"window_too_short",
     "A longer window, a faster line, fewer devices at a time or a later expiry would make it fit."},
    {"waiting_planning", "The server computes the times by itself, usually within seconds."},
    {"rate_unknown", "The gateway has to transfer something once, so that its rates are known."},
    {"no_window", "The site needs a window before the expiry, or the rollout a later expiry."},
    {"egress_taken",
     "Other rollouts have to end first; a later expiry or more egress of the server would make it fit."},
    {"expires_too_soon", "A later expiry would make it fit."},
    {"times_too_late", "Earlier times, a later expiry or a faster line would make it fit."},
    // ended
    {"device_failed", "Look at the log of the job, then retry it (a rollout that was aborted refuses that), or make a new rollout."},
    {"refused", "The device refused it: look at why, then retry it (a rollout that was aborted refuses that), or make a new rollout."},
    {"closed_without_bytes",
     "The device has to fetch the update. swupdate that is started with -c 2 says this of whatever is offered then: it is told apart where it "
     "reports what it runs. Where devices have their bytes another way, let their type say so (bytes_from: elsewhere)."},
    {"no_power_on", "Look at the device: it did not come back with the new version in time."},
    {"rolled_back", "The device fell back to the old version: look at why before the next rollout."},
    {"expired", "A new rollout with a later expiry."},
    {"cancelled", "A new rollout; a cancel is final for this one."},
    {"cancelled_on_device", "A new rollout; a cancel is final for this one."},
    {"superseded", "Nothing: a newer rollout has taken its place."},
    {"incompatible", "A release with an artifact for this device type."},
    {"nothing_fits", "A release with an artifact for this device type."},
    {"late", ""},
    {"unproven", "Look at the device, or let it report its version (dray.version.<component>): then the next update is proven."},
    {"succeeded", ""},
});

}  // namespace

std::string_view what_helps(std::string_view reason) {
  for (const auto& [word, sentence] : kHelps)
    if (word == reason) return sentence;
  return {};
}

}  // namespace dray::core

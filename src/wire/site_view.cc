// What is said of a site.
#include <algorithm>

#include "wire/admin_api.h"

namespace dray::wire {
namespace {

constexpr std::chrono::minutes kSilent{5};
constexpr std::size_t kMostNamed = 3;
constexpr std::chrono::hours kRecent{24};  // for so long what was refused is a reason

std::string time_of(WallTime time) { return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)); }

void say_refused(SiteView& site, WallTime now) {
  const RefusedView& refused = site.refused;
  if (!refused.at || now - *refused.at > kRecent) return;
  if (site.reason.empty()) site.reason = "report_refused";
  site.sentence += " Of its reports " + std::to_string(refused.count) +
                   (refused.count == 1 ? " entry" : " entries") + " could not be taken, the last one (" + refused.what +
                   ") at " + time_of(*refused.at) + ": " + refused.why + ".";
}

// New epochs and action ids: what a gateway that is doubled, or loses its state at each start, uses up.
void say_numbers(SiteView& site, WallTime now) {
  if (site.epoch_waits && *site.epoch_waits > now) {
    site.reason = "epoch_waits";
    site.until = site.epoch_waits;
    site.sentence += " Its gateway began anew " + std::to_string(site.epochs) +
                     " times within 24 hours, so it loses its data or there are two of them; what it reports next is taken from " +
                     time_of(*site.epoch_waits) + " on (at once: drayctl site action-ids " + site.name + ").";
  }
  if (site.ids_ended) {
    site.reason = "action_ids_exhausted";
    site.sentence += " There are no more action ids of 32 bits for it, so no new attempt starts; longer ones are allowed by "
                     "drayctl site action-ids " + site.name + " --beyond-32-bits.";
  }
}

void say_unreadable(SiteView& site) {
  if (site.unreadable.empty()) return;
  site.reason = "row_unreadable";
  for (const Unreadable& one : site.unreadable)
    site.sentence += " Held: " + sentence_of(one) + ". Replace it: " + remedy_of(one) + ".";
}

// Where more than one gateway is at work, nothing else about the site is worth as much.
void say_two_gateways(SiteView& site, const core::TwoGateways& two) {
  const core::Instance* holds = core::holder(site.holding);
  site.reason = "two_gateways";
  site.until = two.until;
  if (holds != nullptr && holds->name == two.other) {
    site.sentence = "The gateway (instance " + core::shown_name(two.other) +
                    ") that had been replaced answers again since " + time_of(two.since) +
                    ", because the one that replaced it has fallen silent.";
    return;
  }
  const std::string holder = holds == nullptr ? "another" : "instance " + core::shown_name(holds->name);
  site.sentence = "Two gateways call with this site's token: " + holder + " answers for it, and " +
                  (two.returned ? "one that was replaced" : "another") + " (instance " + core::shown_name(two.other) +
                  ") is refused since " + time_of(two.since) + ". Stop one of them, or let the other in: drayctl gateway replace " +
                  site.name + ".";
}

void say_two_agents(SiteView& site) {
  site.reason = "two_agents";
  std::string names;
  for (std::size_t i = 0; i < std::min(site.two_agents.size(), kMostNamed); ++i) names += (i == 0 ? "" : ", ") + site.two_agents[i];
  if (site.two_agents.size() > kMostNamed) names += " and " + std::to_string(site.two_agents.size() - kMostNamed) + " more";
  site.sentence += " Two agents seem to call as " + names + ": nothing new begins there.";
}

void say_work(SiteView& site, WallTime now) {
  const bool silent = !site.contact_at || now - *site.contact_at > kSilent;
  const std::string jobs =
      std::to_string(site.open_jobs) + (site.open_jobs == 1 ? " job is open" : " jobs are open");
  if (silent) {
    site.state = "silent";
    site.reason = "gateway_silent";
    site.sentence = site.contact_at ? "The gateway was last heard at " + time_of(*site.contact_at) + "; " + jobs + "."
                                    : "The gateway has never been heard; " + jobs + ".";
    if (!site.misfit.empty()) site.sentence += " Not all of it fits: " + site.misfit_sentence;
  } else if (site.open_jobs > 0) {
    site.state = "working";
    site.reason = site.misfit;
    site.sentence = "The gateway answers; " + jobs + "." +
                    (site.misfit.empty() ? "" : " Not all of it fits: " + site.misfit_sentence);
  } else {
    site.state = "idle";
    site.reason.clear();
    site.sentence = "The gateway answers; nothing is to be done.";
  }
  say_refused(site, now);
  say_numbers(site, now);
  say_unreadable(site);
}

}  // namespace

void describe_site(SiteView& site, WallTime now) {
  say_work(site, now);
  if (!site.two_agents.empty() && site.reason != "gateway_silent") say_two_agents(site);
  if (const auto two = core::two_gateways(site.holding, now)) say_two_gateways(site, *two);
}

}  // namespace dray::wire

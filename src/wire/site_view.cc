// What is said of a site.
#include <algorithm>

#include "wire/admin_api.h"

namespace dray::wire {
namespace {

constexpr std::chrono::minutes kSilent{5};
constexpr std::size_t kMostNamed = 3;

std::string time_of(WallTime time) { return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)); }

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
}

}  // namespace

void describe_site(SiteView& site, WallTime now) {
  say_work(site, now);
  if (!site.two_agents.empty() && site.reason != "gateway_silent") say_two_agents(site);
  if (const auto two = core::two_gateways(site.holding, now)) say_two_gateways(site, *two);
}

}  // namespace dray::wire

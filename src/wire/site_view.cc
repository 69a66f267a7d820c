// What is said of a site.
#include "wire/admin_api.h"

namespace dray::wire {
namespace {

constexpr std::chrono::minutes kSilent{5};
constexpr std::chrono::hours kRecent{24};  // for so long what was refused is a reason

std::string second_of(WallTime time) { return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)); }

void say_refused(SiteView& site, WallTime now) {
  const RefusedView& refused = site.refused;
  if (!refused.at || now - *refused.at > kRecent) return;
  if (site.reason.empty()) site.reason = "report_refused";
  site.sentence += " Of its reports " + std::to_string(refused.count) +
                   (refused.count == 1 ? " entry" : " entries") + " could not be taken, the last one (" + refused.what +
                   ") at " + second_of(*refused.at) + ": " + refused.why + ".";
}

// New epochs and action ids: what a gateway that is doubled, or loses its state at each start, uses up.
void say_numbers(SiteView& site, WallTime now) {
  if (site.epoch_waits && *site.epoch_waits > now) {
    site.reason = "epoch_waits";
    site.until = site.epoch_waits;
    site.sentence += " Its gateway began anew " + std::to_string(site.epochs) +
                     " times within 24 hours, so it loses its data or there are two of them; what it reports next is taken from " +
                     second_of(*site.epoch_waits) + " on (at once: drayctl site action-ids " + site.name + ").";
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

}  // namespace

void describe_site(SiteView& site, WallTime now) {
  const bool silent = !site.contact_at || now - *site.contact_at > kSilent;
  const std::string jobs =
      std::to_string(site.open_jobs) + (site.open_jobs == 1 ? " job is open" : " jobs are open");
  if (silent) {
    site.state = "silent";
    site.reason = "gateway_silent";
    site.sentence = site.contact_at
                        ? "The gateway was last heard at " +
                              to_rfc3339(std::chrono::floor<std::chrono::seconds>(*site.contact_at)) + "; " +
                              jobs + "."
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

}  // namespace dray::wire

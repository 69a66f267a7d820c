// What is said of a site.
#include "wire/admin_api.h"

namespace dray::wire {
namespace {

constexpr std::chrono::minutes kSilent{5};

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
  if (site.unreadable.empty()) return;
  site.reason = "row_unreadable";
  for (const Unreadable& one : site.unreadable)
    site.sentence += " Held: " + sentence_of(one) + ". Replace it: " + remedy_of(one) + ".";
}

}  // namespace dray::wire

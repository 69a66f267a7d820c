// What is said of a site.
#include <algorithm>

#include "core/schedule/explain.h"
#include "wire/admin_api.h"

namespace dray::wire {
namespace {

constexpr std::chrono::minutes kSilentAfter{5};
constexpr std::size_t kMostNamed = 3;
constexpr std::chrono::hours kRecent{24};  // for so long what was refused is a reason

std::string time_of(WallTime time) { return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)); }

// What is to be said of a site, by the worth of it: the first one is its reason, with the time until which it holds;
// the sentences of the others follow.
enum class Rank {
  kTwoGateways,
  kRowUnreadable,
  kIdsExhausted,
  kEpochWaits,
  kSilent,
  kPlan,
  kDamaged,
  kTwoAgents,
  kRefused,
  kFarOff,
  kMisfit,
  kNothing
};
struct Said {
  Rank rank = Rank::kNothing;
  std::string reason, sentence;
  std::optional<WallTime> until = {};
};
using AllSaid = std::vector<Said>;

void say_refused(const SiteView& site, WallTime now, AllSaid& all) {
  const RefusedView& refused = site.refused;
  if (!refused.at || now - *refused.at > kRecent) return;
  all.push_back({Rank::kRefused, "report_refused",
                 "Of its reports " + std::to_string(refused.count) + (refused.count == 1 ? " entry" : " entries") +
                     " could not be taken, the last one (" + refused.what + ") at " + time_of(*refused.at) + ": " +
                     refused.why + "."});
}

// New epochs and action ids: what a gateway that is doubled, or loses its state at each start, uses up.
void say_numbers(const SiteView& site, WallTime now, AllSaid& all) {
  if (site.ids_ended)
    all.push_back({Rank::kIdsExhausted, "action_ids_exhausted",
                   "There are no more action ids of 32 bits for it, so no new attempt starts; longer ones are allowed "
                   "by drayctl site action-ids " + site.name + " --beyond-32-bits."});
  if (site.epoch_waits && *site.epoch_waits > now)
    all.push_back({Rank::kEpochWaits, "epoch_waits",
                   "Its gateway began anew " + std::to_string(site.epochs) +
                       " times within 24 hours, so it loses its data or there are two of them; what it reports next is "
                       "taken from " + time_of(*site.epoch_waits) + " on (at once: drayctl site action-ids " +
                       site.name + ").",
                   site.epoch_waits});
}

void say_unreadable_rows(const SiteView& site, AllSaid& all) {
  for (const Unreadable& one : site.unreadable)
    all.push_back({Rank::kRowUnreadable, "row_unreadable",
                   "Held: " + sentence_of(one) + ". Replace it: " + remedy_of(one) + "."});
}

// Only those that still ask are counted: who was started anew with empty data is another one, and the first has ended.
std::string sentence_of_refused(const SiteView& site, const core::TwoGateways& two, WallTime now) {
  const core::Instance* holds = core::holder(site.holding);
  const std::string holder = holds == nullptr ? "another" : "instance " + core::shown_name(holds->name);
  const std::string other = (two.returned ? "one that was replaced" : "another") + std::string{" (instance "} + core::shown_name(two.other) + ")";
  const auto asking = std::count_if(site.holding.instances.begin(), site.holding.instances.end(),
                                    [&](const core::Instance& i) { return core::presence(i, now) == "refused"; });
  if (asking == 0)
    return "Two gateways have called with this site's token: " + holder + " answers for it, and " + other +
           " was refused, last at " + time_of(two.until - core::kSilent) + "; it has not asked since.";
  const std::string count = asking == 1 ? "Two" : std::to_string(asking + 1);
  return count + " gateways call with this site's token: " + holder + " answers for it, and " + other +
         " is refused since " + time_of(two.since) + (asking == 1 ? "" : ", with " + std::to_string(asking - 1) + " more") +
         ". Stop one of them, or let the other in: drayctl gateway replace " + site.name + ".";
}

// Where more than one gateway is at work, nothing else about the site is worth as much.
void say_two_gateways(const SiteView& site, WallTime now, AllSaid& all) {
  const auto two = core::two_gateways(site.holding, now);
  if (!two) return;
  Said said{Rank::kTwoGateways, "two_gateways", {}, two->until};
  const core::Instance* holds = core::holder(site.holding);
  if (holds != nullptr && holds->name == two->other) {
    said.sentence = "The gateway (instance " + core::shown_name(two->other) +
                    ") that had been replaced answers again since " + time_of(two->since) +
                    ", because the one that replaced it has fallen silent.";
  } else {
    said.sentence = sentence_of_refused(site, *two, now);
  }
  all.push_back(std::move(said));
}

void say_two_agents(const SiteView& site, AllSaid& all) {
  if (site.two_agents.empty()) return;
  std::string names;
  for (std::size_t i = 0; i < std::min(site.two_agents.size(), kMostNamed); ++i)
    names += (i == 0 ? "" : ", ") + site.two_agents[i];
  if (site.two_agents.size() > kMostNamed)
    names += " and " + std::to_string(site.two_agents.size() - kMostNamed) + " more";
  all.push_back(
      {Rank::kTwoAgents, "two_agents", "Two agents seem to call as " + names + ": nothing new begins there."});
}

// Bytes that are wrong: first what the server knows of its own, then what its gateway says of what came.
void say_damaged(const SiteView& site, AllSaid& all) {
  for (const std::string& sentence : site.damaged) all.push_back({Rank::kDamaged, "artifact_damaged", sentence});
  if (!site.damaged.empty() || !site.storage || site.open_jobs == 0) return;
  std::size_t named = 0;
  for (const SpoiltArtifact& one : site.storage->damaged)
    if (++named <= kMostNamed)
      all.push_back({Rank::kDamaged, "artifact_damaged",
                     "Its gateway got other bytes of artifact " + one.sha256.short_hex() + " than were uploaded, " +
                         std::to_string(one.times) + (one.times == 1 ? " time" : " times") + ", and fetches it again with growing pauses."});
}

void say_far_off(const SiteView& site, AllSaid& all) {
  for (const auto& one : site.far_off)
    all.push_back({Rank::kFarOff, "install_times_far_off",
                   "By its reports a " + one.type + " takes " + core::human_duration(one.times.said) +
                       " to install, at other sites " + core::human_duration(one.times.others) +
                       "; no other site is planned with that."});
}

// The state, and what is said of a gateway in any case.
void say_work(SiteView& site, WallTime now, AllSaid& all) {
  const bool silent = !site.contact_at || now - *site.contact_at > kSilentAfter;
  const std::string jobs =
      std::to_string(site.open_jobs) + (site.open_jobs == 1 ? " job is open" : " jobs are open");
  const bool misfit = !site.misfit.empty() && (silent || site.open_jobs > 0);
  const bool fresh = !site.contact_at && now - site.created_at < kSilentAfter;  // it was entered just now
  if (fresh) {
    site.state = "silent";
    all.push_back({Rank::kNothing, "", "The gateway has not called yet; " + jobs + "."});
  } else if (silent) {
    site.state = "silent";
    all.push_back({Rank::kSilent, "gateway_silent",
                   (site.contact_at ? "The gateway was last heard at " + time_of(*site.contact_at)
                                    : std::string{"The gateway has never been heard"}) + "; " + jobs + "."});
  } else if (site.open_jobs > 0) {
    site.state = "working";
    all.push_back({Rank::kNothing, "", "The gateway answers; " + jobs + "."});
  } else {
    site.state = "idle";
    all.push_back({Rank::kNothing, "", "The gateway answers; nothing is to be done."});
  }
  if (!site.plan_trouble.empty())
    all.push_back({Rank::kPlan, site.plan_trouble,
                   "What is new does not reach its gateway, which goes on with what it knows: " + site.plan_trouble_sentence + "."});
  if (misfit) all.push_back({Rank::kMisfit, site.misfit, "Not all of it fits: " + site.misfit_sentence});
}

}  // namespace

void describe_now(JobView& job, WallTime now) {
  core::JobResult& result = job.result;
  if (result.reason != "gateway_silent") return;
  if (now - job.heard_at < kSilentAfter)
    result.reason = "waiting_report";
  else
    result.sentence += job.ever_heard ? " It is silent since " + time_of(job.heard_at) + "." : " It has never called.";
}

void describe_now(DeviceView& device, WallTime now) {
  if (device.job) describe_now(*device.job, now);
}

void describe_site(SiteView& site, WallTime now) {
  site.looked_at = now;
  AllSaid all;
  say_two_gateways(site, now, all);
  say_unreadable_rows(site, all);
  say_numbers(site, now, all);
  say_work(site, now, all);
  say_damaged(site, all);
  say_two_agents(site, all);
  say_refused(site, now, all);
  say_far_off(site, all);
  std::stable_sort(all.begin(), all.end(), [](const Said& a, const Said& b) { return a.rank < b.rank; });
  site.reason = all.front().reason;
  site.until = all.front().until;
  site.sentence.clear();
  for (const Said& said : all) site.sentence += (site.sentence.empty() ? "" : " ") + said.sentence;
}

}  // namespace dray::wire

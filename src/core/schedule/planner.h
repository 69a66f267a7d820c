// The planner: for every site of a rollout the times at which it is sent its artifacts and updated, computed
// from what is really missing, from measured rates and learned install times, within the site's windows and
// the server's egress budget. Pure; deterministic: the same input gives the same times.
//
// Pull. The update time is the instant at which the fetch begins, for that is when the gateway asks. It lies
// in an update window that is also a transfer window, and so does the whole fetch; the devices follow at
// once. Only where such windows have no room, the fetch takes the transfer windows as they are, and the
// devices wait for the next update window.
//
// Push. The update time is the earliest instant of an update window by which the bytes can have arrived, with
// a margin of (time of the transmission) x (spread of the rate), at least a minute. The transmission time is
// the latest start that still arrives that margin before it: nothing lies about at the gateway longer than
// needed, and early egress is left to those who need it.
//
// Both. The fetch runs in transfer windows only; the devices are updated in update windows only, and all of
// it ends before the expiry. Without `split` one window of each kind has to do (pull: the same one). What is
// counted on is the low percentile of a rate.
//
// Many sites. They are taken one after another; each gets the earliest room in its windows that the egress
// has left (egress.h). The order decides how many fit, so several are tried and the best result is kept: by
// the latest useful arrival (the greedy order); by slack, what has the least time to spare first; by size,
// small ones first as in J. M. Moore's rule (1968), each as late as possible; and again with those that found
// no room in front (squeaky wheel optimization, D. Joslin and D. Clements, 1999). Better is: more sites fit;
// else less lateness of the others; else an earlier last arrival. Higher priorities are placed before lower
// ones.
//
// What does not fit is said with its arithmetic (explain.h). Where `split` is allowed and at least the bytes
// can arrive before the expiry, the site gets times all the same: devices that can be updated by then are.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "core/model/plan.h"
#include "core/schedule/distribution.h"
#include "core/schedule/egress.h"

namespace dray::core {

struct LineRate {
  BytesPerSecond rate, low;  // low: the percentile that is counted on; 0: as `rate`
  double spread = 0;         // of the rate, relative: 0.25 = a quarter
};

// One rollout at one site. The views are the caller's and have to outlive the call.
struct SiteTask {
  Delivery delivery = Delivery::kPull;
  int priority = 0;
  // Permitted from now on, and beyond the expiry too, so that it can be said which later one would help;
  // empty = never. What a standing deferral of the site forbids is left out of `update` by the caller.
  std::span<const Interval> transfer, update;
  LineRate wan;
  Bytes missing;  // distinct artifacts that the gateway does not have
  std::span<const DeviceWork> devices;
  int concurrency = 3;
  WallTime expires_at;
  bool split = true;
  // Given by an operator, or frozen because they are shortly ahead (replan.h): not moved, and placed before
  // all others. transmit_at: push only.
  std::optional<WallTime> transmit_at, update_at;
};

enum class Obstacle {
  kNoRate,            // nothing is known of a line
  kNoTransferWindow,  // none before the expiry
  kNoUpdateWindow,
  kTransferTooShort,  // needs: transmission; has: what the transfer windows have
  kUpdateTooShort,    // needs: distribution; has: what the update windows have
  kEgressTaken,       // it would fit alone
  kExpiresTooSoon,    // no window is in the way, only the expiry. needs: all of it; has: the time until then
  kTimesGiven,        // at the times that were given it does not end before the expiry
};

struct Misfit {
  Obstacle obstacle{};
  Duration needs{0}, has{0};
  BytesPerSecond rate;  // that was counted on
  // What would make it fit, each by itself; nothing where it would not help.
  std::optional<WallTime> expiry;        // if it expired then
  std::optional<Duration> longer;        // if its window were longer by
  std::optional<BytesPerSecond> faster;  // if its line had
  std::optional<WallTime> start_by;      // if it started then, at the latest
  friend bool operator==(const Misfit&, const Misfit&) = default;
};

struct SiteTimes {
  std::optional<WallTime> transmit_at;  // push
  std::optional<WallTime> update_at;    // none: nothing is to start
  std::optional<WallTime> fetched_at;   // expected: all bytes are at the gateway
  std::optional<WallTime> finish_at;    // expected: the last device is done
  std::vector<RateLimit> wan;    // what the site may take of the egress; empty where there is no budget
  std::optional<Misfit> misfit;  // none: it fits
  bool fits() const { return !misfit; }
  friend bool operator==(const SiteTimes&, const SiteTimes&) = default;
};

struct PlannerInput {
  WallTime now;
  std::span<const SiteTask> sites;
  std::span<const BudgetStep> egress;
  std::span<const RateLimit> taken;  // by others: shares of rollouts that are not planned now
};

// Nothing is planned further ahead; an expiry after that is as good as this.
inline constexpr std::chrono::days kHorizon{366};

// One for each site, in their order. Total: any input gives an answer.
std::vector<SiteTimes> plan_times(const PlannerInput& input);

}  // namespace dray::core

// What a plan means for the jobs that there are. Level-triggered: the whole plan and all jobs go in, and what
// differs comes out; the same plan once more gives nothing. Pure.
//
// What a new revision does to a running job, row by row, is the machine's answer to these events
// (docs/job.md).
#pragma once

#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "core/model/plan.h"
#include "core/update/job.h"

namespace dray::core {

// Every job of the plan, in its order. Where nothing fits, `incompatible` says why. Of two jobs with one id
// the first counts.
std::vector<JobTerms> terms_of(const Plan& plan);

// The latest of the deferrals that mean this job; null where none does. It points into what was given.
const Deferral* standing_deferral(const JobTerms& terms, std::span<const Deferral> plan,
                                          std::span<const Deferral> local = {});

struct JobChange {
  JobId id;
  std::variant<Job, JobEvent> what;  // a new job; or an event for a known or, later in the list, the new one
};
// In the order in which they are to be applied. `local`: deferrals that were made at the gateway itself.
// A job gets Superseded by another one of its device that updates one of its components at least, and has a higher rank; also
// by a newer one that has ended well (core/update/supersede.h).
std::vector<JobChange> reconcile(std::span<const Job* const> jobs, const Plan& plan,
                                 std::span<const Deferral> local = {});

// Whose turn it is, of the jobs of one device: what has started or is being stopped; then, of those that are
// due, the higher priority, then the newer assignment. Null where none is due.
const Job* turn(std::span<const Job* const> jobs_of_one_device, WallTime now);

}  // namespace dray::core

// Planning: what the devices of a type get out of a release, and what time does to rollouts. Times come from
// the rollout; the planner that computes them from measured rates takes their place later.
#pragma once

#include "drive/signal.h"
#include "server/sites.h"

namespace dray::server {

// Pure; called inside the transaction that makes a rollout. Jobs for devices whose versions run already are
// made too: the gateway sees that with a fresher eye and ends them without an attempt.
TypePlan plan_type(const wire::NewDeviceType& type, const std::vector<core::ReleaseArtifact>& release);

// Does what rollouts ask for at their times, by this clock alone: a push rollout is transmitted at its
// transmission time, a phase begins when the one before it has soaked, devices that joined are picked up.
// Runs until stop; timetable is notified where something may be due earlier.
Task<> keep_time(Parts& parts, const Options& options, Sites& sites, Signal& timetable, Stop& stop);

}  // namespace dray::server

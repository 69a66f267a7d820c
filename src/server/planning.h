// Planning: what the devices of a type get out of a release, what time does to rollouts, and the times of
// each site: computed when a rollout is made, and again when there is a cause.
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

// Computes the times of the sites: level-triggered by what the store was asked for (new rollouts, windows,
// rates, deferrals, storage, late joiners), and by time. Rollouts one after another, the earlier ones first.
// What is read and computed is on the `lists` worker, so that it holds up no report. Runs until stop; notifies
// timetable where it has moved something.
Task<> keep_planning(Parts& parts, const Options& options, Sites& sites, Signal& timetable, Stop& stop);

// What a rollout would do, by the same code; nothing of it is stored. On the `lists` worker.
Result<wire::WhatIfView> what_if(Parts& parts, const Options& options, const wire::NewRollout& rollout,
                                 const core::Filter& filter, WallTime now);

}  // namespace dray::server

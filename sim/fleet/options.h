// How large a simulated fleet is, and how long it is watched.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "sim/fleet/swarm.h"
#include "sim/trace.h"

namespace dray::sim::fleet {

struct FleetOptions {
  std::uint64_t seed = 1;
  int sites = 2, devices_per_site = 4;
  int rollouts = 6;                      // beside the last one, which is made when the faults have ended
  std::chrono::hours ends{72};           // virtual time in all
  std::chrono::hours faults_until{58};   // nothing expires later; 0: no faults at all
  std::chrono::seconds polls{300};       // of devices
  std::chrono::seconds plan_wait{55};    // of gateways
  bool large_images = false;             // some are synced on the way: there is something to resume
  bool one_holds_polls = true;           // a device of the first site; the others ask every few minutes
  bool swarm = false;                    // sim/fleet/swarm.h: newer kinds of trouble, each with what it may lack
  std::string only;                      // the one check that counts; empty: all
  Trace::Keep trace = Trace::Keep::kNothing;
};

// The standard small world: 1 server, 2 gateways, 8 devices, 3 days, faults by seed. From kFirstSwarmSeed on, 6 of them
// are ours and the others are whatever the seed says.
inline FleetOptions small_world(std::uint64_t seed) {
  FleetOptions out;
  out.seed = seed;
  out.large_images = seed % 8 == 2;  // they take time to play
  // Three of four worlds wait longer: what happens at every call happens often enough in the fourth.
  if (seed % 4 != 0) {
    out.plan_wait = std::chrono::minutes{10};
    out.one_holds_polls = false;
  }
  if (seed < kFirstSwarmSeed) return out;
  out.swarm = true;
  out.devices_per_site = 3;
  out.ends = std::chrono::hours{60};
  out.faults_until = std::chrono::hours{46};
  return out;
}

// 1 server, 20 gateways, 400 devices polling every 5 minutes, a week; faults by seed.
inline FleetOptions week_world(std::uint64_t seed) {
  FleetOptions out;
  out.seed = seed;
  out.sites = 20;
  out.devices_per_site = 20;
  out.one_holds_polls = false;
  out.ends = std::chrono::hours{7 * 24};
  out.faults_until = std::chrono::hours{6 * 24};
  return out;
}

}  // namespace dray::sim::fleet

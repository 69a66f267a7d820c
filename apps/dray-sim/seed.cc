#include "seed.h"

#include <cstdio>

#include "sim/fleet/fleet_world.h"

namespace dray::apps {
namespace {

using sim::fleet::FleetOptions;
using sim::fleet::FleetWorld;

std::string summary(FleetWorld& fleet) {
  const auto totals = fleet.totals();
  std::string out = std::to_string(totals.rollouts) + " rollouts, " + std::to_string(totals.requests) +
                    " requests, " + std::to_string(totals.power_cuts) + " power cuts and restarts; jobs:";
  for (const auto& [state, count] : totals.jobs) out += " " + std::to_string(count) + " " + state;
  out += "; judged:";
  for (const auto& [check, count] : fleet.worked()) out += " " + check + " " + std::to_string(count);
  char hash[32];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(fleet.world().events_hash()));
  return out + "; run " + hash;
}

}  // namespace

SeedResult run_seed(const SeedCommand& command, std::uint64_t seed, bool story) {
  FleetOptions options =
      command.world == "week" ? sim::fleet::week_world(seed) : sim::fleet::small_world(seed);
  options.only = command.only;
  if (story) options.trace = sim::Trace::Keep::kLines;
  if (command.trace) options.trace = sim::Trace::Keep::kEcho;
  FleetWorld fleet{options};
  const auto done = fleet.run();
  SeedResult out;
  out.passed = done.has_value();
  out.covered = fleet.covered();
  out.what = done ? summary(fleet) : done.error().message();
  if (!done && story) out.story = fleet.story();
  return out;
}

std::string replay(const SeedCommand& command, std::uint64_t seed) {
  std::string out = "dray-sim --seed " + std::to_string(seed);
  if (command.world != "small") out += " --world " + command.world;
  if (!command.mutant.empty()) out += " --mutant " + command.mutant;
  if (!command.only.empty()) out += " --only " + command.only;
  return out;
}

}  // namespace dray::apps

// One seed of a simulated fleet, run to its end.
#pragma once

#include <cstdint>
#include <string>

#include "sim/fleet/coverage/pairs.h"

namespace dray::apps {

struct SeedCommand {
  std::string world = "small";  // or "week"
  std::string mutant;           // a deliberate bug, in the build that holds them
  std::string only;             // the one check that counts; empty: all
  bool trace = false;           // every line to standard error
};

struct SeedResult {
  bool passed = false;
  std::string what;   // broke, and how; of one that passed: what happened in it
  std::string story;  // where it was asked for
  sim::fleet::Covered covered;
};

// story: keep the trace, for the story of a failure; a run with it is the same run, only slower.
SeedResult run_seed(const SeedCommand& command, std::uint64_t seed, bool story);
// "dray-sim --seed 8123 --mutant x"
std::string replay(const SeedCommand& command, std::uint64_t seed);

}  // namespace dray::apps

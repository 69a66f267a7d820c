// The simulated fleet's own tests: that it is the same for the same seed, and that its checks have something to
// judge. Ranges of seeds and deliberate bugs are run by ./test with dray-sim.
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <vector>

#include "sim/fleet/fleet_world.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

std::uint64_t hash_of(std::uint64_t seed, Trace::Keep keep) {
  FleetOptions options = small_world(seed);
  options.trace = keep;
  options.ends = 24h;
  options.faults_until = 10h;
  options.rollouts = 2;
  FleetWorld fleet{options};
  const auto done = fleet.run();
  EXPECT_TRUE(done) << done.error().message() << "\n" << fleet.story();
  return fleet.world().events_hash();
}

// A failure is found without a trace and told with one: both must be the same run.
TEST(Fleet, TheSameSeedIsTheSameRunWithAndWithoutATrace) {
  const std::uint64_t once = hash_of(7, Trace::Keep::kNothing);
  EXPECT_EQ(once, hash_of(7, Trace::Keep::kNothing));
  EXPECT_EQ(once, hash_of(7, Trace::Keep::kLines));
  EXPECT_NE(once, hash_of(8, Trace::Keep::kNothing));
}

TEST(Fleet, WithoutFaultsEveryRolloutSucceedsEverywhere) {
  FleetOptions options = small_world(3);
  options.faults_until = 0h;
  FleetWorld fleet{options};
  const auto done = fleet.run();
  ASSERT_TRUE(done) << done.error().message();
  const auto totals = fleet.totals();
  EXPECT_GE(totals.rollouts, 4);
  EXPECT_GE(totals.jobs.at("succeeded"), 8) << "the last one, at least";
  EXPECT_FALSE(totals.jobs.contains("failed") || totals.jobs.contains("rolled_back"));
}

// What never has anything to judge proves nothing.
TEST(Fleet, EveryCheckHasSomethingToJudge) {
  std::map<std::string, std::uint64_t> worked;
  std::size_t checks = 0;
  std::vector<std::uint64_t> seeds(12);
  std::iota(seeds.begin(), seeds.end(), 1);
  for (std::uint64_t more = 1; more <= 2; ++more) seeds.push_back(kFirstSwarmSeed + more);  // some troubles are there only
  for (const std::uint64_t seed : seeds) {
    FleetWorld fleet{small_world(seed)};
    const auto done = fleet.run();
    EXPECT_TRUE(done) << "dray-sim --seed " << seed << ": " << done.error().message();
    for (const auto& [check, count] : fleet.worked()) worked[check] += count;
    checks = fleet.checks().size();
  }
  EXPECT_EQ(worked.size(), checks + 1) << "liveness is the one more";
  for (const auto& [check, count] : worked) EXPECT_GE(count, 1U) << check;
}

}  // namespace
}  // namespace dray::sim::fleet

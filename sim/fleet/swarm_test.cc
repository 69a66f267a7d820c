// What the second range of seeds has beside the first: kinds that a world may lack, strangers, boxes on the line,
// damaged documents, and pairs that are counted.
#include "sim/fleet/swarm.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "adapters/sqlite/gateway_store.h"
#include "sim/fleet/coverage/pairs.h"
#include "sim/fleet/coverage/reach.h"
#include "sim/fleet/damage/damage.h"
#include "sim/fleet/fleet_world.h"
#include "sim/fleet/foreign/odd_text.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

TEST(Swarm, WorldsOfTheFirstRangeHaveAllThatTheyHadAndNothingNewer) {
  const Swarm off{SimRandom{17}, false};
  EXPECT_EQ(off.share("power_cut", 5), 5);
  EXPECT_EQ(off.share("portal"), 0);
  EXPECT_FALSE(small_world(1'000'000).swarm);
  EXPECT_TRUE(small_world(kFirstSwarmSeed).swarm);
}

TEST(Swarm, AboutHalfOfTheKindsAreLeftOutAndOneMoreKindChangesNothingForTheOthers) {
  int in = 0;
  std::set<int> shares;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    const Swarm swarm{SimRandom{seed}, true};
    const int share = swarm.share("power_cut", 5);
    in += share > 0 ? 1 : 0;
    shares.insert(share);
    const bool other = swarm.has("a kind that is new");
    EXPECT_EQ(swarm.share("power_cut", 5), share) << other;
  }
  EXPECT_NEAR(in, 500, 60);
  EXPECT_EQ(shares.size(), 9U) << "0 to 8";
}

TEST(Swarm, TheSameSwarmSeedIsTheSameRun) {
  const auto hash_of = [](std::uint64_t seed) {
    FleetOptions options = small_world(seed);
    options.ends = 24h;
    options.faults_until = 10h;
    options.rollouts = 2;
    FleetWorld fleet{options};
    [[maybe_unused]] const auto done = fleet.run();
    return fleet.world().events_hash();
  };
  EXPECT_EQ(hash_of(kFirstSwarmSeed + 6), hash_of(kFirstSwarmSeed + 6));
}

TEST(OddText, HasEveryPrintableSignAndLengthsAroundEachLimit) {
  SimRandom random{3};
  std::set<char> signs;
  std::set<std::size_t> lengths;
  for (int i = 0; i < 2'000; ++i) {
    const std::string version = odd_version(random);
    signs.insert(version.begin(), version.end());
    EXPECT_LE(version.size(), 128U);
    lengths.insert(odd_text(random).size());
  }
  for (const char c : std::string_view{"_-!@#$%^&*()+=[]{}|;:'\",.<>/\\? "}) EXPECT_TRUE(signs.contains(c)) << c;
  for (const std::size_t around : {128U, 256U, 512U, 4'096U, 16'384U})
    EXPECT_TRUE(lengths.contains(around - 1) || lengths.contains(around) || lengths.contains(around + 1)) << around;
}

// A disk with one gateway's documents, without power.
TEST(Damage, OneDocumentAndNoMore) {
  World world{5};
  Node& node = world.add("gw");
  node.power_on();
  gateway::Writes writes;
  for (const std::string id : {"a", "b", "c"}) writes.push_back(gateway::Write::put("job", id, R"({"phase":"ready"})"));
  {
    auto store = adapters::GatewayStore::open({.path = "gateway.db", .vfs = node.vfs()});
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->commit({writes}));
  }
  node.power_off();
  ASSERT_TRUE(world.run_for(1s));
  SimRandom random{9};
  std::optional<Damaged> what;
  for (int tries = 0; tries < 20 && !what; ++tries) what = damage_document(node, random);  // there are kinds it has none of
  ASSERT_TRUE(what);
  EXPECT_EQ(what->kind, "job");
  auto store = adapters::GatewayStore::open({.path = "gateway.db", .vfs = node.vfs()});
  ASSERT_TRUE(store);
  const auto all = (*store)->load();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3U);
  for (const auto& document : *all) EXPECT_EQ(document.text != R"({"phase":"ready"})", document.id == what->id);
}

TEST(Pairs, CountARowOnceForEachFaultThatIsAtWorkOrJustOver) {
  FaultLog log;
  const SteadyTime begin{1h};
  log.begins(FaultKind::kPowerCut, "gw", begin, 10min);
  log.begins(FaultKind::kPortal, "gw", begin);
  EXPECT_EQ(log.active("d1", begin), 0U);
  const std::uint64_t both = log.active("gw", begin + 25min);
  EXPECT_EQ(std::popcount(both), 2);
  EXPECT_EQ(std::popcount(log.active("gw", begin + 35min)), 1) << "the power cut lingers on";
  EXPECT_EQ(log.active("gw", begin + 41min), 0U);

  Pairs pairs;
  const TableRow& row = table_rows().front();
  pairs.crossed({row.machine, row.from, row.event, row.to, Crossing::Point::kBeforeSave}, both);
  pairs.crossed({row.machine, row.from, row.event, row.to, Crossing::Point::kAfterSave}, ~std::uint64_t{0});
  pairs.crossed({"job", "Nowhere", "Never", "Nowhere", Crossing::Point::kBeforeSave}, ~std::uint64_t{0});
  EXPECT_EQ(pairs.covered().front(), both);
  EXPECT_NE(summary(pairs.covered()).find("covered 2 of "), std::string::npos) << summary(pairs.covered());
}

TEST(Pairs, WhatCanNotBeIsMarkedAndNotCounted) {
  const TableRow attempt{"attempt", "a", "b", "c"}, soaks{"rollout", "running", "time_passed", "soaking"}, runs{"rollout", "held", "time_passed", "running"};
  EXPECT_EQ(reach_of(attempt, FaultKind::kRowDamaged), Reach::kNever);
  EXPECT_EQ(reach_of(attempt, FaultKind::kPowerCut), Reach::kMay);
  EXPECT_EQ(reach_of(soaks, FaultKind::kPowerCut), Reach::kUnasked);
  EXPECT_EQ(reach_of(runs, FaultKind::kRowDamaged), Reach::kMay);
  const std::string shown = page(Pairs{}.covered(), "1-2");
  EXPECT_NE(shown.find("`running time_passed soaking` | `???"), std::string::npos);
  EXPECT_NE(shown.find(reason_of(Reach::kNever)), std::string::npos);
}

}  // namespace
}  // namespace dray::sim::fleet

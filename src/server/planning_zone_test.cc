// A site whose windows are in a time zone that nobody knows.
#include "server/planned_fleet_testing.h"

namespace dray::server {
namespace {

using namespace testing_fleet;
using namespace std::chrono_literals;

class PlanningZone : public ::testing::Test, protected PlannedFleet {
 protected:
  void night_site(const std::string& name) {
    site(name, nightly("22:00-05:00", "02:00-04:00"));
    device(name + "-1", name);
    rates(name, 100'000, 1'000'000, {name + "-1"});
  }
};

TEST_F(PlanningZone, WindowsInATimeZoneThatNobodyKnowsPermitNothing) {
  zones = [](const std::string& name) -> Result<std::shared_ptr<const core::ZoneRules>> {
    if (name == "UTC") return std::make_shared<const core::ZoneRules>();
    return Error{ErrorCode::kInvalid, "time zone '" + name + "' is not in the tz database"};
  };
  night_site("berlin");
  night_site("lyon");
  for (const bool computed : {true, false}) {
    release(computed ? "2" : "3", 60'000'000);
    must(store->change_site("berlin", {.time_zone = "Mars/Base"}, {}));
    wire::NewRollout wanted = rollout(computed ? "2" : "3", core::Delivery::kPull, 48h);
    wanted.terms.computed = computed;
    if (!computed) wanted.terms.update_at = kNow + 2h;
    const RolloutId id = start(wanted);
    pass();
    const core::Assignment held = assignment("berlin");
    for (Duration at{0}; at < 48h; at += 30min) {
      EXPECT_FALSE(core::permits(held.transfer, kNow + at));
      EXPECT_FALSE(core::permits(held.update, kNow + at));
    }
    EXPECT_EQ(times(id, "berlin").misfit, "time_zone_unknown");
    EXPECT_EQ(assignment("lyon").planned_at, kNow + 2h);
    must(store->change_site("berlin", {.time_zone = "UTC"}, {}));
    pass();
    EXPECT_EQ(assignment("berlin").planned_at, kNow + 2h);
    EXPECT_EQ(times(id, "berlin").misfit, "");
  }
}

// Zone rules that a test changes while the server runs.
class PlanningRules : public PlanningZone {
 protected:
  PlanningRules() {
    zones = [this](const std::string& name) -> Result<std::shared_ptr<const core::ZoneRules>> {
      if (!rules) return Error{ErrorCode::kInvalid, "time zone '" + name + "' is not in the tz database"};
      return std::make_shared<const core::ZoneRules>(*rules);
    };
    rules->name = "Europe/Berlin";
    rules->offset = 1h;
    night_site("berlin");
    release("2", 60'000'000);
    started = start(rollout("2", core::Delivery::kPull, 72h));
    pass();
  }
  std::optional<core::ZoneRules> rules{std::in_place};
  RolloutId started{""};
};

TEST_F(PlanningRules, ThatChangeWhileTheServerRunsMoveTheTimes) {
  EXPECT_EQ(assignment("berlin").planned_at, kNow + 1h);
  now += 1min;
  rules->transitions = {{std::chrono::sys_seconds{std::chrono::floor<std::chrono::seconds>(kNow - 24h)}, 0s}};
  pass();
  EXPECT_EQ(assignment("berlin").planned_at, kNow + 1h) << "nothing looks at it more than once an hour";
  rules->transitions.front() = {
      std::chrono::sys_seconds{std::chrono::floor<std::chrono::seconds>(kNow + 20min)}, -2h};
  now = kNow + 1h + 1min;
  pass();
  const core::Assignment moved = assignment("berlin");
  EXPECT_FALSE(core::permits(moved.update, kNow + 2h));
  EXPECT_TRUE(core::permits(moved.update, kNow + 4h)) << "02:00 is there now";
  EXPECT_FALSE(core::permits(moved.update, kNow + 6h));
}

TEST_F(PlanningRules, RulesOfAfterTheExpiryMoveNothing) {
  const auto revision = plan("berlin").revision;
  rules->transitions = {
      {std::chrono::sys_seconds{std::chrono::floor<std::chrono::seconds>(kNow + 24h * 365)}, 0s}};
  now += 30min;
  pass();
  now += 31min;
  pass();
  EXPECT_EQ(plan("berlin").revision, revision);
}

TEST_F(PlanningRules, ThatVanishWhileTheServerRunsPermitNothing) {
  rules.reset();
  now = kNow + 61min;
  pass();
  EXPECT_EQ(times(started, "berlin").misfit, "time_zone_unknown");
  for (Duration at{0}; at < 48h; at += 30min)
    EXPECT_FALSE(core::permits(assignment("berlin").update, now + at));
  rules.emplace();
  rules->offset = 1h;
  now += 61min;
  pass();
  EXPECT_EQ(times(started, "berlin").misfit, "");
  EXPECT_TRUE(core::permits(assignment("berlin").update, kNow + 25h));
}

}  // namespace
}  // namespace dray::server

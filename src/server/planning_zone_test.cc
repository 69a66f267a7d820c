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

}  // namespace
}  // namespace dray::server

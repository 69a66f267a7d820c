// Caps that operators set for a site's lines are rates that are counted on: M5 M10.
#include "server/planned_fleet_testing.h"

namespace dray::server {
namespace {

using namespace testing_fleet;
using namespace std::chrono_literals;

constexpr std::uint64_t kCappedImage = 60'000'000;
constexpr std::uint64_t kCappedWan = 100'000, kCappedLan = 1'000'000;  // 10 min over the WAN, 1 min to a device

// A site that may be updated at any time.
class PlanningCaps : public ::testing::Test, protected PlannedFleet {
 protected:
  void line(const std::string& name, const std::vector<std::string>& devices) {
    site(name);
    for (const std::string& one : devices) device(one, name);
    rates(name, kCappedWan, kCappedLan, devices);
  }
  // Rolled out and planned.
  RolloutId planned() {
    release("2", kCappedImage);
    const RolloutId id = start(rollout("2", core::Delivery::kPull, 48h));
    pass();
    return id;
  }
};

TEST_F(PlanningCaps, ACapOfTheSiteIsARateThatIsCountedOn) {
  line("berlin", {"berlin-1"});
  wire::SitePatch capped;
  capped.limits = core::SiteLimits{.wan = {{kNow, kNow + 48h, kCappedWan / 2}}};
  must(store->change_site("berlin", capped, {}));
  const RolloutId id = planned();
  EXPECT_EQ(times(id, "berlin").fetched_at, kNow + 20min);
  EXPECT_EQ(plan("berlin").limits.wan, capped.limits->wan);
}

TEST_F(PlanningCaps, ACapOfTheLanIsSharedByTheDevicesThatReceive) {
  line("berlin", {"berlin-1", "berlin-2"});
  wire::SitePatch capped;
  capped.limits = core::SiteLimits{.lan = {{kNow, kNow + 48h, kCappedLan / 2}}};
  must(store->change_site("berlin", capped, {}));
  const RolloutId id = planned();
  EXPECT_EQ(times(id, "berlin").finish_at, kNow + 10min + 4min + 2min) << "each at a quarter of its own rate";
  capped.limits = core::SiteLimits{.lan = {{kNow, kNow + 48h, kCappedLan}}};
  must(store->change_site("berlin", capped, {}));
  pass();
  EXPECT_EQ(times(id, "berlin").finish_at, now + 10min + 2min + 2min) << "another cap is a cause to plan again";
}

}  // namespace
}  // namespace dray::server

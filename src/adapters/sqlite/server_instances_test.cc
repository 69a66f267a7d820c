// Who answers for a site, kept and shown.
#include "adapters/sqlite/server_store_testing.h"

namespace dray::adapters {
namespace {

using server_testing::kNow;
using server_testing::must;
using namespace std::chrono_literals;

class InstancesKept : public server_testing::StoreFixture {
 protected:
  core::Holding kept(const std::string& site) {
    for (const auto& entry : must(store->sites()))
      if (entry.name == site) return entry.holding;
    return {};
  }
  wire::SiteView shown(const std::string& site, WallTime now) {
    auto view = must(lists.site(site));
    wire::describe_site(view, now);
    return view;
  }
  core::Holding two() {
    core::Holding out = core::call_of({}, "a", kNow).next;
    return core::call_of(out, "b", kNow + 1min).next;
  }
};

TEST_F(InstancesKept, AHoldingIsKeptWholeAndOfItsSiteOnly) {
  EXPECT_TRUE(kept("berlin").instances.empty());
  core::Holding holding = two();
  must(store->save_holdings({{"berlin", holding}, {"gone", holding}}));
  core::Holding loaded = kept("berlin");
  for (auto* one : {&holding, &loaded})
    for (auto& i : one->instances) i.saved = {};
  EXPECT_EQ(loaded, holding);
  EXPECT_TRUE(kept("lyon").instances.empty());
  const core::Holding next = must(core::replaced_by(holding, "b", kNow + 2min));
  must(store->save_holdings({{"berlin", next}}));
  EXPECT_EQ(core::holder(kept("berlin"))->name, "b");
  EXPECT_EQ(kept("berlin").instances.size(), 2u);
}

TEST_F(InstancesKept, TheSiteSaysTwoGatewaysUntilTheOtherIsSilent) {
  must(store->save_holdings({{"berlin", two()}}));
  const auto site = shown("berlin", kNow + 2min);
  EXPECT_EQ(site.reason, "two_gateways");
  EXPECT_EQ(site.until, kNow + 1min + core::kSilent);
  EXPECT_NE(site.sentence.find("drayctl gateway replace berlin"), std::string::npos);
  EXPECT_EQ(site.holding.instances.size(), 2u);
  EXPECT_NE(shown("berlin", kNow + 12min).reason, "two_gateways");
  const auto page = must(lists.sites({}));
  EXPECT_EQ(page.items.at(0).holding.instances.size(), 2u);
  EXPECT_TRUE(page.items.at(1).holding.instances.empty());
}

TEST_F(InstancesKept, ARoleThatCanNotBeReadHoldsNothing) {
  must(store->save_holdings({{"berlin", two()}}));
  must(store->db().execute("UPDATE instance SET role='rules' WHERE name='a'"));
  EXPECT_EQ(core::holder(kept("berlin")), nullptr);
}

TEST_F(InstancesKept, ADeviceWithTwoAgentsIsSaidOfItsSite) {
  must(store->note_contacts({{"berlin", kNow}}, {kNow}));
  wire::DeviceReport device;
  device.device = DeviceId{"till-1"};
  device.status = "two_agents";
  report("berlin", {{1, 1, kNow, device}});
  const auto site = shown("berlin", kNow);
  EXPECT_EQ(site.reason, "two_agents");
  EXPECT_NE(site.sentence.find("till-1"), std::string::npos);
  EXPECT_NE(shown("lyon", kNow).reason, "two_agents");
  device.status = "idle";
  report("berlin", {{1, 2, kNow, device}});
  EXPECT_NE(shown("berlin", kNow).reason, "two_agents");
}

}  // namespace
}  // namespace dray::adapters

#include <gtest/gtest.h>

#include "sim/site/site_world.h"

namespace dray::sim {
namespace {

void expect_right(SiteWorld& site, const Result<>& ran) {
  ASSERT_TRUE(ran) << ran.error().message();
  EXPECT_EQ(site.wrong(), std::vector<std::string>{});
}

TEST(Site, APullUpdateEndsWithEveryDeviceUpdatedAndTheServerInformed) {
  SiteWorld site{1, {.delivery = core::Delivery::kPull}};
  expect_right(site, site.run());
}

TEST(Site, APushUpdateEndsWithEveryDeviceUpdatedAndTheServerInformed) {
  SiteWorld site{1, {.delivery = core::Delivery::kPush}};
  expect_right(site, site.run());
}

TEST(Site, TheSameSeedGivesTheSameRun) {
  const auto hash = [] {
    SiteWorld site{7, {}};
    expect_right(site, site.run());
    return site.world().trace_hash();
  };
  EXPECT_EQ(hash(), hash());
}

}  // namespace
}  // namespace dray::sim

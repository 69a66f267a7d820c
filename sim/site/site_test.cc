#include <gtest/gtest.h>

#include "sim/site/site_world.h"

namespace dray::sim {
namespace {

using namespace std::chrono_literals;

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

// Sees when devices are asked.
class Questions final : public Tap {
 public:
  explicit Questions(SiteWorld& site) : site_{site} { site.world().network().set_tap(*this); }
  std::vector<WallTime> at;

 private:
  void asked(const Exchange&, const HttpRequest&) override {}
  void answered(const Exchange&, const HttpResponse& response) override {
    const auto* text = std::get_if<std::string>(&response.body);
    if (text != nullptr && text->find("confirmationBase") != std::string::npos) at.push_back(site_.world().true_time());
  }
  void sent(const Exchange&, bool, std::uint64_t) override {}
  void arrived(const Exchange&, int) override {}
  SiteWorld& site_;
};

// A poll that had to wait for the disk is answered by the time at which it is answered, not by the time at which it came.
TEST(Site, ADiskThatIsFullUntilTheUpdateWindowIsOverAsksNobodyOutsideOfIt) {
  const WallTime first = SiteWorld::kPlannedAt, second = first + 1h;
  SiteWorld site{1, {.delivery = core::Delivery::kPush, .update = {{first, first + 2min}, {second, second + 2h}}}};
  Questions questions{site};
  const Duration until = first - site.world().true_time();
  site.world().after(until - 1s, [&] { site.gateway().disk().set_capacity(0); });
  site.world().after(until + 10min, [&] { site.gateway().disk().set_capacity(SimDisk::kNoLimit); });
  expect_right(site, site.run());
  ASSERT_FALSE(questions.at.empty());
  for (const WallTime when : questions.at)
    EXPECT_TRUE(when < first + 2min || when >= second) << to_rfc3339(when);
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

// Power loss at every write point of the gateway and of a device, one at a time, over a whole update.
//
// A failure prints its point. DRAY_SIM_POINT="pull gw 57 before" runs that one alone, with its trace.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <sstream>

#include "sim/site/site_world.h"

namespace dray::sim {
namespace {

constexpr std::uint64_t kPowerSeed = 20261124;
#ifdef DRAY_SANITIZED
constexpr std::uint64_t kStride = 23;  // a sample: each run costs tens of times more
#else
constexpr std::uint64_t kStride = 1;
#endif

struct Point {
  core::Delivery delivery = core::Delivery::kPull;
  std::string node;
  std::uint64_t op = 0;
  Power power = Power::kStays;
};

std::string to_string(const Point& point) {
  return std::string{point.delivery == core::Delivery::kPull ? "pull " : "push "} + point.node + " " +
         std::to_string(point.op) + (point.power == Power::kLostBefore ? " before" : " after");
}

std::optional<Point> point_of(const char* text) {
  if (text == nullptr) return {};
  std::istringstream in{text};
  std::string delivery, when;
  Point out;
  in >> delivery >> out.node >> out.op >> when;
  out.delivery = delivery == "push" ? core::Delivery::kPush : core::Delivery::kPull;
  out.power = when == "before" ? Power::kLostBefore : Power::kLostAfter;
  return out;
}

// False: the point was not reached.
bool site_with_cut(const Point& point, bool echo) {
  SCOPED_TRACE("replay with DRAY_SIM_POINT=\"" + to_string(point) + "\"");
  SiteWorld site{kPowerSeed, {.delivery = point.delivery, .echo = echo}};
  site.world().set_crash_options({.lose_all_unsynced = point.op % 2 == 0});
  bool reached = false;
  site.cut_at([&](Node& node, std::uint64_t n, const std::string& what) {
    if (n != point.op || node.name() != point.node) return Power::kStays;
    reached = true;
    site.world().trace().note(site.world().now(), node.name(), "the power goes at \"" + what + "\"");
    return point.power;
  });
  const auto ran = site.run();
  EXPECT_TRUE(ran) << ran.error().message();
  if (ran) {
    EXPECT_EQ(site.wrong(), std::vector<std::string>{}) << site.world().trace().tail();
  }
  return reached;
}

std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> write_points(core::Delivery delivery) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> out;
  SiteWorld site{kPowerSeed, {.delivery = delivery}};
  site.cut_at([&](Node& node, std::uint64_t n, const std::string&) {
    auto& [first, last] = out.try_emplace(node.name(), n, n).first->second;
    last = n;
    return Power::kStays;
  });
  EXPECT_TRUE(site.run());
  return out;
}

void cut_everywhere(core::Delivery delivery) {
  std::uint64_t runs = 0;
  for (const auto& [node, range] : write_points(delivery))
    for (std::uint64_t op = range.first; op <= range.second; op += kStride)
      for (const Power power : {Power::kLostBefore, Power::kLostAfter}) {
        EXPECT_TRUE(site_with_cut({delivery, node, op, power}, false)) << "not reached: " << node << " " << op;
        ++runs;
        if (testing::Test::HasFailure()) FAIL() << "after " << runs << " runs";
      }
  std::cout << runs << " points\n";
}

TEST(SitePower, LossAtAnyWritePointOfAPullUpdateLeavesEveryDeviceUpdated) {
  if (const auto point = point_of(std::getenv("DRAY_SIM_POINT"))) {
    site_with_cut(*point, true);
    return;
  }
  cut_everywhere(core::Delivery::kPull);
}

TEST(SitePower, LossAtAnyWritePointOfAPushUpdateLeavesEveryDeviceUpdated) {
  if (std::getenv("DRAY_SIM_POINT") != nullptr) GTEST_SKIP() << "a single point is replayed";
  cut_everywhere(core::Delivery::kPush);
}

}  // namespace
}  // namespace dray::sim

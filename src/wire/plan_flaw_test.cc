#include "wire/plan_flaw.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace dray::wire {
namespace {

core::Plan whole_plan() {
  core::Plan plan;
  plan.revision = 7;
  plan.site = SiteId{"berlin"};
  plan.devices = {{DeviceId{"till-1"}, "till", std::string(64, '0'), {}}, {DeviceId{"till-2"}, "till", std::string(64, '0'), {}}};
  core::DeviceType type;
  type.name = "till";
  plan.device_types = {type};
  plan.artifacts = {{sha256_of(as_bytes("x")), std::string(40, '1'), std::string(32, '2'), 10, "image", "image.img", "os", "2", 1}};
  core::Assignment a;
  a.id = AssignmentId{"r1-berlin"};
  a.jobs = {{JobId{"r1-till-1"}, DeviceId{"till-1"}, {{sha256_of(as_bytes("x"))}}}};
  plan.assignments = {a};
  return plan;
}

std::string flaw_after(void (*damage)(core::Plan&)) {
  core::Plan plan = whole_plan();
  damage(plan);
  const std::string flaw = plan_flaw({plan, WallTime{}, {}}).value_or("");
  EXPECT_TRUE(is_utf8(flaw)) << flaw;
  return flaw;
}

TEST(PlanFlaw, NoneWhereAGatewayTakesIt) { EXPECT_FALSE(plan_flaw({whole_plan(), WallTime{}, {}})); }

TEST(PlanFlaw, NamesTheMemberAndWhoseItIs) {
  const std::string sha = sha256_of(as_bytes("x")).hex();
  EXPECT_EQ(flaw_after([](core::Plan& p) { p.artifacts[0].name = "K\xf6ln"; }),
            "artifacts[0].name: is no UTF-8 (artifact " + sha + ")");
  EXPECT_EQ(flaw_after([](core::Plan& p) { p.artifacts[0].sha1 += '1'; }),
            "artifacts[0].sha1: is longer than 40 bytes (artifact " + sha + ")");
  EXPECT_EQ(flaw_after([](core::Plan& p) { p.devices[1].token_sha256 = "\xff"; }),
            "devices[1].token_sha256: is no UTF-8 (device till-2)");
  EXPECT_EQ(flaw_after([](core::Plan& p) { p.device_types[0].probe = std::string(2000, 'x'); }),
            "device_types[0].probe: is longer than 1024 bytes (device_type till)");
  EXPECT_EQ(flaw_after([](core::Plan& p) { p.assignments[0].jobs[0].device = DeviceId{std::string(300, 'x')}; }),
            "assignments[0].jobs[0].device: is longer than 256 bytes (job r1-till-1)");
  EXPECT_EQ(flaw_after([](core::Plan& p) { p.time_zone = "\xff"; }), "time_zone: is no UTF-8");
}

}  // namespace
}  // namespace dray::wire

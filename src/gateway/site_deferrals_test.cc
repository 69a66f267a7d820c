// What was put off at the site outlives its gateway (M9).
#include <gtest/gtest.h>

#include "gateway/testing/gateway_test_rig.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;

class SiteDeferralTest : public testing_world::GatewayTest {
 protected:
  core::Deferral told(const std::string& id, const std::string& device = "") {
    return {id, DeviceId{device}, {}, wall() + 2h, "technician", "stocktaking"};
  }
  std::size_t reported(const std::string& id, bool withdrawn) {
    return static_cast<std::size_t>(std::count_if(server.reports.begin(), server.reports.end(), [&](const wire::Report& r) {
      const auto* d = std::get_if<wire::DeferralReport>(&r.body);
      return d != nullptr && d->deferral.id == id && d->withdrawn == withdrawn;
    }));
  }
  bool has_plan() {
    return until([&] { return !gateway().site().plan_etag().empty(); });
  }
};

TEST_F(SiteDeferralTest, M9_ANewGatewayHeedsWhatWasPutOffAtItsSite) {
  one_artifact(2);
  server.plan.site_deferrals = {told("l9", "dev-1"), {"l8", DeviceId{"dev-2"}, {}, wall() - 1s, "", "over"}};
  start();
  wait_link("deploymentBase", "dev-2");
  EXPECT_EQ(link("deploymentBase", "dev-1"), "");
  EXPECT_EQ(gateway().site().describe(*gateway().site().find_job(JobId{"r1-dev-1"})).reason, "deferred_by_operator");
  EXPECT_TRUE(until([&] { return reported("l9", false) == 1; }));
  EXPECT_EQ(reported("l8", false), 0U) << "over";
  restart();
  EXPECT_EQ(gateway().site().local_deferrals().size(), 1U) << "it is its own now";
}

TEST_F(SiteDeferralTest, WhatWasWithdrawnHereDoesNotComeBack) {
  one_artifact(1);
  server.plan.site_deferrals = {told("l9")};
  start();
  ASSERT_TRUE(has_plan());
  ASSERT_TRUE(until([&] { return gateway().site().local_deferrals().contains("l9"); }));
  EXPECT_EQ(local(Method::kDelete, "/api/v1/deferrals/l9").status, 204);
  server.publish();  // and the server has not heard of it yet
  wait_link("deploymentBase");
  restart();
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().plan().plan().revision == server.plan.revision; }));
  EXPECT_TRUE(gateway().site().local_deferrals().empty());
  EXPECT_EQ(reported("l9", true), 1U);
}

TEST_F(SiteDeferralTest, AGatewayThatKnowsItsOwnTakesNone) {
  one_artifact(1);
  start();
  ASSERT_TRUE(has_plan());
  gateway().site().add_deferral(told("l1"));
  server.plan.site_deferrals = {told("l9")};
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().plan().plan().revision == server.plan.revision; }));
  EXPECT_EQ(gateway().site().local_deferrals().size(), 1U);
  EXPECT_TRUE(gateway().site().local_deferrals().contains("l1"));
}

}  // namespace
}  // namespace dray::gateway

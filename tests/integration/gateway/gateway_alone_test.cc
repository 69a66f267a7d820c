// The gateway's part of every claim, by the program alone: dray-gateway as a process, a scripted server that is not
// dray-server, and devices that are not dray-agent (docs/spec.md, claims 20 to 78).
#include <gtest/gtest.h>

#include "support/built.h"
#include "support/gateway_site.h"

namespace dray::testing_support {
namespace {

using namespace std::chrono_literals;

class GatewayAlone : public testing::Test, protected GatewaySite {};

TEST_F(GatewayAlone, M1_M2_StoresOnceAndForwardsToEach) {
  const std::string bytes = firmware(2 << 20);
  devices(6);
  const auto os = artifact(bytes);
  for (int i = 1; i <= 6; ++i) order("dev-" + std::to_string(i), {{os.sha256}});
  publish();
  start();
  for (int i = 1; i <= 6; ++i) {
    const DdiDevice d = device("dev-" + std::to_string(i));
    std::string action;
    EXPECT_TRUE(d.receive(action) == bytes);
    EXPECT_EQ(d.feedback(action, "closed", "success"), 200);
  }
  for (int i = 1; i <= 6; ++i) EXPECT_TRUE(server_.wait_for_job("r1-dev-" + std::to_string(i), "succeeded"));
  EXPECT_EQ(server_.artifact_bytes(), bytes.size());
  EXPECT_EQ(gateway_->wan_bytes(), bytes.size());
  EXPECT_EQ(gateway_->lan_bytes(), 6 * bytes.size());
}

TEST_F(GatewayAlone, M3_EachDeviceGetsWhatFitsAndNothingElse) {
  devices(3);
  plan_.device_types.push_back({.name = "sensor", .components = {"fw"}, .order = {{"fw"}}});
  plan_.devices[1].type = "sensor";
  const auto os = artifact(firmware(1000)), app = artifact(firmware(2000), "app"), fw = artifact(firmware(3000), "fw");
  order("dev-1", {{os.sha256, app.sha256}});
  order("dev-2", {{fw.sha256}});
  order("dev-3", {{fw.sha256}});  // a board has no component fw
  publish();
  start();
  EXPECT_TRUE(server_.wait_for_job("r1-dev-3", "incompatible"));
  EXPECT_EQ(device("dev-1").downloads(device("dev-1").wait_for("deploymentBase")).size(), 2u) << "together";
  const auto sensor = device("dev-2").downloads(device("dev-2").wait_for("deploymentBase"));
  ASSERT_EQ(sensor.size(), 1u);
  EXPECT_EQ(device("dev-2").fetch(sensor[0]).body.size(), 3000u);
  EXPECT_EQ(device("dev-3").fetch(sensor[0]).status, 401) << "another device's link";
  EXPECT_FALSE(device("dev-3").shows("deploymentBase"));
}

TEST_F(GatewayAlone, M4_UpdatesAtTheStoredTimeAlsoAfterAPowerCut) {
  devices(1);
  const auto os = artifact(firmware(100'000));
  order("dev-1", {{os.sha256}});
  assignment().planned_at = now() + 3s;
  publish();
  start();
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "scheduled"));
  EXPECT_EQ(server_.artifact_bytes(), 0u);
  EXPECT_FALSE(device("dev-1").shows("deploymentBase"));
  kill_and_start_gateway();
  std::string action;
  EXPECT_EQ(device("dev-1").receive(action).size(), 100'000u);
  EXPECT_GE(now(), assignment().planned_at);
}

TEST_F(GatewayAlone, M10_TransmitsWhenTheServerSaysAndInstallsWithTheWanDown) {
  devices(1);
  const std::string bytes = firmware(300'000);
  const auto os = artifact(bytes);
  order("dev-1", {{os.sha256}});
  assignment().delivery = core::Delivery::kPush;
  assignment().fetch = core::Fetch::kHold;
  assignment().planned_at = now() + 6s;
  publish();
  RelayProcess wan{server_.url().substr(7), {}};
  start(wan.url());
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "scheduled"));
  EXPECT_EQ(server_.artifact_bytes(), 0u);
  assignment().fetch = core::Fetch::kNow;
  publish();
  EXPECT_TRUE(eventually([&] { return gateway_->wan_bytes() == bytes.size(); }));
  wan.order("drop");
  std::string action;
  EXPECT_TRUE(device("dev-1").receive(action) == bytes);
  EXPECT_EQ(device("dev-1").feedback(action, "closed", "success"), 200);
  gateway_->kill();  // what it knows waits on its disk
  gateway_->start();
  EXPECT_NE(server_.job("r1-dev-1")->state, core::JobState::kSucceeded);
  wan.order("heal");
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "succeeded"));
}

TEST_F(GatewayAlone, M16_GoesOnWhereItWasAfterBrokenLinesAndKills) {
  devices(1);
  const std::string bytes = firmware(48 << 20);
  const auto os = artifact(bytes);
  order("dev-1", {{os.sha256}});
  publish();
  RelayProcess wan{server_.url().substr(7), {"--cut-after", "12000000", "--cuts", "1"}};
  start(wan.url());
  EXPECT_TRUE(eventually([&] { return wan.bytes_down() > 24'000'000; }));
  kill_and_start_gateway();
  std::string action;
  EXPECT_TRUE(device("dev-1").receive(action) == bytes);
  // A 16th, or 8 MiB, is what a kill may cost; a cut what was in flight.
  EXPECT_LT(wan.bytes_down(), bytes.size() + (14 << 20));
}

TEST_F(GatewayAlone, M16_ADeviceResumesOverAKillOfTheGateway) {
  devices(1);
  const std::string bytes = firmware(32 << 20);  // more than the buffers of a connection hold
  const auto os = artifact(bytes);
  order("dev-1", {{os.sha256}});
  publish();
  start();
  const DdiDevice d = device("dev-1");
  const std::string action = d.wait_for("deploymentBase");
  const auto links = d.downloads(action);
  const std::string first = d.fetch(links.at(0), 0, 1'000'000).body;
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "downloading"));
  kill_and_start_gateway();
  EXPECT_EQ(d.wait_for("deploymentBase"), action) << "the same attempt";
  const HttpAnswer rest = d.fetch(links.at(0), first.size());
  EXPECT_EQ(rest.status, 206);
  EXPECT_TRUE(first + rest.body == bytes);
  EXPECT_EQ(d.feedback(action, "closed", "success"), 200);
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "succeeded"));
  EXPECT_EQ(server_.job("r1-dev-1")->attempt, 1);
}

TEST_F(GatewayAlone, M16_M17_RepeatsUntilThePowerOnReport) {
  ends_on_power_on();
  devices(1);
  const auto os = artifact(firmware(50'000));
  order("dev-1", {{os.sha256}});
  publish();
  start();
  const DdiDevice d = device("dev-1");
  ASSERT_NE(d.wait_for("deploymentBase"), "");
  d.report_power_on("boot-1", "os", "1");
  std::string first, second;
  d.receive(first);
  EXPECT_EQ(d.feedback(first, "closed", "failure"), 200);
  d.receive(second);
  EXPECT_NE(first, second) << "each attempt has an action of its own";
  EXPECT_EQ(d.feedback(second, "closed", "success"), 200);
  d.report_power_on("boot-2", "os", "1");  // rolled back
  std::string third;
  d.receive(third);
  EXPECT_EQ(d.feedback(third, "closed", "success"), 200);
  d.report_power_on("boot-3", "os", "2");
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "succeeded"));
  EXPECT_EQ(server_.job("r1-dev-1")->attempt, 3);
  EXPECT_EQ(server_.device("dev-1")->running.at("os").version, "2");
  EXPECT_EQ(server_.artifact_bytes(), 50'000u);
}

TEST_F(GatewayAlone, M5_M11_MeasuresAndReportsBothRatesOfTheLines) {
  devices(1);
  const auto os = artifact(firmware(8'000'000));  // 4 MB of it go into a buffer of the kernel at once
  order("dev-1", {{os.sha256}});
  server_.publish(plan_);
  RelayProcess wan{server_.url().substr(7), {"--rate", "4 MB/s"}};
  start(wan.url());
  const auto told = [&](const std::string& link) -> std::optional<wire::RateReport> {
    for (const wire::Report& report : server_.reports())
      if (const auto* rate = std::get_if<wire::RateReport>(&report.body); rate != nullptr && rate->link == link) return *rate;
    return {};
  };
  ASSERT_TRUE(server_.wait_until([&] { return told("wan").has_value(); }));
  EXPECT_NEAR(static_cast<double>(told("wan")->rate), 4e6, 0.6e6);
  EXPECT_FALSE(told("wan")->capped);
  RelayProcess lan{gateway_->device_address(), {"--rate", "3 MB/s"}};
  std::string action;
  EXPECT_EQ(DdiDevice(lan.url(), "dev-1").receive(action).size(), 8'000'000u);
  ASSERT_TRUE(server_.wait_until([&] { return told("lan").has_value(); }));
  EXPECT_NEAR(static_cast<double>(told("lan")->rate), 3e6, 0.45e6);
  EXPECT_EQ(told("lan")->device.value(), "dev-1");
  gateway_->kill();
  gateway_->start();
  ASSERT_TRUE(eventually([&] { return http("GET", gateway_->local_url() + "/readyz").status == 200; }));
  const auto rates = http("GET", gateway_->local_url() + "/api/v1/status").json().at("rates");
  EXPECT_EQ(rates.at("wan").at("rate").as_int64(), static_cast<std::int64_t>(told("wan")->rate));
  EXPECT_FALSE(rates.at("devices").at("dev-1").at("assumed").as_bool());
}

TEST_F(GatewayAlone, AServerWithoutCapacityIsNoAttempt) {
  devices(1);
  const auto os = artifact(firmware(50'000));
  order("dev-1", {{os.sha256}});
  server_.refuse_artifacts(503, 2);
  publish();
  start();
  std::string action;
  device("dev-1").receive(action);
  EXPECT_EQ(device("dev-1").feedback(action, "closed", "success"), 200);
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "succeeded"));
  EXPECT_EQ(server_.job("r1-dev-1")->attempt, 1);
}

TEST_F(GatewayAlone, M19_TheSiteCancelsAndIsToldWhenItIsTooLate) {
  devices(2);
  const auto os = artifact(firmware(50'000));
  order("dev-1", {{os.sha256}});
  order("dev-2", {{os.sha256}});
  publish();
  start();
  const auto cancel = [&](const std::string& job) {
    return http("POST", gateway_->local_url() + "/api/v1/jobs/" + job + "/cancel", {{"Content-Type", "application/json"}}, R"({"by":"ines","why":"stock"})").status;
  };
  const DdiDevice one = device("dev-1"), two = device("dev-2");
  const std::string action = one.wait_for("deploymentBase");
  EXPECT_EQ(one.feedback(action, "proceeding", "none"), 200);
  EXPECT_EQ(cancel("r1-dev-1"), 200);
  EXPECT_EQ(one.wait_for("cancelAction"), action);
  EXPECT_EQ(one.post("/cancelAction/" + action + "/feedback", R"({"status":{"execution":"closed","result":{"finished":"success"}}})").status, 200);
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "cancelled"));
  std::string last;
  two.receive(last);
  EXPECT_EQ(two.feedback(last, "proceeding", "none", R"(,"dray":{"phase":"switching"})"), 200);
  EXPECT_EQ(cancel("r1-dev-2"), 409);
  EXPECT_EQ(cancel("none"), 404);
  EXPECT_EQ(two.feedback(last, "closed", "success"), 200);
  EXPECT_TRUE(server_.wait_for_job("r1-dev-2", "succeeded"));
}

TEST_F(GatewayAlone, M9_TheSiteDefersAndWithdrawsAndIsRefusedPastTheExpiry) {
  devices(1);
  const auto os = artifact(firmware(1000));
  order("dev-1", {{os.sha256}});
  assignment().planned_at = now() + 30min;
  publish();
  start();
  EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "scheduled"));
  const HttpAnswer refused = defer(now() + 2h);
  EXPECT_EQ(refused.status, 409);
  EXPECT_TRUE(refused.json().as_object().contains("latest_possible"));
  EXPECT_EQ(defer(now() + 2h, R"(,"accept_expiry":true)").status, 201);
  const WallTime until = now() + 45min;
  const HttpAnswer made = defer(until);
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(defer(until, R"(,"nonsense":1)").status, 400);
  kill_and_start_gateway();
  ASSERT_TRUE(eventually([&] { return http("GET", gateway_->local_url() + "/readyz").status == 200; }));
  EXPECT_TRUE(eventually([&] { return server_.job("r1-dev-1")->update_at > until; }));
  const std::string id{made.json().at("id").as_string()};
  const std::string deferrals = gateway_->local_url() + "/api/v1/deferrals/";
  EXPECT_EQ(http("DELETE", deferrals + id).status, 204);
  EXPECT_EQ(http("DELETE", deferrals + id).status, 404);
}

TEST_F(GatewayAlone, ItsOwnApiTellsHowItIs) {
  publish();
  start();
  EXPECT_EQ(http("GET", gateway_->local_url() + "/healthz").status, 200);
  EXPECT_TRUE(eventually([&] { return http("GET", gateway_->local_url() + "/readyz").status == 200; }));
  EXPECT_EQ(http("GET", gateway_->local_url() + "/api/v1/none").status, 404);
  EXPECT_EQ(http("GET", gateway_->device_url() + "/api/v1/status").status, 404) << "not at the devices' door";
  EXPECT_TRUE(eventually([&] { return http("GET", gateway_->local_url() + "/api/v1/status").json().at("site") == "berlin"; }));
}

TEST_F(GatewayAlone, DevicesThatAreOffHoldUpNobody) {
  extra_ = "[devices]\npoll_s = 300\n";  // an unused link is withdrawn long after this test
  const std::string bytes = firmware(10'000);
  devices(12);
  plan_.limits.concurrency = 3;
  const auto os = artifact(bytes);
  for (int i = 1; i <= 12; ++i) order("dev-" + std::to_string(i), {{os.sha256}});
  publish();
  start();
  for (const std::string on : {"dev-5", "dev-4", "dev-9"}) {
    std::string action;
    EXPECT_TRUE(device(on).receive(action) == bytes);
    EXPECT_EQ(device(on).feedback(action, "closed", "success"), 200);
    EXPECT_TRUE(server_.wait_for_job("r1-" + on, "succeeded"));
  }
}

TEST_F(GatewayAlone, ASecondOneOnTheSameDataIsRefused) {
  server_.publish(plan_);
  start();
  Process second{{built("dray-gateway"), "--config", folder_ / "gateway/gateway.toml"}};
  EXPECT_EQ(second.wait(), 1);
  EXPECT_NE(second.output().find("in use by another process (" + std::to_string(gateway_->process().pid()) + ")"), std::string::npos)
      << second.output();
  EXPECT_EQ(http("GET", gateway_->local_url() + "/healthz").status, 200) << "the first goes on";
}

TEST_F(GatewayAlone, EndsCleanlyOnSigterm) {
  devices(1);
  publish();
  start();
  device("dev-1").get("");
  gateway_->process().signal(SIGTERM);
  const auto status = gateway_->process().wait(20s);
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, 0);
}

}  // namespace
}  // namespace dray::testing_support

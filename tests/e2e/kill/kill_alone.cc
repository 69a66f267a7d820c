// What dray-agent does not bring about: a device that closes its order before it restarts, and a plan that no
// longer fits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "e2e/kill/kill_run.h"
#include "support/ddi_device.h"
#include "support/gateway_process.h"
#include "support/plan_server.h"

namespace dray::e2e {
namespace {

using namespace std::chrono_literals;
using testing_support::DdiDevice;
using testing_support::GatewayProcess;
using testing_support::PlanServer;

class Alone {
 public:
  explicit Alone(const Case& c) : trap_{c}, case_{c} {
    plan_.site = SiteId{"berlin"};
    plan_.action_ids = {{1101, 1'001'100}};
    plan_.device_types = {{.name = "board",
                           .components = {"os"},
                           .order = {{"os"}},
                           .ends_on = core::EndsOn::kPowerOn,
                           .power_on_within = 30s}};
    plan_.devices = {
        {.name = DeviceId{"dev-1"}, .type = "board", .token_sha256 = sha256_of(as_bytes("tok-dev-1")).hex()}};
    plan_.artifacts = {server_.add_artifact(std::string(300'000, 'n'), "os.img", "os", "2"),
                       server_.add_artifact("of another type", "app.img", "app", "2")};
    plan_.assignments = {{.id = AssignmentId{"r1"},
                          .rollout = RolloutId{"r1"},
                          .planned_at = now(),
                          .expires_at = now() + 1h}};
  }

  void play() { case_.way == Way::kForeign ? restarting() : misfit(); }

 private:
  static WallTime now() { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }
  DdiDevice device() const { return {gateway_.device_url(), "dev-1"}; }

  void order(std::size_t artifact) {
    plan_.assignments[0].jobs = {
        {JobId{"r1-dev-1"}, DeviceId{"dev-1"}, {{plan_.artifacts[artifact].sha256}}}};
    server_.publish(plan_);
  }
  void after_the_kill() {
    ASSERT_TRUE(gateway_.process().wait(60s).has_value()) << "no cue:\n" << gateway_.process().output();
    EXPECT_EQ(trap_.kills(), 1u);
    gateway_.start();
    wait_until_ready();
  }
  void wait_until_ready() {
    while (testing_support::http("GET", gateway_.local_url() + "/readyz").status != 200) {
    }
  }

  void restarting() {
    trap_.arm();
    order(0);
    ASSERT_NE(device().wait_for("deploymentBase"), "");
    device().report_power_on("boot-1", "os", "1");
    std::string action;
    EXPECT_EQ(device().receive(action).size(), 300'000u);
    bool answered = false;
    try {
      answered = device().feedback(action, "closed", "success") == 200;
    } catch (const std::runtime_error&) {  // killed before it could answer
    }
    after_the_kill();
    if (!answered) {  // a device repeats it; 410: it was saved, only the answer was lost
      EXPECT_THAT(device().feedback(action, "closed", "success"), testing::AnyOf(200, 410));
    }
    device().report_power_on("boot-2", "os", "2");
    EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "succeeded"));
    EXPECT_EQ(server_.job("r1-dev-1")->attempt, 1);
    EXPECT_EQ(server_.artifact_bytes(), 300'000u);
  }

  void misfit() {
    plan_.assignments[0].planned_at = now() + 1h;
    order(0);
    ASSERT_TRUE(server_.wait_for_job("r1-dev-1", "scheduled"));
    trap_.arm();
    plan_.assignments[0].planned_at = now();
    order(1);
    after_the_kill();
    EXPECT_TRUE(server_.wait_for_job("r1-dev-1", "incompatible"));
    EXPECT_FALSE(device().shows("deploymentBase"));
    EXPECT_EQ(server_.artifact_bytes(), 0u);
  }

  Trap trap_;
  const Case& case_;
  testing_support::TempFolder folder_;
  PlanServer server_{"gateway-token"};
  core::Plan plan_;
  GatewayProcess gateway_{folder_ / "gateway", server_.url(), "gateway-token", "",
                          trap_.watch(Who::kGateway)};
};

}  // namespace

void play_gateway_alone(const Case& c) {
  Alone alone{c};
  alone.play();
}

}  // namespace dray::e2e

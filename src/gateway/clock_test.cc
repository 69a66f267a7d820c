// The gateway's clock, corrected by its server in the middle of everything: what was planned comes at its instant.
#include "gateway/testing/gateway_test_rig.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::GatewayTest;

class CorrectedClock : public GatewayTest {
 protected:
  // Starts anew after so long, with a clock that is this far behind, while the server can't be heard; then it is heard. The
  // clock is not known to be wrong: it is later than the time that was known last.
  void restart_behind(Duration off, Duration behind) {
    stop();
    clock.leap += off;
    clock.error = -behind;
    server.garbage = "<html>log in</html>";
    start();
    const std::size_t asked = asked_for("plan");
    EXPECT_TRUE(until([&] { return asked_for("plan") > asked + 2; }));
    EXPECT_TRUE(gateway().site().time().known());
    EXPECT_GT(wall() - gateway().site().now(), behind / 2);
    server.garbage.reset();
    EXPECT_TRUE(until([&] { return gateway().site().time().contact(); }));
    EXPECT_LT(std::chrono::abs(gateway().site().now() - wall()), 3s);
  }
};

// It would have been shown ten minutes longer, and a device that agreed would have been sent its bytes.
TEST_F(CorrectedClock, AnUpdateExpiresAtItsInstantThoughItWasPlannedByAClockThatWasBehind) {
  one_artifact(1, 1 << 20, core::Ask::kConfirmation, core::EndsOn::kPowerOn);
  server.plan.assignments[0].expires_at = wall() + 30min;
  start();
  const std::string id = wait_link("confirmationBase");
  restart_behind(20min, 10min);
  EXPECT_EQ(wait_link("confirmationBase"), id);
  clock.leap += 11min;
  EXPECT_TRUE(until_state("r1-dev-1", "expired"));
  EXPECT_EQ(link("confirmationBase"), "");
  EXPECT_EQ(get(file_path()).status, 404);
}

TEST_F(CorrectedClock, AnUpdateBeginsAtItsInstantThoughItWasPlannedByAClockThatWasBehind) {
  one_artifact(1);
  server.plan.assignments[0].planned_at = wall() + 30min;
  start();
  EXPECT_TRUE(until_state("r1-dev-1", "scheduled"));
  restart_behind(20min, 10min);
  EXPECT_EQ(asked_for("artifacts/"), 0U);
  clock.leap += 11min;
  EXPECT_TRUE(until([&] { return asked_for("artifacts/") == 1; }));
  EXPECT_NE(wait_link("deploymentBase"), "");
}

// What nobody could hear is no silence: of the twenty minutes none, whatever the clock said when it started.
TEST_F(CorrectedClock, ADeviceHasTimeForACallBehindAnOutageThoughTheGatewayStartedByAClockThatWasBehind) {
  one_artifact(1, 1 << 16, core::Ask::kConfirmation, core::EndsOn::kPowerOn);
  settings.poll_sleep = 300s;
  start();
  power_on("1.0", "boot-1");
  const std::string id = receive_with_confirmation();
  EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("closed", "success")).status, 200);
  EXPECT_TRUE(until_state("r1-dev-1", "rebooting"));
  restart_behind(20min, 10min);
  const auto job = [&] { return *gateway().site().find_job(JobId{"r1-dev-1"}); };
  EXPECT_EQ(job().attempt, 1);
  const auto until_then = gateway().site().describe(job()).until;
  ASSERT_TRUE(until_then);
  EXPECT_GT(*until_then - gateway().site().now(), 5min) << "a poll interval and a fifth";
  EXPECT_LE(*until_then - gateway().site().now(), 6min);
  clock.leap += 7min;
  EXPECT_TRUE(until([&] { return job().attempt == 2; }));
}

// A server whose clock was a month ahead for a moment has told so; what the gateway keeps of it must not outlive that.
TEST_F(CorrectedClock, WhatItKeepsOfAServerThatWasAMonthAheadFollowsItDown) {
  plan_for(1);
  const auto heard_again = [this] {
    const std::size_t asked = asked_for("plan");
    clock.leap += 56s;  // the call that is held ends, and the next one
    EXPECT_TRUE(until([&] { return asked_for("plan") > asked; }));
  };
  start();
  EXPECT_TRUE(until([&] { return gateway().site().time().contact(); }));
  clock.leap += 30 * 24h;
  heard_again();
  heard_again();
  stop();
  clock.leap -= 30 * 24h;
  start();
  EXPECT_TRUE(until([&] { return gateway().site().time().contact(); }));
  EXPECT_GT(gateway().site().now() - wall(), 29 * 24h) << "one word alone may be an old answer";
  heard_again();
  heard_again();
  EXPECT_LT(std::chrono::abs(gateway().site().now() - wall()), 3s);
  stop();
  server.garbage = "<html>log in</html>";
  start();
  EXPECT_TRUE(gateway().site().time().known()) << "what is kept has gone down, too";
  EXPECT_LT(std::chrono::abs(gateway().site().now() - wall()), 3s);
}

}  // namespace
}  // namespace dray::gateway

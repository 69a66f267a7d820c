// Whether a device may be updated now, as the device sees it (M6, M7, M8, M19): the agent whole, in a
// simulated world.
#include "agent/agent_world_testing.h"

namespace dray::agent {
namespace {

using namespace std::chrono_literals;
using namespace testing;  // NOLINT(google-build-using-namespace): the rig is what this file is about

TEST_F(AgentTest, AnswersBusyWhileItsBusyFileIsThereAndReadyAfterwards) {
  set_up();
  ASSERT_TRUE(replace_file(device.disk(), "busy", "retry_after=30\nsale in progress\n"));
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 1min));
  EXPECT_EQ(
      server.confirmations[0],
      R"({"confirmation":"denied","details":["sale in progress"],"dray":{"answer":"busy","retry_after":30,"why":"sale in progress"}})");
  EXPECT_EQ(server.artifact_bytes, 0U);
  ASSERT_TRUE(device.disk().unlink("busy"));
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
  EXPECT_EQ(server.confirmations.back(), R"({"confirmation":"confirmed"})");
}

// M5, M11: a probe is no update, and yet it is the device that decides.
TEST_F(AgentTest, MeasuresItsLinkWhereItsGatewayAsksAndNotWhileItIsBusy) {
  set_up();
  world.network().link("gw", "dev").rate = BytesPerSecond{100'000};
  ASSERT_TRUE(replace_file(device.disk(), "busy", "sale in progress\n"));
  server.probes = true;
  device.power_on();
  ASSERT_TRUE(world.run_for(20min));
  EXPECT_TRUE(server.probed.empty());
  ASSERT_TRUE(device.disk().unlink("busy"));
  ASSERT_TRUE(world.run_until([&] { return !server.probed.empty(); }, 15min));
  const auto said = wire::parse_json(server.probed[0]);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->at("bytes").as_int64(), 65'536) << "that took long enough";
  EXPECT_NEAR(static_cast<double>(said->at("ms").as_int64()), 655.0, 60.0);
}

// It must be found when its update time comes.
TEST_F(AgentTest, MeasuresASlowLinkForTenSecondsAtMost) {
  set_up();
  world.network().link("gw", "dev").rate = BytesPerSecond{2'000};
  server.probes = true;
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return !server.probed.empty(); }, 10min));
  const auto said = wire::parse_json(server.probed[0]);
  ASSERT_TRUE(said);
  const double bytes = static_cast<double>(said->at("bytes").as_int64());
  const double ms = static_cast<double>(said->at("ms").as_int64());
  EXPECT_NEAR(ms, 10'000, 500);
  EXPECT_NEAR(bytes / ms, 2.0, 0.2) << "what came by then says enough";
}

TEST_F(AgentTest, MeasuresNothingWhereItsOperatorSaysWhen) {
  set_up();
  settings.asks_operator = true;
  server.probes = true;
  device.power_on();
  ASSERT_TRUE(world.run_for(1h));
  EXPECT_TRUE(server.probed.empty());
}

// M7
TEST_F(AgentTest, RunsItsOwnDefermentSilentlyWhileItIsBusyAndConfirmsAfterwards) {
  set_up();
  settings.waits_while_busy = true;
  ASSERT_TRUE(replace_file(device.disk(), "busy", "sale in progress\n"));
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "waiting"; }, 1min));
  ASSERT_TRUE(world.run_for(20min));
  EXPECT_TRUE(server.confirmations.empty());
  EXPECT_EQ(server.artifact_bytes, 0U);
  ASSERT_TRUE(device.disk().unlink("busy"));
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
  EXPECT_EQ(server.confirmations.size(), 1U);
  EXPECT_TRUE(confirmed());
}

// M7: ten minutes of being powered, whenever it restarts in between; a countdown is saved once a minute.
TEST_F(AgentTest, ADefermentSurvivesItsRestartWithWhatIsLeftOfIt) {
  set_up();
  settings.waits_while_busy = true;
  settings.busy_check = "in-use";
  probe.next = {true, 600s, "a job is running"};
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "waiting"; }, 1min));
  const auto began = world.now();
  probe.next = {};
  ASSERT_TRUE(world.run_for(6min));
  device.power_off();  // and on again a second later
  ASSERT_TRUE(world.run_for(10s));
  EXPECT_EQ(phase(), "waiting");
  ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 10min));
  EXPECT_TRUE(confirmed());
  EXPECT_GE(world.now() - began, 10min);
  EXPECT_LE(world.now() - began, 11min + 10s);
  EXPECT_EQ(probe.asked, 2);
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
}

TEST_F(AgentTest, ABusyCommandSaysBusyAtOnceWhereTheDeviceDoesNotWaitSilently) {
  set_up();
  settings.busy_check = "in-use";
  probe.next = {true, 45s, "a job is running"};
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 1min));
  EXPECT_EQ(
      server.confirmations[0],
      R"({"confirmation":"denied","details":["a job is running"],"dray":{"answer":"busy","retry_after":45,"why":"a job is running"}})");
  probe.next = {};
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
}

// M7, M13
TEST_F(AgentTest, IsNotUpdatedInItsProhibitedHours) {
  set_up();
  settings.prohibited = {*core::parse_hours("daily 23:00-00:30")};  // the world begins at midnight
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_for(25min));
  EXPECT_EQ(phase(), "waiting");
  EXPECT_TRUE(server.confirmations.empty());
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
  EXPECT_EQ(server.confirmations.size(), 1U);
}

TEST_F(AgentTest, ProhibitedHoursOfAWholeWeekNeverEndAndAreSaidSo) {
  set_up();
  settings.prohibited = {*core::parse_hours("daily 00:00-24:00")};
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "waiting"; }, 5min));
  const std::string status = local(R"({"command":"status"})");
  EXPECT_NE(status.find("never end"), std::string::npos) << status;
  EXPECT_EQ(status.find("168 h"), std::string::npos) << status;
}

TEST_F(AgentTest, SaysThatAnUpdateWasPutOffAndWhoCanCancelIt) {
  set_up();
  ASSERT_TRUE(replace_file(device.disk(), "busy", "till is in use"));
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 5min));
  server.withdraw();  // until it asks again
  ASSERT_TRUE(world.run_for(1min));
  const std::string status = local(R"({"command":"status"})");
  EXPECT_NE(status.find("An update was put off"), std::string::npos) << status;
  EXPECT_NE(status.find("till is in use"), std::string::npos) << status;
  const std::string cancel = local(R"({"command":"cancel"})");
  EXPECT_NE(cancel.find("drayctl --gateway URL"), std::string::npos) << "between two attempts it is the gateway's: " << cancel;
}

// While the device makes up its mind it polls on, and what comes back late shows the question again.
TEST_F(AgentTest, AnswersAQuestionOnceHoweverOftenPollsShowIt) {
  set_up();
  settings.waits_while_busy = true;
  settings.poll_least = settings.working_poll = 100ms;
  for (const auto& [from, to] : {std::pair{"gw", "dev"}, std::pair{"dev", "gw"}})
    world.network().link(from, to).latency = 700ms;
  ASSERT_TRUE(replace_file(device.disk(), "busy", "sale in progress\n"));
  server.ask_first = true;
  device.power_on();
  for (int i = 0; i < 5; ++i) {
    server.order(101 + i, {TestPart{"os", std::to_string(2 + i), image(kSize, 3)}});
    ASSERT_TRUE(world.run_until([&] { return phase() == "waiting"; }, 1min));
    ASSERT_TRUE(world.run_for(5min + i * 270ms));
    ASSERT_TRUE(device.disk().unlink("busy"));
    ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
    EXPECT_EQ(server.confirmations.size(), 1U) << i;
    server.confirmations.clear();
    server.feedback.clear();
    ASSERT_TRUE(replace_file(device.disk(), "busy", "sale in progress\n"));
  }
}

TEST_F(AgentTest, AsksItsOperatorAndWaitsForTheAnswer) {
  set_up();
  settings.asks_operator = true;
  server.ask_first = true;
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "waiting"; }, 1min));
  ASSERT_TRUE(world.run_for(30min));
  EXPECT_TRUE(server.confirmations.empty());
  EXPECT_NE(local(R"({"command":"status"})").find("May this device be updated now?"), std::string::npos);
  EXPECT_EQ(local(R"({"command":"answer","answer":"ready"})"), R"({"ok":true,"sentence":"Noted: ready."})");
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 3min));
  EXPECT_TRUE(confirmed());
  EXPECT_EQ(server.confirmations.size(), 1U);
  EXPECT_NE(local(R"({"command":"status"})").find(R"("question":null)"), std::string::npos);
}

// M9, M15: the device's operator puts it off; the gateway is told for how long.
TEST_F(AgentTest, TheOperatorsDeferralIsToldAndOutlivesARestart) {
  set_up();
  server.ask_first = true;
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "idle"; }, 1min));
  EXPECT_EQ(local(R"({"command":"answer","answer":"defer","for_s":3600,"why":"stocktaking"})"),
            R"({"ok":true,"sentence":"Noted: defer."})");
  device.power_off();
  ASSERT_TRUE(world.run_for(10min));
  server.order(101, {new_os});
  ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 1min));
  EXPECT_NE(server.confirmations[0].find(R"("answer":"defer")"), std::string::npos);
  const auto at = server.confirmations[0].find(R"("retry_after":)");
  ASSERT_NE(at, std::string::npos);
  const int left = std::stoi(server.confirmations[0].substr(at + 14));
  EXPECT_GE(left, 2950);
  EXPECT_LE(left, 3060);
  EXPECT_EQ(server.artifact_bytes, 0U);
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 2h));
  EXPECT_TRUE(confirmed());
}

// M8: the gateway asks no more until the deferral is over, and a "ready" before that counts at once.
TEST_F(AgentTest, TheOperatorsReadyAfterADeferralIsToldAtOnce) {
  for (const bool restarts : {false, true}) {
    if (!restarts) set_up();
    server.ask_first = server.hides = true;
    server.order(restarts ? 102 : 101, {TestPart{"os", restarts ? "3" : "2", image(kSize, restarts ? 4 : 3)}});
    server.confirmations.clear();
    server.feedback.clear();
    if (!restarts) device.power_on();
    ASSERT_TRUE(world.run_until([&] { return phase() != ""; }, 1min));
    local(R"({"command":"answer","answer":"defer","for_s":86400})");
    ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 5min));
    EXPECT_NE(server.confirmations.back().find("defer"), std::string::npos);
    ASSERT_TRUE(world.run_until([&] { return phase() == "idle"; }, 5min));
    EXPECT_NE(local(R"({"command":"answer","answer":"ready"})").find(R"("ok":true)"), std::string::npos);
    if (restarts) device.power_off();
    const std::size_t before = server.confirmations.size();
    ASSERT_TRUE(world.run_until([&] { return server.confirmations.size() > before; }, 1min));
    EXPECT_TRUE(confirmed());
    ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
    EXPECT_EQ(server.attributes["dray.version.os"], restarts ? "3" : "2");
  }
}

TEST_F(AgentTest, ALaterObjectionTakesAReadyBackAndWhatIsSaidToNobodyIsCalledSo) {
  set_up();
  settings.asks_operator = true;
  server.ask_first = true;
  server.order(101, {new_os});
  server.holds_orders = true;
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "waiting"; }, 1min));
  local(R"({"command":"answer","answer":"ready"})");
  ASSERT_TRUE(world.run_until([&] { return phase() == "idle"; }, 1min)) << "it is confirmed, and has no turn yet";
  EXPECT_TRUE(confirmed());
  EXPECT_NE(local(R"({"command":"answer","answer":"busy","why":"a customer"})").find("The gateway is told"), std::string::npos);
  ASSERT_TRUE(world.run_until([&] { return server.confirmations.size() == 2; }, 1min));
  EXPECT_NE(server.confirmations[1].find("a customer"), std::string::npos) << server.confirmations[1];
  server.withdraw();
  ASSERT_TRUE(world.run_until([&] { return phase() == "idle"; }, 5min));
  server.confirmations.clear();
  EXPECT_NE(local(R"({"command":"answer","answer":"ready"})").find(R"("ok":true)"), std::string::npos);
  ASSERT_TRUE(world.run_for(5min));
  EXPECT_EQ(phase(), "idle") << "it is gone";
  EXPECT_NE(local(R"({"command":"answer","answer":"busy"})").find("Noted: busy."), std::string::npos);
  EXPECT_NE(local(R"({"command":"answer","answer":"ready"})").find("No update is asked for now"), std::string::npos);
}

TEST_F(AgentTest, RefusesALocalRequestThatIsWrongAndChangesNothing) {
  set_up();
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "idle"; }, 1min));
  EXPECT_NE(local("nonsense").find(R"("code":"invalid")"), std::string::npos);
  EXPECT_NE(local(R"({"command":"answer","answer":"defer"})").find("for_s: a deferral needs a time"),
            std::string::npos);
  EXPECT_NE(local(R"({"command":"answer","answer":"ready"})").find(R"("code":"not_asked")"),
            std::string::npos);
  EXPECT_NE(local(R"({"command":"answer","answer":"busy","for_s":0})").find("for_s"), std::string::npos);
  EXPECT_NE(local(R"({"command":"cancel"})").find(R"("code":"nothing_here")"), std::string::npos);
  EXPECT_FALSE(current->agent->attempt()->word.has_value());
}

// M19
TEST_F(AgentTest, IsCancelledOnTheDeviceAndTellsWhoDidIt) {
  set_up();
  world.network().link("gw", "dev").rate = BytesPerSecond{30'000};
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "downloading"; }, 1min));
  EXPECT_NE(local(R"({"command":"cancel","by":"ines","why":"not now"})").find(R"("ok":true)"),
            std::string::npos);
  ASSERT_TRUE(world.run_until([&] { return server.closed("failure"); }, 1min));
  EXPECT_TRUE(saw("canceled none"));
  EXPECT_EQ(std::get<core::attempt::Cancelled>(current->agent->attempt()->phase).by, "ines (alex)");
  EXPECT_EQ(server.attributes["dray.version.os"], "1");
}

// M19
TEST_F(AgentTest, ACancelOnTheDeviceAfterTheSwitchOverIsTooLate) {
  set_up();
  server.order(101, {new_os});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return phase() == "installing"; }, 5min));
  EXPECT_NE(local(R"({"command":"cancel"})").find(R"("code":"too_late")"), std::string::npos);
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 5min));
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
}

}  // namespace
}  // namespace dray::agent

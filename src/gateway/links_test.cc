// Foreign links and transmissions at the gateway alone: devices that are off hold up nobody (slots.h has the
// rules).
#include "gateway/gateway.h"
#include "gateway/testing/gateway_test_rig.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::Answer;
using testing_world::GatewayTest;

class LinksTest : public GatewayTest {
 protected:
  // dev-1 to dev-`foreign`, then `ours` agents. One artifact for all of them.
  void devices(int foreign, int ours = 0, int concurrency = 3) {
    settings.poll_sleep = 60s;  // longer than a test: time passes by leaps
    one_artifact(foreign + ours, 1000);
    server.plan.limits.concurrency = concurrency;
    core::DeviceType type = server.plan.device_types[0];
    type.name = "ours";
    type.ask = core::Ask::kConfirmation;
    server.plan.device_types.push_back(type);
    for (int i = foreign; i < foreign + ours; ++i)
      server.plan.devices[static_cast<std::size_t>(i)].type = "ours";
  }
  // Everything is there and every job looked at.
  void begin() {
    start();
    ASSERT_TRUE(until([&] {
      const auto& jobs = gateway().site().jobs();
      return !jobs.empty() && std::all_of(jobs.begin(), jobs.end(), [](const auto& entry) {
        return std::holds_alternative<core::Ready>(entry.second.phase) ||
               std::holds_alternative<core::Asked>(entry.second.phase);
      });
    }));
  }
  bool shown(int n) { return !link("deploymentBase", name(n)).empty(); }
  static std::string name(int n) { return "dev-" + std::to_string(n); }
  core::PublicState said(int n) {
    return gateway().site().describe(*gateway().site().find_job(JobId{"r1-" + name(n)}));
  }
  // A foreign client at its link: fetches and closes.
  void updates(int n) {
    const std::string id = link("deploymentBase", name(n));
    ASSERT_NE(id, "");
    EXPECT_EQ(get(file_path(), {.device = name(n)}).status, 200);
    EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("closed", "success"), {.device = name(n)})
                  .status,
              200);
  }
  void confirms(int n) {
    const std::string id = wait_link("confirmationBase", name(n));
    EXPECT_EQ(
        post("/confirmationBase/" + id + "/feedback", R"({"confirmation":"confirmed"})", {.device = name(n)})
            .status,
        200);
  }
  // A poll that waits for news.
  struct Held {
    std::optional<HttpResponse> response;
    Stop stop;
  };
  Task<> hold(HttpRequest request, Held& held) {
    HttpResponse response = co_await gateway().door().handle(std::move(request), held.stop);
    held.response = std::move(response);
  }
  HttpRequest held_poll(int n) {
    const Answer before = get("", {.device = name(n)});
    HttpRequest request{Method::kGet, "/DEFAULT/controller/v1/" + name(n)};
    request.headers.add("Host", "gw:8090");
    request.headers.add("Authorization", "TargetToken tok-" + name(n));
    request.headers.add("If-None-Match", before.headers.get("ETag"));
    request.headers.add("Prefer", "wait=60");
    return request;
  }
};

TEST_F(LinksTest, DevicesThatNeverPollHoldUpNobody) {
  devices(12);
  begin();
  for (const int n : {5, 4, 9}) {
    updates(n);
    EXPECT_TRUE(until_state("r1-" + name(n), "succeeded"));
  }
}

TEST_F(LinksTest, DevicesThatTookTheirLinkAndWentOffHoldUpOthersForTwoPollIntervals) {
  devices(5);
  begin();
  for (int n = 1; n <= 3; ++n) ASSERT_TRUE(shown(n));
  EXPECT_FALSE(shown(4));
  EXPECT_FALSE(shown(5));
  EXPECT_EQ(said(4).reason, "waiting_slot");
  EXPECT_EQ(said(4).sentence, "waits for its turn; three devices before it have not fetched");
  EXPECT_TRUE(
      until([&] { return server.job("r1-dev-4") && server.job("r1-dev-4")->reason == "waiting_slot"; }));
  clock.leap += 120s;
  updates(4);
  updates(5);
  EXPECT_TRUE(shown(1)) << "and where nobody waits it is given again";
}

TEST_F(LinksTest, AnUnusedLinkGoesToWhoHasWaitedLongest) {
  devices(3, 0, 1);
  begin();
  ASSERT_TRUE(shown(2));
  EXPECT_FALSE(shown(3));
  EXPECT_FALSE(shown(1));
  clock.leap += 120s;
  EXPECT_FALSE(shown(1));
  EXPECT_FALSE(shown(2));
  updates(3);
  updates(1);
  updates(2);
}

TEST_F(LinksTest, ShownLinksReserveNoTransmission) {
  devices(3, 2);
  begin();
  for (int n = 1; n <= 3; ++n) ASSERT_TRUE(shown(n));
  confirms(4);
  EXPECT_EQ(get(file_path(), {.device = name(4)}).status, 200);
}

TEST_F(LinksTest, AForeignFetchIsServedAndCountsAndTheAgentSaysWhy) {
  devices(2, 2, 1);
  begin();
  ASSERT_TRUE(shown(1));
  confirms(3);
  confirms(4);
  gateway().site().transfer_began(JobId{"r1-dev-3"});
  EXPECT_EQ(get(file_path(), {.device = name(4)}).status, 503);
  EXPECT_EQ(said(4).reason, "waiting_slot");
  EXPECT_EQ(said(4).sentence, "waits for its turn; 1 of 1 transmissions runs");
  EXPECT_FALSE(shown(2));
  EXPECT_EQ(get(file_path(), {.device = name(1)}).status, 200) << "served, whoever receives";
  EXPECT_EQ(get(file_path(), {.device = name(4)}).status, 503);
  gateway().site().transfer_ended(JobId{"r1-dev-3"});
  EXPECT_FALSE(shown(2)) << "the agent was before it";
  EXPECT_EQ(get(file_path(), {.device = name(4)}).status, 200);
  EXPECT_TRUE(shown(2));
}

TEST_F(LinksTest, AnAgentThatWasCutAndFindsNoRoomIsSaidToWait) {
  devices(1, 2, 1);
  begin();
  confirms(2);
  confirms(3);
  EXPECT_EQ(get(file_path(), {.device = name(2), .take = 10}).status, 200);
  EXPECT_EQ(said(2).reason, "downloading");
  gateway().site().transfer_began(JobId{"r1-dev-3"});
  EXPECT_EQ(get(file_path(), {.device = name(2)}).status, 503);
  EXPECT_EQ(said(2).sentence, "waits for its turn; 1 of 1 transmissions runs");
  gateway().site().transfer_ended(JobId{"r1-dev-3"});
  EXPECT_EQ(said(2).reason, "downloading");
}

TEST_F(LinksTest, AHeldPollIsAnsweredWhenItsTurnComes) {
  devices(3, 0, 1);
  begin();
  ASSERT_TRUE(shown(1));
  Held second, third;
  TaskGroup polls{io.get_executor()};
  HttpRequest of_second = held_poll(2), of_third = held_poll(3);
  polls.spawn(hold(std::move(of_second), second));
  polls.spawn(hold(std::move(of_third), third));
  updates(1);
  EXPECT_TRUE(until([&] { return second.response.has_value(); }));
  EXPECT_TRUE(shown(2));
  EXPECT_FALSE(third.response);
  updates(2);
  EXPECT_TRUE(until([&] { return third.response.has_value(); }));
  EXPECT_TRUE(until([&] { return polls.running() == 0; }));
  EXPECT_TRUE(shown(3));
}

TEST_F(LinksTest, AHeldPollIsAnsweredWhenWhoWasBeforeItHasGoneOff) {
  devices(3, 0, 1);
  begin();
  ASSERT_TRUE(shown(1));
  ASSERT_FALSE(shown(2));
  clock.leap += 125s;  // the link of dev-1 is withdrawn
  Held third;
  TaskGroup polls{io.get_executor()};
  HttpRequest of_third = held_poll(3);
  polls.spawn(hold(std::move(of_third), third));
  EXPECT_FALSE(third.response);
  clock.leap += 56s;  // dev-2 has been silent for three intervals
  EXPECT_TRUE(until([&] { return third.response.has_value(); }));
  EXPECT_TRUE(until([&] { return polls.running() == 0; }));
  EXPECT_TRUE(shown(3));
}

TEST_F(LinksTest, TheHigherPriorityGoesFirst) {
  devices(2, 0, 1);
  core::Assignment urgent = server.plan.assignments[0];
  urgent.id = AssignmentId{"r2-site"};
  urgent.rollout = RolloutId{"r2"};
  urgent.priority = 5;
  urgent.jobs = {{JobId{"r2-dev-3"}, DeviceId{"dev-3"}, urgent.jobs[0].steps}};
  server.plan.devices.push_back(
      {.name = DeviceId{"dev-3"}, .type = "board", .token_sha256 = sha256_of(as_bytes("tok-dev-3")).hex()});
  server.plan.assignments.push_back(urgent);
  begin();
  ASSERT_TRUE(shown(1));
  EXPECT_FALSE(shown(2));
  EXPECT_FALSE(shown(3));
  updates(1);
  EXPECT_FALSE(shown(2));
  updates(3);
  updates(2);
}

TEST_F(LinksTest, WhoIsNextIsToldToAskAgainSoon) {
  devices(3, 0, 1);
  settings.poll_sleep = 300s;
  begin();
  const auto sleep = [&](int n) {
    return std::string{
        get("", {.device = name(n)}).json().at("config").at("polling").at("sleep").as_string()};
  };
  const std::string usual = sleep(1), soon = sleep(2);
  EXPECT_GT(usual, "00:04:00");
  EXPECT_LT(soon, "00:00:40");
  EXPECT_GT(sleep(3), "00:04:00") << "its turn is further away";
}

TEST_F(LinksTest, ADeviceWhoseStatusIsAskedForFirstKeepsItsPlace) {
  devices(2, 0, 1);
  core::DeviceType checked = server.plan.device_types[0];
  checked.name = "checked";
  checked.probe = "printer";
  server.plan.device_types.push_back(checked);
  server.plan.devices[1].type = "checked";
  start();
  ASSERT_TRUE(until([&] { return shown(1); }));
  EXPECT_FALSE(shown(2));
  clock.leap += 301s;  // an old word is no word; dev-1 has gone off
  EXPECT_TRUE(until([&] { return shown(2); }));
}

TEST_F(LinksTest, ARestartGivesTheTurnToWhoPolls) {
  devices(4, 0, 1);
  begin();
  ASSERT_TRUE(shown(1));
  EXPECT_FALSE(shown(2));
  restart();
  EXPECT_TRUE(until([&] { return shown(2); }));
  EXPECT_FALSE(shown(1));
}

TEST_F(LinksTest, AClientThatSaysThatItBeginsHasItsLinkStillToUse) {
  devices(2, 0, 1);
  begin();
  const std::string id = link("deploymentBase", name(1));
  EXPECT_EQ(
      post("/deploymentBase/" + id + "/feedback", feedback("proceeding", "none"), {.device = name(1)}).status,
      200);
  EXPECT_FALSE(shown(2));
  updates(1);
  updates(2);
}

TEST_F(LinksTest, ACutFetchLeavesTheDeviceItsLinkAndItsSlotToOthers) {
  devices(2, 0, 1);
  begin();
  ASSERT_TRUE(shown(1));
  EXPECT_EQ(get(file_path(), {.device = name(1), .take = 0}).status, 200);  // nothing came
  EXPECT_TRUE(shown(1)) << "nobody else waits";
  EXPECT_EQ(get(file_path(), {.device = name(1), .take = 10}).status, 200);
  EXPECT_TRUE(shown(2)) << "no transmission runs";
  EXPECT_TRUE(shown(1)) << "begun, so it goes on";
  updates(1);
  updates(2);
}

}  // namespace
}  // namespace dray::gateway

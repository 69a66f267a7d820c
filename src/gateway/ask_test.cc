// Asking first, and being put off: status checks, deferrals and cancels, at the gateway alone (claims of
// docs/spec.md by id).
#include <gtest/gtest.h>

#include <future>

#include "gateway/testing/world.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::Answer;
using testing_world::World;

class AskTest : public testing::Test, protected World {
 protected:
  void devices(int n, core::Ask ask = core::Ask::kPoll, const std::string& check = "") {
    plan_for(n, ask);
    server.plan.device_types[0].probe = check;
    const auto artifact = server.add_artifact(std::string(1000, 'x'), "os", "2.0", 31);
    add_jobs({{artifact.sha256}});
  }
  core::Assignment& assignment() { return server.plan.assignments[0]; }
  const core::Job& job(int n) { return *gateway().site().find_job(JobId{"r1-dev-" + std::to_string(n)}); }
  core::PublicState said(int n) { return gateway().site().describe(job(n)); }
  bool until_reason(int n, const std::string& reason) {
    const bool reached = until([&] { return said(n).reason == reason; });
    EXPECT_TRUE(reached) << said(n).reason << ", not " << reason;
    return reached;
  }
  bool stored() {
    return until([&] {
      return gateway().site().plan().plan().revision == server.plan.revision &&
             said(1).reason != "waiting_artifact";
    });
  }
  std::string wish(WallTime time, const std::string& more = "", const std::string& device = "null") {
    return R"({"device":)" + device + R"(,"assignment":null,"until":")" + to_rfc3339(time) +
           R"(","by":"ines","why":"stocktaking")" + more + "}";
  }
  std::size_t checks_of(const std::string& device) const {
    return static_cast<std::size_t>(std::count(probe.asked.begin(), probe.asked.end(), device));
  }
};

// --- status checks ---

TEST_F(AskTest, AWordThatIsOverDoesNotStandAgainWhileItIsAskedAgain) {
  devices(1, core::Ask::kPoll, "printer");
  start();
  wait_link("deploymentBase");
  Site& site = gateway().site();
  DeviceState& device = *site.find_device("dev-1");
  ASSERT_TRUE(until([&] { return device.checked.good && !device.checked.running; }));
  const auto ready = [&] { return site.given_for(job(1)).checked; };
  clock.leap += settings.status_good_for + 1s;
  EXPECT_FALSE(ready());
  site.check_began(device);
  EXPECT_FALSE(ready());
  site.check_ended(device, ProbeAnswer{});
  EXPECT_TRUE(ready());
  site.check_began(device);
  clock.leap += settings.status_good_for + 1s;
  EXPECT_TRUE(ready()) << "it stood when it was asked again";
}

TEST_F(AskTest, M8_ABusyForeignDeviceIsNotShownItsLinkAndItsStoredTimeMoves) {
  devices(1, core::Ask::kPoll, "printer");
  probe.says.insert_or_assign("dev-1", ProbeAnswer{true, 120s, "the printer prints"});
  start();
  ASSERT_TRUE(until_reason(1, "device_busy"));
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_NE(said(1).sentence.find("the printer prints"), std::string::npos);
  const WallTime moved = job(1).update_at;
  EXPECT_GE(moved, gateway().site().now() + 100s);
  EXPECT_EQ(said(1).until, moved);
  EXPECT_TRUE(until([&] { return server.device("dev-1") && server.device("dev-1")->status == "busy"; }));
  restart();
  EXPECT_EQ(job(1).update_at, moved);  // persisted
  EXPECT_EQ(checks_of("dev-1"), 1U);
  probe.says.erase("dev-1");
  clock.leap += 2min;
  EXPECT_NE(wait_link("deploymentBase"), "");
  EXPECT_EQ(checks_of("dev-1"), 2U);
}

TEST_F(AskTest, M8_BusyWithoutATimeMovesItByTheStatusDeferralOfTheAssignment) {
  devices(1, core::Ask::kPoll, "printer");
  assignment().status_deferral = 700s;
  probe.says.insert_or_assign("dev-1", ProbeAnswer{true, {}, "in use"});
  start();
  ASSERT_TRUE(until_reason(1, "device_busy"));
  const auto by = job(1).update_at - gateway().site().now();
  EXPECT_GT(by, 690s);
  EXPECT_LE(by, 700s);
}

TEST_F(AskTest, ACheckThatSaysSoonIsAskedOnceAMinuteAtMost) {
  devices(1, core::Ask::kPoll, "printer");
  probe.says.insert_or_assign("dev-1", ProbeAnswer{true, 1s, "in use"});
  start();
  ASSERT_TRUE(until_reason(1, "device_busy"));
  for (int i = 0; i < 10; ++i) {
    clock.leap += 3s;
    EXPECT_FALSE(until([&] { return checks_of("dev-1") > 1U; }, 20ms));
  }
  clock.leap += 30s;
  EXPECT_TRUE(until([&] { return checks_of("dev-1") == 2U; }));
}

TEST_F(AskTest, AStatusIsGoodForFiveMinutesAndThenAskedAgain) {
  devices(1, core::Ask::kPoll, "printer");
  start();
  EXPECT_NE(wait_link("deploymentBase"), "");
  clock.leap += 4min;
  EXPECT_NE(wait_link("deploymentBase"), "");
  EXPECT_EQ(checks_of("dev-1"), 1U);
  probe.says.insert_or_assign("dev-1", ProbeAnswer{true, 60s, "in use"});
  clock.leap += 1min;
  EXPECT_TRUE(until_reason(1, "device_busy"));
  EXPECT_EQ(checks_of("dev-1"), 2U);
  EXPECT_EQ(link("deploymentBase"), "");
}

TEST_F(AskTest, AStatusThatCanNotBeReadKeepsTheDeviceWaitingAndSaysWhy) {
  devices(1, core::Ask::kPoll, "printer");
  probe.says.insert_or_assign("dev-1", Error{ErrorCode::kUnavailable, "no route to it"});
  start();
  ASSERT_TRUE(until_reason(1, "status_unknown"));
  EXPECT_NE(said(1).sentence.find("no route to it"), std::string::npos);
  EXPECT_EQ(said(1).state, core::JobState::kWaitingConfirm);
  EXPECT_EQ(link("deploymentBase"), "");
  probe.says.erase("dev-1");
  clock.leap += 5min;
  EXPECT_NE(wait_link("deploymentBase"), "");
}

TEST_F(AskTest, ACheckThatTheGatewayDoesNotHaveIsSaidAndNeverPassed) {
  devices(1, core::Ask::kPoll, "scanner");
  start();
  ASSERT_TRUE(until_reason(1, "status_unknown"));
  EXPECT_NE(said(1).sentence.find("no status check 'scanner'"), std::string::npos);
  EXPECT_TRUE(probe.asked.empty());
}

TEST_F(AskTest, NoCheckConfiguredIsAStatusToo) {
  devices(1);
  start();
  EXPECT_NE(wait_link("deploymentBase"), "");
  EXPECT_TRUE(until([&] { return server.device("dev-1") && server.device("dev-1")->status == "no_check"; }));
}

TEST_F(AskTest, OnlyDevicesThatCouldBeginNowAreChecked) {
  devices(2, core::Ask::kPoll, "printer");
  assignment().planned_at = wall() + 10min;
  start();
  EXPECT_TRUE(until_reason(1, "waiting_update_time"));
  EXPECT_TRUE(probe.asked.empty());
  clock.leap += 10min;
  EXPECT_NE(wait_link("deploymentBase"), "");
  EXPECT_GE(probe.asked.size(), 1U);
}

// --- asked, and silent ---

TEST_F(AskTest, M7_ADeviceThatCallsAndDoesNotAnswerDefersAndOneThatDoesNotCallIsAbsent) {
  devices(2, core::Ask::kConfirmation);
  start();
  EXPECT_NE(wait_link("confirmationBase", "dev-1"), "");
  EXPECT_NE(wait_link("confirmationBase", "dev-2"), "");
  const WallTime planned = job(1).update_at;
  clock.leap += 14min;
  EXPECT_NE(link("confirmationBase", "dev-1"), "");
  clock.leap += 2min;
  EXPECT_TRUE(until_reason(1, "device_deferring"));
  EXPECT_TRUE(until_reason(2, "device_absent"));
  EXPECT_EQ(job(1).update_at, planned);  // the stored time does not move
  const std::string id = link("confirmationBase", "dev-1");
  EXPECT_EQ(post("/confirmationBase/" + id + "/feedback", R"({"confirmation":"confirmed"})").status, 200);
  EXPECT_EQ(wait_link("deploymentBase", "dev-1"), id);
}

// --- deferrals ---

TEST_F(AskTest, M9_ADeferralMovesTheStoredTimeAndSurvivesEveryNewPlanUntilWithdrawn) {
  devices(2);
  assignment().planned_at = wall() + 10min;
  start();
  ASSERT_TRUE(stored());
  const WallTime planned = job(1).update_at, until_then = wall() + 2h;
  const Answer made = local(Method::kPost, "/api/v1/deferrals", wish(until_then));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json().at("jobs").to_number<int>(), 2);
  EXPECT_EQ(job(1).update_at, until_then);
  EXPECT_EQ(said(1).reason, "deferred_by_operator");
  assignment().planned_at += 5min;  // a new plan
  server.publish();
  ASSERT_TRUE(stored());
  EXPECT_EQ(job(1).update_at, until_then);
  restart();
  EXPECT_EQ(job(2).update_at, until_then);
  EXPECT_TRUE(until(
      [&] { return server.job("r1-dev-2") && server.job("r1-dev-2")->update_at == until_then; }));  // shown
  const Answer list = local(Method::kGet, "/api/v1/deferrals");
  ASSERT_EQ(list.json().at("deferrals").as_array().size(), 1U);
  const std::string id{list.json().at("deferrals").as_array()[0].at("id").as_string()};
  EXPECT_EQ(local(Method::kDelete, "/api/v1/deferrals/" + id).status, 204);
  EXPECT_EQ(job(1).update_at, planned + 5min);
}

TEST_F(AskTest, ADeferralThatIsOverIsShownAsOneThatStandsNoMore) {
  devices(1);
  assignment().planned_at = wall() + 10min;
  server.plan.deferrals.push_back({"d1", DeviceId{}, AssignmentId{}, wall() + 30min, "hq", "sale"});
  start();
  ASSERT_TRUE(stored());
  ASSERT_EQ(local(Method::kPost, "/api/v1/deferrals", wish(wall() + 2h)).status, 201);
  const auto standing = [&] {
    std::map<std::string, bool> out;
    const auto list = local(Method::kGet, "/api/v1/deferrals").json();
    for (const auto& one : list.at("deferrals").as_array()) out[std::string{one.at("from").as_string()}] = one.at("stands").as_bool();
    return out;
  };
  EXPECT_EQ(standing(), (std::map<std::string, bool>{{"server", true}, {"site", true}}));
  clock.leap += 1h;
  EXPECT_EQ(standing(), (std::map<std::string, bool>{{"server", false}, {"site", true}}));
  clock.leap += 1h + 1s;
  EXPECT_EQ(standing(), (std::map<std::string, bool>{{"server", false}, {"site", false}}));
}

TEST_F(AskTest, M9_ADeferralThatLeavesTooLittleTimeIsRefusedWithTheLatestPossibleTime) {
  devices(1);
  assignment().planned_at = wall() + 10min;
  assignment().expires_at = wall() + 1h;
  start();
  ASSERT_TRUE(stored());
  const WallTime planned = job(1).update_at;
  const Answer refused = local(Method::kPost, "/api/v1/deferrals", wish(wall() + 59min));
  ASSERT_EQ(refused.status, 409);
  const auto latest = parse_rfc3339(std::string_view{refused.json().at("latest_possible").as_string()});
  ASSERT_TRUE(latest);
  EXPECT_EQ(job(1).update_at, planned);  // nothing has changed
  EXPECT_GT(*latest, wall() + 50min);
  EXPECT_EQ(local(Method::kPost, "/api/v1/deferrals", wish(*latest + 1s)).status, 409);
  EXPECT_EQ(local(Method::kPost, "/api/v1/deferrals", wish(*latest)).status, 201);
  EXPECT_EQ(
      local(Method::kPost, "/api/v1/deferrals", wish(wall() + 59min, R"(,"accept_expiry":true)")).status,
      201);
}

TEST_F(AskTest, ADeferralThatMeansNothingIsRefusedAndNamed) {
  devices(1);
  start();
  ASSERT_TRUE(stored());
  const auto refused = [&](const std::string& body) {
    return local(Method::kPost, "/api/v1/deferrals", body);
  };
  EXPECT_NE(refused(wish(wall() - 1s)).body.find("until: is over already"), std::string::npos);
  EXPECT_NE(refused(wish(wall() + 1h, "", "\"dev-9\"")).body.find("device: there is no device 'dev-9'"),
            std::string::npos);
  EXPECT_EQ(refused("{}").status, 400);
  EXPECT_TRUE(gateway().site().local_deferrals().empty());
}

TEST_F(AskTest, M18_WhatADeferralHasMovedPastTheExpiryExpires) {
  devices(1);
  assignment().planned_at = wall() + 10min;
  assignment().expires_at = wall() + 1h;
  start();
  ASSERT_TRUE(stored());
  ASSERT_EQ(local(Method::kPost, "/api/v1/deferrals", wish(wall() + 2h, R"(,"accept_expiry":true)")).status,
            201);
  clock.leap += 59min;
  EXPECT_EQ(link("deploymentBase"), "");
  clock.leap += 2min;
  EXPECT_TRUE(until_reason(1, "expired"));
}

// --- cancels ---

TEST_F(AskTest, M19_OfTwoCancelsTheFirstIsTheResultAndASecondChangesNothing) {
  devices(1);
  assignment().planned_at = wall() + 10min;
  start();
  ASSERT_TRUE(stored());
  EXPECT_EQ(local(Method::kPost, "/api/v1/jobs/r1-dev-1/cancel", R"({"by":"site","why":"first"})").status,
            200);
  EXPECT_EQ(local(Method::kPost, "/api/v1/jobs/r1-dev-1/cancel", R"({"by":"other","why":"second"})").status,
            200);
  server.plan.cancels = {{"c1", JobId{"r1-dev-1"}, "server", "third"}};
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().plan().plan().revision == server.plan.revision; }));
  const auto* cancelled = std::get_if<core::Cancelled>(&job(1).phase);
  ASSERT_NE(cancelled, nullptr);
  EXPECT_EQ(cancelled->by, "site");
  EXPECT_TRUE(job(1).cancel_refused.empty());
}

// Its operator cancels instead of answering the question.
TEST_F(AskTest, M19_ADeviceThatIsAskedMayCancel) {
  devices(1, core::Ask::kConfirmation);
  start();
  const std::string id = wait_link("confirmationBase");
  EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("proceeding", "none")).status, 404);
  const std::string word = R"(,"dray":{"answer":"cancelled","by":"alex","why":"closing time"})";
  EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("canceled", "none", word)).status, 200);
  EXPECT_EQ(link("confirmationBase"), "");
  const auto* cancelled = std::get_if<core::Cancelled>(&job(1).phase);
  ASSERT_NE(cancelled, nullptr);
  EXPECT_EQ(cancelled->by, "alex");
  EXPECT_EQ(said(1).reason, "cancelled_on_device");
}

// --- the page ---

TEST_F(AskTest, ThePageNeedsNothingFromElsewhere) {
  devices(1);
  start();
  const Answer page = local(Method::kGet, "/");
  ASSERT_EQ(page.status, 200);
  EXPECT_NE(page.headers.get("Content-Security-Policy").find("default-src 'none'"), std::string_view::npos);
  for (const char* path : {"/", "/page.css", "/page.js"}) {
    const Answer file = local(Method::kGet, path);
    EXPECT_EQ(file.status, 200) << path;
    for (const char* elsewhere : {"src=\"http", "href=\"http", "url(http", "@import", "style=\""})
      EXPECT_EQ(file.body.find(elsewhere), std::string::npos) << path << " holds " << elsewhere;
  }
}

TEST_F(AskTest, APageOfAnotherOriginMayNotActHere) {
  devices(1);
  assignment().planned_at = wall() + 10min;
  start();
  ASSERT_TRUE(stored());
  Headers foreign, own;
  foreign.add("Origin", "http://evil.example");
  own.add("Origin", "http://gw:8091");
  EXPECT_EQ(local(Method::kPost, "/api/v1/deferrals", wish(wall() + 1h), foreign).status, 403);
  EXPECT_EQ(local(Method::kPost, "/api/v1/jobs/r1-dev-1/cancel", "{}", foreign).status, 403);
  EXPECT_EQ(local(Method::kPost, "/api/v1/deferrals", wish(wall() + 1h), own).status, 201);
}

Task<> ask(HttpHandler& api, HttpRequest request, std::optional<HttpResponse>& out) {
  Stop never;
  HttpResponse response = co_await api.handle(std::move(request), never);
  out = std::move(response);
}
Task<> occupy(Worker& worker, std::function<void()> work) { co_await worker.run(std::move(work)); }

// What the page and the API show has happened: a power cut does not take it back.
TEST_F(AskTest, TheSiteIsShownNothingThatIsNotDurable) {
  devices(1);
  assignment().planned_at = wall() + 10min;
  start();
  ASSERT_TRUE(stored());
  std::promise<void> disk;
  std::future<void> free = disk.get_future();
  TaskGroup group{io.get_executor()};
  group.spawn(occupy(store_worker(), [&free] { free.wait(); }));
  std::optional<HttpResponse> cancelled, shown;
  HttpRequest cancel{Method::kPost, "/api/v1/jobs/r1-dev-1/cancel"};
  cancel.headers.add("Host", "gw:8091");
  cancel.body = text_body(R"({"by":"kim","why":""})");
  group.spawn(ask(gateway().local_api(), std::move(cancel), cancelled));
  EXPECT_TRUE(until([&] { return core::is_final(job(1)); }));
  group.spawn(ask(gateway().local_api(), HttpRequest{Method::kGet, "/api/v1/jobs"}, shown));
  io.restart();
  io.poll();
  EXPECT_FALSE(cancelled);
  EXPECT_FALSE(shown);
  disk.set_value();
  ASSERT_TRUE(until([&] { return cancelled && shown && group.running() == 0; }));
  EXPECT_NE(std::get<std::string>(shown->body).find("\"cancelled\""), std::string::npos);
}

}  // namespace
}  // namespace dray::gateway

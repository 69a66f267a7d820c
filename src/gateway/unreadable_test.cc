// Documents that can't be read: none ends the gateway, none permits anything, and each has a way out.
#include "base/text.h"
#include "gateway/documents/records.h"
#include "gateway/gateway.h"

#include "gateway/testing/gateway_test_rig.h"
#include "gateway/testing/stored.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::damaged;
using testing_world::GatewayTest;
using testing_world::Stored;

class UnreadableTest : public GatewayTest {
 protected:
  Stored stored() { return Stored{folder()}; }
  // The next start finds this document so.
  void spoil(std::string_view kind, const std::string& id, const std::string& text = "{\"form") {
    stop();
    stored().put(kind, id, text);
  }
  bool lists(const std::string& document) {
    const auto status = local(Method::kGet, "/api/v1/status").json();
    const auto& all = status.at("unreadable").as_array();
    return std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.at("document").as_string() == document; });
  }
  // What is kept beside of a document, as it was.
  std::optional<std::string> kept(const std::string& kind, const std::string& id) {
    for (const Document& one : stored().of(kind::kUnreadable))
      if (one.id.starts_with(kind + "/") && one.id.ends_with("/" + id)) return one.text;
    return {};
  }
  std::string site_reason() {
    const auto status = local(Method::kGet, "/api/v1/status").json();
    return status.at("reason").is_null() ? "" : std::string{status.at("reason").as_string()};
  }
  std::string reason_of(const std::string& job) const {
    const auto report = server.job(job);
    return report ? report->reason : "";
  }
  std::string defer(const std::string& device, std::chrono::hours by) {
    const std::string until = to_rfc3339(clock.wall() + by);
    const auto answer = local(Method::kPost, "/api/v1/deferrals",
                              R"({"device":")" + device + R"(","until":")" + until + R"(","by":"ines","why":"w","accept_expiry":true})");
    EXPECT_EQ(answer.status, 201) << answer.body;
    return std::string{answer.json().at("id").as_string()};
  }
  // Documents of every kind: a device that is done, one that has begun, one that is put off.
  std::vector<Document> a_life() {
    one_artifact(3);
    start();
    update_foreign("dev-1");
    const std::string id = wait_link("deploymentBase", "dev-2");
    EXPECT_EQ(get(file_path(), {.device = "dev-2", .take = 1000}).status, 200);
    EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("proceeding", "none"), {.device = "dev-2"}).status, 200);
    power_on("2.0", "boot-1");
    server.away = true;
    defer("dev-3", 2h);
    stop();
    stored().put(kind::kPartial, std::string(64, 'a'), R"({"format":2,"safe":10})");
    auto rates = stored().of(kind::kRate);
    if (rates.empty()) stored().put(kind::kRate, "wan/45", R"({"format":2,"hour":45})");
    return stored().all();
  }
};

TEST_F(UnreadableTest, NoneEndsTheGatewayHoweverItIsDamaged) {
  const auto good = a_life();
  std::set<std::string> kinds;
  for (const Document& document : good) {
    // One of each kind, and each of the counters.
    if (!kinds.insert(document.kind == kind::kMeta ? document.id : document.kind).second) continue;
    for (const std::string& text : damaged(document.text)) {
      auto bad = good;
      for (Document& one : bad)
        if (one.kind == document.kind && one.id == document.id) one.text = text;
      stored().replace(bad);
      start();
      ASSERT_FALSE(gateway().failure()) << document.kind << " " << text;
      const bool restored = document.kind == kind::kJob && gateway().site().find_job(JobId{document.id}) != nullptr;
      EXPECT_TRUE(restored || lists(document.kind + "/" + document.id)) << document.kind << " " << text;
      stop();
      EXPECT_EQ(kept(document.kind, document.id), text) << "kept beside";
    }
  }
  EXPECT_GE(kinds.size(), 12u);
}

TEST_F(UnreadableTest, AlsoNotAllOfThemTogether) {
  auto all = a_life();
  for (Document& one : all) one.text = "\xff\xfe" + one.text;
  stored().replace(all);
  start();
  ASSERT_FALSE(gateway().failure());
  EXPECT_EQ(site_reason(), "stored_unreadable");
  EXPECT_EQ(link("deploymentBase", "dev-3"), "");
  server.away = false;  // the deferral still holds what is new
  EXPECT_TRUE(until([&] { return reason_of("r1-dev-3") == "stored_unreadable"; }));
}

TEST_F(UnreadableTest, ADeferralHoldsTheSiteUntilItIsWithdrawn) {
  one_artifact(2);
  start();
  const std::string id = defer("dev-1", 3h);
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && gateway().site().outbox().empty(); }));
  spoil(kind::kDeferral, id);
  for (int life = 0; life < 2; ++life) {
    start();
    EXPECT_TRUE(until([&] { return reason_of("r1-dev-1") == "stored_unreadable" && reason_of("r1-dev-2") == "stored_unreadable"; }));
    EXPECT_EQ(site_reason(), "stored_unreadable");
    EXPECT_EQ(link("deploymentBase"), "");
    EXPECT_EQ(link("deploymentBase", "dev-2"), "");
    EXPECT_NE(local(Method::kGet, "/api/v1/deferrals").body.find(id), std::string::npos);
    stop();
  }
  start();
  EXPECT_EQ(local(Method::kDelete, "/api/v1/deferrals/" + id).status, 204);
  wait_link("deploymentBase");
  wait_link("deploymentBase", "dev-2");
  EXPECT_EQ(site_reason(), "");
  EXPECT_TRUE(until([&] {
    return server.newest<wire::DeferralReport>([&](const auto& r) { return r.deferral.id == id && r.withdrawn; }).has_value();
  }));
  restart();
  EXPECT_EQ(site_reason(), "");
}

// Whatever bytes its id has: it is shown as something that can be typed, and that ends it.
TEST_F(UnreadableTest, ADeferralOfAnyIdCanBeWithdrawn) {
  one_artifact(1);
  start();
  for (const std::string& id : {std::string{"\xff" "A"}, std::string{"\0z", 2}, std::string{"a\nb"}, std::string{"a/b"}, std::string{"50%41"}, std::string(400, 'x')}) {
    spoil(kind::kDeferral, id, "{}");
    start();
    EXPECT_EQ(site_reason(), "stored_unreadable");
    const auto listed = local(Method::kGet, "/api/v1/deferrals");
    EXPECT_TRUE(is_utf8(listed.body));
    EXPECT_TRUE(is_utf8(local(Method::kGet, "/api/v1/status").body));
    const std::string shown{listed.json().at("deferrals").as_array().at(0).at("id").as_string()};
    std::string typed;
    for (const char c : shown) typed += c == '%' ? "%25" : c == '/' ? "%2F" : std::string{c};
    EXPECT_EQ(local(Method::kDelete, "/api/v1/deferrals/" + typed).status, 204) << shown;
    EXPECT_EQ(site_reason(), "") << shown;
  }
}

TEST_F(UnreadableTest, ADeferralHoldsTheSiteUntilItIsGivenAgain) {
  one_artifact(2);
  start();
  const std::string id = defer("dev-1", 3h);
  spoil(kind::kDeferral, id);
  start();
  const std::string again = R"({"device":"dev-1","until":")" + to_rfc3339(clock.wall() + 2h) + R"(","by":"ines","why":"w"})";
  EXPECT_EQ(local(Method::kPut, "/api/v1/deferrals/another", again).status, 404);
  EXPECT_EQ(local(Method::kPut, "/api/v1/deferrals/" + id, again).status, 200);
  wait_link("deploymentBase", "dev-2");
  EXPECT_EQ(link("deploymentBase"), "") << "put off again";
  restart();
  EXPECT_EQ(gateway().site().local_deferrals().count(id), 1u);
  EXPECT_EQ(local(Method::kPut, "/api/v1/deferrals/" + id, again).status, 404) << "it can be read";
}

TEST_F(UnreadableTest, AJobHoldsItsDeviceUntilTheServerWasHeard) {
  one_artifact(2);
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-2") && gateway().site().link.wan == bytes_.size(); }));
  spoil(kind::kJob, "r1-dev-1");
  server.away = true;
  start();
  wait_link("deploymentBase", "dev-2");
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_EQ(gateway().site().find_job(JobId{"r1-dev-1"}), nullptr) << "the plan that is kept does not decide it";
  EXPECT_NE(gateway().site().damage().holds(DeviceId{"dev-1"}), "");
  EXPECT_EQ(gateway().site().damage().holds(DeviceId{"dev-2"}), "");
  EXPECT_TRUE(lists("job/r1-dev-1"));
  restart();
  EXPECT_EQ(link("deploymentBase"), "") << "not over a restart either";
  server.away = false;
  wait_link("deploymentBase");
  EXPECT_FALSE(lists("job/r1-dev-1"));
  update_foreign("dev-1");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
}

TEST_F(UnreadableTest, AJobThatThePlanHasNoMoreIsOver) {
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1").has_value(); }));
  spoil(kind::kJob, "r9-dev-1", R"({"terms":{"id":"r9-dev-1","device":"dev-1")");
  server.away = true;
  start();
  EXPECT_NE(gateway().site().damage().holds(DeviceId{"dev-1"}), "");
  server.away = false;
  wait_link("deploymentBase");
  stop();
  EXPECT_FALSE(stored().text(kind::kJob, "r9-dev-1"));
}

TEST_F(UnreadableTest, AJobThatHasSucceededStaysSo) {
  one_artifact(1);
  start();
  update_foreign("dev-1");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  spoil(kind::kJob, "r1-dev-1");
  start();  // kept twice
  EXPECT_EQ(gateway().site().describe(*gateway().site().find_job(JobId{"r1-dev-1"})).state, core::JobState::kSucceeded);
  stop();
  stored().put(kind::kEnded, "r1-dev-1", "{}");
  spoil(kind::kJob, "r1-dev-1", "[]");
  start();  // the device has installed it
  EXPECT_TRUE(until([&] { return gateway().site().find_job(JobId{"r1-dev-1"}) != nullptr; }));
  EXPECT_EQ(gateway().site().describe(*gateway().site().find_job(JobId{"r1-dev-1"})).state, core::JobState::kSucceeded);
  EXPECT_EQ(link("deploymentBase"), "");
}

TEST_F(UnreadableTest, AJobThatWasCancelledStaysSo) {
  one_artifact(1);
  start();
  wait_link("deploymentBase");
  EXPECT_EQ(local(Method::kPost, "/api/v1/jobs/r1-dev-1/cancel", R"({"by":"ines"})").status, 200);
  EXPECT_TRUE(until_state("r1-dev-1", "cancelled"));
  spoil(kind::kJob, "r1-dev-1");
  start();
  EXPECT_EQ(gateway().site().describe(*gateway().site().find_job(JobId{"r1-dev-1"})).state, core::JobState::kCancelled);
  stop();
  stored().put(kind::kEnded, "r1-dev-1", "");
  spoil(kind::kJob, "r1-dev-1", "");
  server.plan.cancels.push_back({"c1", JobId{"r1-dev-1"}, "ines", ""});  // as dray-server does
  server.publish();
  start();
  EXPECT_TRUE(until([&] { return gateway().site().find_job(JobId{"r1-dev-1"}) != nullptr; }));
  EXPECT_EQ(gateway().site().describe(*gateway().site().find_job(JobId{"r1-dev-1"})).state, core::JobState::kCancelled);
  EXPECT_EQ(link("deploymentBase"), "");
}

TEST_F(UnreadableTest, CountersBeginANewEpochAndNoActionIdIsUsedTwice) {
  one_artifact(1);
  start();
  const std::string before = wait_link("deploymentBase");
  EXPECT_TRUE(until([&] { return gateway().site().outbox().empty(); }));
  spoil(kind::kMeta, "counters");
  server.away = true;
  start();
  power_on("1.0", "boot-2");  // something is numbered and saved before the server is heard
  restart();
  server.away = false;
  EXPECT_TRUE(until([&] { return !server.reports.empty() && server.reports.back().epoch == 2; }));
  EXPECT_EQ(post("/deploymentBase/" + before + "/feedback", feedback("closed", "failure")).status, 200);
  EXPECT_TRUE(until([&] { return reason_of("r1-dev-1") == "waiting_action_ids"; }, 15s)) << reason_of("r1-dev-1");
  server.plan.action_ids.push_back({1'001'101, 2'001'100});
  server.publish();
  EXPECT_EQ(wait_link("deploymentBase"), "1001101");
}

TEST_F(UnreadableTest, ADeviceIsAskedToReport) {
  one_artifact(1);
  start();
  power_on("1.0", "boot-1");
  const auto shows = [&] { return get("").json().at("_links").as_object().contains("configData"); };
  EXPECT_FALSE(shows());
  spoil(kind::kDevice, "dev-1");
  start();
  EXPECT_TRUE(shows());
  EXPECT_TRUE(lists("device/dev-1"));
}

TEST_F(UnreadableTest, WithoutAPlanNothingNewStarts) {
  one_artifact(1);
  start();
  wait_link("deploymentBase");
  spoil(kind::kPlan, "current");
  server.away = true;
  start();
  EXPECT_EQ(site_reason(), "stored_unreadable");
  EXPECT_EQ(link("deploymentBase"), "");
  const core::Job& job = *gateway().site().find_job(JobId{"r1-dev-1"});
  EXPECT_EQ(gateway().site().describe(job).reason, "stored_unreadable");
  server.away = false;
  wait_link("deploymentBase");
  EXPECT_EQ(site_reason(), "");
  restart();
  EXPECT_EQ(site_reason(), "");
}

TEST_F(UnreadableTest, WithoutAPlanWhatHasBegunMayEnd) {
  one_artifact(2);
  start();
  const std::string id = wait_link("deploymentBase");
  EXPECT_EQ(get(file_path()).status, 200);
  wait_link("deploymentBase", "dev-2");
  spoil(kind::kPlan, "current");
  server.away = true;
  start();
  EXPECT_EQ(link("deploymentBase", "dev-2"), "");
  EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("closed", "success")).status, 200);
  power_on("2.0", "boot-2");
  EXPECT_EQ(gateway().site().describe(*gateway().site().find_job(JobId{"r1-dev-1"})).state, core::JobState::kSucceeded);
  EXPECT_EQ(get("", {.device = "dev-3"}).status, 401) << "nobody knows it";
  clock.leap += 25h;
  EXPECT_TRUE(until([&] { return core::is_final(*gateway().site().find_job(JobId{"r1-dev-2"})); })) << "its time comes all the same";
  server.away = false;
  server.plan.devices.pop_back();  // dev-2
  server.plan.assignments[0].jobs.pop_back();
  server.publish();
  EXPECT_TRUE(until([&] { return gateway().site().plan().plan().revision == server.plan.revision; }));
  EXPECT_EQ(get("", {.device = "dev-2"}).status, 401);
  spoil(kind::kPlan, "current");
  start();
  EXPECT_EQ(get("", {.device = "dev-2"}).status, 401) << "it was taken out of the plan";
}

TEST_F(UnreadableTest, ANumberNearTheBoundIsOneThatCanNotBeRead) {
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && gateway().site().outbox().empty(); }));
  spoil(kind::kMeta, "counters", R"({"format":2,"epoch":1,"seq":9007199254740991,"acknowledged":1,"last_action":1101,"action_floor":0})");
  server.away = true;
  start();
  EXPECT_TRUE(lists("meta/counters"));
  power_on("1.0", "boot-1");
  server.away = false;
  EXPECT_TRUE(until([&] { return server.seen.epoch == 2 && gateway().site().outbox().empty(); }));
}

TEST_F(UnreadableTest, NumbersThatComeToTheBoundBeginAnew) {
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && gateway().site().outbox().empty(); }));
  const std::int64_t last = documents::kMostSeq - 2;
  spoil(kind::kMeta, "counters", documents::write_counters({{1, last}, {1, last}, 1101, 0, false}));
  server.seen = {1, last};
  start();
  for (int i = 0; i < 8 && server.seen.epoch == 1; ++i) {
    power_on("1.0", "boot-" + std::to_string(i));
    EXPECT_TRUE(until([&] { return gateway().site().outbox().empty(); }));
  }
  EXPECT_EQ(server.seen.epoch, 2);
  EXPECT_LT(server.seen.seq, 100);
}

TEST_F(UnreadableTest, AReportMakesTheGatewayTellEverythingAgain) {
  one_artifact(2);
  start();
  power_on("1.0", "boot-1");
  EXPECT_TRUE(until([&] { return server.job("r1-dev-2") && server.device("dev-1") && gateway().site().outbox().empty(); }));
  spoil(kind::kReport, "device/dev-1");
  server.reports.clear();
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && server.job("r1-dev-2") && server.device("dev-1"); }));
}

TEST_F(UnreadableTest, WithoutAClockNothingNewStartsBeforeTheServerWasHeard) {
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return gateway().site().link.wan == bytes_.size(); }));
  spoil(kind::kMeta, "clock");
  server.away = true;
  for (int life = 0; life < 2; ++life) {
    start();
    EXPECT_FALSE(gateway().site().time().known());
    EXPECT_EQ(link("deploymentBase"), "");
    stop();
  }
  server.away = false;
  start();
  wait_link("deploymentBase");
  EXPECT_FALSE(lists("meta/clock"));
}

TEST_F(UnreadableTest, AnArtifactIsFetchedAgainOrFoundAgain) {
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return gateway().site().link.wan == bytes_.size(); }));
  spoil(kind::kArtifact, artifact_.sha256.hex());
  start();
  update_foreign("dev-1");
  EXPECT_EQ(asked_for("artifacts"), 1u) << "its file was still there";
}

}  // namespace
}  // namespace dray::gateway

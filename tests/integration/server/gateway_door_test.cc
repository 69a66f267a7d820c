// The gateway door of the real server, rule by rule of docs/gateway-api.md. M3: types; M4: pull; M10: push;
// M19: cancel.
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <future>

#include "support/built.h"
#include "program.h"

namespace dray::testing_support {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

class GatewayDoor : public ServerProgram {
 protected:
  void SetUp() override {
    ServerProgram::SetUp();
    add_type();
    gateway_token = add_site();
    add_device("till-1");
    sha = add_artifact(bytes);
    add_release("tills", "2", sha);
  }
  Answer plan(const std::string& tag = {}, const std::string& prefer = {}) {
    Call call{.path = "/gateway/v1/plan"};
    if (!tag.empty()) call.headers["If-None-Match"] = tag;
    if (!prefer.empty()) call.headers["Prefer"] = prefer;
    return gateway(call, gateway_token);
  }
  Answer artifact(const std::string& name, std::map<std::string, std::string> headers = {},
                  const std::string& method = "GET") {
    return gateway({.method = method, .path = "/gateway/v1/artifacts/" + name, .headers = std::move(headers)},
                   gateway_token);
  }
  Answer roll_out(object more = {{"delivery", "pull"}}) {
    object rollout{{"release", "tills/2"}, {"update_at", in_seconds(3600)}, {"expires_at", in_seconds(7200)}};
    for (const auto& [key, value] : more) rollout[key] = value;
    return post("rollouts", rollout);
  }
  static object job(std::int64_t seq, const std::string& state, std::int64_t epoch = 1) {
    return {{"epoch", epoch},   {"seq", seq},           {"at", "2026-11-24T22:00:00Z"},
            {"kind", "job"},    {"job", "r1-till-1"},   {"state", state},
            {"reason", "some"}, {"sentence", "Words."}, {"step", 0},
            {"attempt", 1},     {"bytes", 7},           {"running", {{"os", "2"}}}};
  }
  Answer report_one(object entry) {
    array reports;
    reports.push_back(std::move(entry));
    return report(gateway_token, reports);
  }

  const std::string bytes = image(300'000);
  std::string sha, gateway_token;
};

TEST_F(GatewayDoor, IsOpenOnlyWithTheTokenOfASite) {
  EXPECT_EQ(exchange(gateway_port, {.path = "/gateway/v1/plan"}).status, 401);
  EXPECT_EQ(exchange(gateway_port, {.path = "/gateway/v1/plan", .token = "x"}).status, 401);
  EXPECT_EQ(exchange(gateway_port, {.path = "/gateway/v1/plan", .token = token}).status, 401)
      << "the admin token is for another door";
  EXPECT_EQ(admin({.path = "/api/v1/sites", .token = gateway_token}).status, 401);
  const auto answer = plan();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().at("site").as_string(), "berlin");
}

TEST_F(GatewayDoor, ARenewedTokenEndsTheOldOne) {
  const auto renewed = post("sites/berlin/token", value{});
  ASSERT_EQ(renewed.status, 200) << renewed.body;
  EXPECT_EQ(plan().status, 401);
  gateway_token = std::string{renewed.json().at("token").as_string()};
  EXPECT_EQ(plan().status, 200);
}

TEST_F(GatewayDoor, NoTokenIsKeptAnywhereButHashed) {
  terminate();
  for (const auto* file : {"server.db", "server.db-wal"}) {
    const std::string text = read_file(data(file));
    EXPECT_EQ(text.find(gateway_token), std::string::npos);
    EXPECT_EQ(text.find(token), std::string::npos);
  }
}

TEST_F(GatewayDoor, ThePlanHasARevisionThatChangesOnlyWithIt) {
  const auto first = plan();
  const std::string tag = first.headers.at("etag");
  EXPECT_EQ(tag, "\"" + std::to_string(first.json().at("revision").as_int64()) + "\"");
  const auto same = plan(tag);
  EXPECT_EQ(same.status, 304);
  EXPECT_TRUE(same.body.empty());
  EXPECT_TRUE(same.headers.contains("date")) << "gateways correct their clock by it";
  add_site("lyon");
  add_device("other", "lyon");
  EXPECT_EQ(plan(tag).status, 304) << "what concerns another site is none of this one's business";
  ASSERT_EQ(roll_out().status, 201);
  EXPECT_EQ(plan(tag).status, 200);
}

TEST_F(GatewayDoor, APlanIsHeldUntilItChanges) {
  const std::string tag = plan().headers.at("etag");
  auto held = std::async(std::launch::async, [&] { return plan(tag, "wait=50"); });
  EXPECT_EQ(held.wait_for(std::chrono::milliseconds{200}), std::future_status::timeout);
  ASSERT_EQ(roll_out().status, 201);
  const auto answer = held.get();
  ASSERT_EQ(answer.status, 200);
  const auto assignments = answer.json().at("assignments").as_array();
  ASSERT_EQ(assignments.size(), 1u);
  EXPECT_EQ(assignments[0].at("fetch").as_string(), "at_update_time");
  EXPECT_EQ(assignments[0].at("jobs").at(0).at("steps"), value(array{array{sha}}));
}

TEST_F(GatewayDoor, AHeldPlanThatDoesNotChangeEndsAsUnchanged) {
  const std::string tag = plan().headers.at("etag");
  EXPECT_EQ(plan(tag, "wait=1").status, 304);
}

TEST_F(GatewayDoor, PushIsHeldAndTransmittedAtTheServersInstantAlone) {
  ASSERT_EQ(roll_out({{"delivery", "push"}, {"transmit_at", in_seconds(2)}}).status, 201);
  auto answer = plan();
  EXPECT_EQ(answer.json().at("assignments").at(0).at("fetch").as_string(), "hold");
  const auto before = artifact(sha);
  EXPECT_EQ(before.status, 404) << "not before its time";
  EXPECT_NE(before.detail().find("transmission time"), std::string::npos);
  answer = plan(answer.headers.at("etag"), "wait=30");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().at("assignments").at(0).at("fetch").as_string(), "now");
  EXPECT_EQ(artifact(sha).body, bytes);
}

TEST_F(GatewayDoor, AReleasedTransmissionStaysReleasedAfterAKill) {
  ASSERT_EQ(roll_out({{"delivery", "push"}, {"transmit_at", in_seconds(0)}}).status, 201);
  const auto answer = plan();
  if (answer.json().at("assignments").at(0).at("fetch").as_string() == "hold")
    plan(answer.headers.at("etag"), "wait=30");
  const auto now = plan();
  kill();
  start();
  const auto again = plan();
  EXPECT_EQ(again.json().at("assignments").at(0).at("fetch").as_string(), "now");
  EXPECT_EQ(again.headers.at("etag"), now.headers.at("etag"));
}

TEST_F(GatewayDoor, ATransmissionTimeThatPassedWhileTheServerWasDownIsMadeUpFor) {
  ASSERT_EQ(roll_out({{"delivery", "push"}, {"transmit_at", in_seconds(1)}}).status, 201);
  kill();
  start();
  auto answer = plan();
  if (answer.json().at("assignments").at(0).at("fetch").as_string() == "hold")
    answer = plan(answer.headers.at("etag"), "wait=30");
  EXPECT_EQ(answer.json().at("assignments").at(0).at("fetch").as_string(), "now");
}

TEST_F(GatewayDoor, SendsArtifactsWholeAndInRanges) {
  ASSERT_EQ(roll_out().status, 201);
  const auto whole = artifact(sha);
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, bytes);
  EXPECT_EQ(whole.headers.at("etag"), "\"" + sha + "\"");
  EXPECT_EQ(whole.headers.at("accept-ranges"), "bytes");
  const auto part = artifact(sha, {{"Range", "bytes=1000-1999"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, bytes.substr(1000, 1000));
  EXPECT_EQ(part.headers.at("content-range"), "bytes 1000-1999/300000");
  EXPECT_EQ(artifact(sha, {{"Range", "bytes=299990-"}, {"If-Range", "\"" + sha + "\""}}).body,
            bytes.substr(299'990));
  EXPECT_EQ(artifact(sha, {{"Range", "bytes=5-"}, {"If-Range", "\"other\""}}).body, bytes);
  const auto beyond = artifact(sha, {{"Range", "bytes=300000-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.headers.at("content-range"), "bytes */300000");
  const auto head = artifact(sha, {}, "HEAD");
  EXPECT_EQ(head.headers.at("content-length"), "300000");
}

TEST_F(GatewayDoor, HasNoArtifactForASiteThatHasNoBusinessWithIt) {
  EXPECT_EQ(artifact(sha).status, 404) << "no rollout wants it here";
  ASSERT_EQ(roll_out().status, 201);
  EXPECT_EQ(artifact(sha).status, 200);
  EXPECT_EQ(artifact(sha256_hex("unknown")).status, 404);
  EXPECT_EQ(artifact("..%2f..%2fadmin-token").status, 404);
  gateway_token = add_site("lyon");
  EXPECT_EQ(artifact(sha).status, 404);
}

TEST_F(GatewayDoor, TakesReportsOnceAndHasThemOnDiskBeforeItAnswers) {
  ASSERT_EQ(roll_out().status, 201);
  const auto answer = report_one(job(41, "succeeded"));
  kill();  // at once
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json(), value({{"acknowledged", {{"epoch", 1}, {"seq", 41}}}, {"resync", false}}));
  start();
  EXPECT_EQ(get("jobs/r1-till-1").json().at("state").as_string(), "succeeded");
  EXPECT_EQ(plan().json().at("reports_seen"), value({{"epoch", 1}, {"seq", 41}}));
  EXPECT_EQ(report_one(job(41, "failed")).json().at("acknowledged").at("seq").as_int64(), 41);
  EXPECT_EQ(report_one(job(42, "failed")).status, 200);
  const auto shown = get("jobs/r1-till-1").json();
  EXPECT_EQ(shown.at("state").as_string(), "succeeded") << "a result never turns into another";
  EXPECT_EQ(get("rollouts/r1").json().at("state").as_string(), "finished");
}

TEST_F(GatewayDoor, AcknowledgesKindsThatItDoesNotKnow) {
  object odd{{"epoch", 1}, {"seq", 3}, {"at", "2026-11-24T22:00:00Z"}, {"kind", "weather"}, {"rain", true}};
  EXPECT_EQ(report_one(odd).json().at("acknowledged").at("seq").as_int64(), 3);
}

// M5, M11
TEST_F(GatewayDoor, RatesThatAGatewayReportsAreShownForItsSiteAndItsDevices) {
  const auto rate = [&](std::int64_t seq, value device, int bytes_per_second) {
    return object{{"epoch", 1},
                  {"seq", seq},
                  {"at", in_seconds(0)},
                  {"kind", "rate"},
                  {"link", device.is_null() ? "wan" : "lan"},
                  {"device", device},
                  {"hour_of_week", 45},
                  {"rate", bytes_per_second},
                  {"low", 690'000},
                  {"samples", 214},
                  {"age", 840},
                  {"assumed", false},
                  {"capped", false}};
  };
  add_device("till-2");
  EXPECT_TRUE(get("sites/berlin").json().at("rates").at("wan").at("assumed").as_bool());
  array reports;
  reports.push_back(rate(1, nullptr, 740'000));
  reports.push_back(rate(2, "till-1", 11'000'000));
  EXPECT_EQ(report(gateway_token, reports).status, 200);
  kill();
  start();
  const auto wan = get("sites/berlin").json().at("rates").at("wan");
  EXPECT_EQ(wan.at("rate").as_int64(), 740'000);
  EXPECT_EQ(wan.at("low").as_int64(), 690'000);
  EXPECT_EQ(wan.at("percentile").as_int64(), 10);
  EXPECT_FALSE(wan.at("assumed").as_bool());
  EXPECT_EQ(wan.at("sentence").as_string(), "measured 14 min ago from 214 samples");
  EXPECT_EQ(get("devices/till-1").json().at("rate").at("rate").as_int64(), 11'000'000);
  const auto prior = get("devices/till-2").json().at("rate");
  EXPECT_EQ(prior.at("sentence").as_string(), "assumed from 1 device of the same type here");
  EXPECT_TRUE(prior.at("measured_at").is_null());
}

TEST_F(GatewayDoor, SetsAsideAnEntryThatItCanNotTakeAndNamesItOnTheSite) {
  ASSERT_EQ(roll_out().status, 201);
  array reports;
  reports.push_back(job(1, "scheduled"));
  reports.push_back(object{{"epoch", 1}, {"seq", 2}, {"at", "2026-11-24T22:00:00Z"}, {"kind", "job"}, {"job", "r1-till-1"}, {"state", 7}});
  reports.push_back(job(3, "succeeded"));
  const auto answer = report(gateway_token, reports);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().at("acknowledged").at("seq").as_int64(), 3);
  EXPECT_EQ(get("jobs/r1-till-1").json().at("state").as_string(), "succeeded");
  const auto site = get("sites/berlin").json();
  EXPECT_EQ(site.at("reason").as_string(), "report_refused");
  EXPECT_EQ(site.at("refused").at("count").as_int64(), 1);
  EXPECT_EQ(site.at("refused").at("what").as_string(), "job r1-till-1");
  EXPECT_EQ(site.at("refused").at("why").as_string(), "state: must be a string");
}

TEST_F(GatewayDoor, RefusesReportsThatAreNoneAndStoresNothingOfThem) {
  ASSERT_EQ(roll_out().status, 201);
  for (const std::string body : {"", "{}", "[{]", "<html>"}) {
    const auto refused = gateway({.method = "POST", .path = "/gateway/v1/reports", .body = body}, gateway_token);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_TRUE(refused.headers.at("content-type").starts_with("application/problem+json")) << body;
  }
  const Call huge{
      .method = "POST", .path = "/gateway/v1/reports", .body = "[" + std::string(9 << 20, ' ') + "]"};
  EXPECT_EQ(gateway(huge, gateway_token).status, 413);
  array many;
  for (int i = 0; i < 10'001; ++i)
    many.push_back(object{{"epoch", 1}, {"seq", i + 1}, {"at", "2026-11-24T22:00:00Z"}, {"kind", "x"}});
  EXPECT_EQ(report(gateway_token, many).status, 400);
  EXPECT_EQ(plan().status, 200);
}

TEST_F(GatewayDoor, ANewEpochGetsNewActionIds) {
  const auto first = plan().json().at("action_ids").at(0);
  report_one(job(1, "scheduled", 1));
  EXPECT_EQ(plan().json().at("action_ids").at(0), first);
  const std::string tag = plan().headers.at("etag");
  auto held = std::async(std::launch::async, [&] { return plan(tag, "wait=50"); });
  report_one(job(1, "scheduled", 2));
  const auto second = held.get().json();
  EXPECT_EQ(second.at("reports_seen").at("epoch").as_int64(), 2);
  EXPECT_GT(second.at("action_ids").at(0).at("from").as_int64(), first.at("to").as_int64());
}

// A machine that loses its state at each start: it must not use up the ids of its site.
TEST_F(GatewayDoor, EpochsThatFollowOneAnotherWaitAndAnOperatorLetsTheNextOneIn) {
  report_one(job(1, "scheduled", 1));
  EXPECT_EQ(report_one(job(1, "scheduled", 2)).status, 200);
  const auto wait = report_one(job(1, "scheduled", 3));
  EXPECT_EQ(wait.status, 503);
  EXPECT_LE(std::stoi(wait.headers.at("retry-after")), 120);
  EXPECT_GE(std::stoi(wait.headers.at("retry-after")), 100);
  EXPECT_EQ(report_one(job(2, "scheduled", 2)).status, 200) << "the epoch that has begun goes on";
  report_one(job(1, "scheduled", 3));
  EXPECT_EQ(get("sites/berlin").json().at("reason").as_string(), "epoch_waits");
  const auto before = plan().json().at("action_ids").at(0).at("to").as_int64();
  EXPECT_EQ(post("sites/berlin/action-ids", object{{"by", "ines"}, {"why", "another disk"}}).status, 200);
  EXPECT_EQ(report_one(job(1, "scheduled", 3)).status, 200);
  EXPECT_GT(plan().json().at("action_ids").at(0).at("from").as_int64(), before);
  EXPECT_EQ(post("sites/berlin/action-ids", object{{"beyond", true}}).status, 400);
  EXPECT_EQ(post("sites/nowhere/action-ids", object{}).status, 404);
}

// The data folder of an hour ago, and a gateway that has seen what came after it.
TEST_F(GatewayDoor, AfterARestoredBackupItsPlanIsNewerThanAnyThatTheGatewayHasAndAllIsToldAgain) {
  ASSERT_EQ(roll_out().status, 201);
  report_one(job(40, "scheduled"));
  terminate();
  std::filesystem::copy(folder / "data", folder / "backup", std::filesystem::copy_options::recursive);
  start();
  add_device("till-2");
  add_device("till-3");
  const std::string lost = plan().headers.at("etag");
  report_one(job(41, "succeeded"));
  terminate();
  std::filesystem::remove_all(folder / "data");
  std::filesystem::rename(folder / "backup", folder / "data");
  start();
  const auto restored = plan(lost, "wait=50");
  ASSERT_EQ(restored.status, 200) << "at once: the gateway has a plan that we do not know";
  EXPECT_GT(restored.json().at("revision").as_int64(), std::stoll(lost.substr(1)));
  EXPECT_EQ(restored.json().at("reports_seen").at("seq").as_int64(), 40)
      << "so a gateway sees that it was forgotten";
  EXPECT_EQ(plan(restored.headers.at("etag")).status, 304);
  EXPECT_EQ(get("jobs/r1-till-1").json().at("state").as_string(), "scheduled");
  object seen{{"epoch", 1},
              {"seq", 42},
              {"at", "2026-11-24T22:00:00Z"},
              {"kind", "device"},
              {"device", "till-1"},
              {"boot_id", "b"},
              {"running", object{}},
              {"status", "idle"},
              {"attributes", object{}},
              {"seen_at", "2026-11-24T22:00:00Z"}};
  const auto answer = report_one(seen);
  EXPECT_TRUE(answer.json().at("resync").as_bool()) << answer.body;
  report_one(job(43, "succeeded"));
  EXPECT_EQ(get("jobs/r1-till-1").json().at("state").as_string(), "succeeded") << "nothing is lost";
  EXPECT_EQ(plan("\"99999999999999999999\"").status, 200) << "nonsense proves nothing";
}

TEST_F(GatewayDoor, ASecondServerOnTheSameDataIsRefused) {
  Process second{{built("dray-server"), "--config", folder / "server.toml"}};
  EXPECT_EQ(second.wait(), 1);
  EXPECT_NE(second.output().find("in use by another process (" + std::to_string(server->pid()) + ")"),
            std::string::npos)
      << second.output();
  EXPECT_EQ(plan().status, 200) << "the first goes on";
}

TEST_F(GatewayDoor, ACancelReachesTheGatewayAtOnce) {
  ASSERT_EQ(roll_out().status, 201);
  const std::string tag = plan().headers.at("etag");
  auto held = std::async(std::launch::async, [&] { return plan(tag, "wait=50"); });
  const value why{{"by", "ines"}, {"why", "wrong release"}};
  ASSERT_EQ(post("jobs/r1-till-1/cancel", why).status, 200);
  const auto cancel = held.get().json().at("cancels").at(0);
  EXPECT_EQ(cancel.at("job").as_string(), "r1-till-1");
  EXPECT_EQ(cancel.at("by").as_string(), "ines");
  report_one(job(1, "cancelled"));
  const auto rollout = get("rollouts/r1").json();
  EXPECT_EQ(rollout.at("state").as_string(), "finished");
  EXPECT_EQ(rollout.at("failed").as_int64(), 0) << "a cancelled device is no failure";
  EXPECT_EQ(post("jobs/r1-till-1/cancel", why).status, 409);
}

TEST_F(GatewayDoor, ADeviceThatNothingFitsHasNoJobInThePlan) {
  add_type("odd", "fw");
  add_device("odd-1", "berlin", "odd");
  ASSERT_EQ(roll_out().status, 201);
  EXPECT_EQ(plan().json().at("assignments").at(0).at("jobs").as_array().size(), 1u);
  EXPECT_EQ(get("jobs/r1-odd-1").json().at("state").as_string(), "incompatible");
  EXPECT_EQ(get("devices/odd-1").json().at("job").at("reason").as_string(), "nothing_fits");
}

TEST_F(GatewayDoor, SaysLaterWhereItIsAtItsCapacity) {
  terminate();
  limits = "downloads = 1\n";
  start();
  const std::string large = image(40'000'000, 2);
  sha = add_artifact(large, "3");
  add_release("tills", "3", sha);
  ASSERT_EQ(roll_out({{"release", "tills/3"}, {"delivery", "pull"}}).status, 201);
  Connection slow{gateway_port};
  slow.send({.path = "/gateway/v1/artifacts/" + sha, .token = gateway_token});
  EXPECT_EQ(slow.peek(), 'H') << "it has begun, and is more than the sockets hold";
  const auto later = artifact(sha);
  EXPECT_EQ(later.status, 503);
  EXPECT_TRUE(later.headers.contains("retry-after"));
  EXPECT_EQ(slow.receive().body, large);
}

TEST_F(GatewayDoor, ProbesAndHasNoDeltas) {
  const auto probe = gateway({.path = "/gateway/v1/probe?bytes=100000"}, gateway_token);
  EXPECT_EQ(probe.status, 200);
  EXPECT_EQ(probe.body.size(), 100'000u);
  EXPECT_EQ(probe.headers.at("cache-control"), "no-store");
  for (const auto* bad : {"1048577", "-1", "x", ""})
    EXPECT_EQ(gateway({.path = std::string{"/gateway/v1/probe?bytes="} + bad}, gateway_token).status, 400)
        << bad;
  EXPECT_EQ(gateway({.path = "/gateway/v1/deltas/a/b"}, gateway_token).status, 404);
  EXPECT_EQ(gateway({.path = "/gateway/v1/nothing"}, gateway_token).status, 404);
  EXPECT_EQ(gateway({.method = "DELETE", .path = "/gateway/v1/plan"}, gateway_token).status, 405);
}

TEST_F(GatewayDoor, EndsCleanlyWhileAGatewayWaits) {
  const std::string tag = plan().headers.at("etag");
  auto held = std::async(std::launch::async, [&] { return plan(tag, "wait=50"); });
  EXPECT_EQ(held.wait_for(std::chrono::milliseconds{200}), std::future_status::timeout);
  EXPECT_EQ(terminate(), 0) << server->output();
  held.get();
}

// 18 MB of attributes: no gateway would read that, and each try would cost the WAN all of it.
TEST_F(GatewayDoor, APlanThatNoGatewayWouldReadIsNotSent) {
  const auto repeated = [](std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += "\U0001F6D2";
    return out;
  };
  object attributes;
  for (int i = 100; i < 200; ++i) attributes[std::to_string(i) + repeated(125)] = repeated(128);
  for (int half = 0; half < 2; ++half) {
    array devices;
    for (int i = 0; i < 90; ++i)
      devices.push_back({{"name", "big-" + std::to_string(half * 90 + i)}, {"site", "berlin"}, {"type", "till"}, {"attributes", attributes}});
    EXPECT_EQ(plan().status, 200);
    const object bulk{{"devices", std::move(devices)}};
    ASSERT_EQ(post("devices/bulk", bulk).status, 201);
  }
  const auto refused = plan();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("retry-after"), "300");
  EXPECT_NE(refused.detail().find("bytes, and gateways read 16777216"), std::string::npos) << refused.body;
  EXPECT_TRUE(server->wait_for(" plan_too_large "));
  const auto site = get("sites/berlin");
  EXPECT_EQ(site.json().at("reason").as_string(), "plan_too_large") << site.body;
  EXPECT_NE(site.body.find("and gateways read 16777216"), std::string::npos) << site.body;
}

}  // namespace
}  // namespace dray::testing_support

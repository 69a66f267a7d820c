// What a gateway tells of updates that are not done: the device's own words, what it waited for, who and why.
#include <filesystem>

#include "gateway/testing/gateway_test_rig.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;

class ToldTest : public testing_world::GatewayTest {
 protected:
  std::string sentence_of(const std::string& job) const {
    const auto report = server.job(job);
    return report ? report->sentence : "";
  }
  bool until_said(const std::string& job, std::string_view part) {
    const bool said = until([&] { return sentence_of(job).find(part) != std::string::npos; });
    EXPECT_TRUE(said) << part << " in " << sentence_of(job);
    return said;
  }
  std::optional<wire::LogReport> words() const {
    return server.newest<wire::LogReport>([](const auto&) { return true; });
  }
};

// The power-on report comes first and ends the attempt; why it went back only the device can say.
TEST_F(ToldTest, TheReasonOfARollbackArrivesThoughItsEndIsKnown) {
  one_artifact(1, 1 << 16, core::Ask::kConfirmation, core::EndsOn::kPowerOn);
  server.plan.assignments[0].retry.limit = 1;
  start();
  power_on("1.0", "boot-1");
  const std::string id = receive_with_confirmation();
  const std::string path = "/deploymentBase/" + id + "/feedback";
  EXPECT_EQ(post(path, feedback("proceeding", "none", R"(,"dray":{"phase":"switching"})")).status, 200);
  power_on("1.0", "boot-2");
  EXPECT_TRUE(until_state("r1-dev-1", "rolled_back"));
  EXPECT_FALSE(words());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(post(path, feedback("closed", "failure")).status, 200) << "told twice";
  EXPECT_TRUE(until_said("r1-dev-1", "os 1.0 instead of 2.0; the device says: said so"));
  ASSERT_TRUE(until([&] { return words().has_value(); }));
  EXPECT_EQ(words()->lines, std::vector<std::string>{"said so"});
  EXPECT_EQ(words()->attempt, 1);
  EXPECT_EQ(state_of("r1-dev-1"), "rolled_back") << "the result stays";
  const auto logs = std::count_if(server.reports.begin(), server.reports.end(), [](const auto& r) { return std::holds_alternative<wire::LogReport>(r.body); });
  EXPECT_EQ(logs, 1);
}

TEST_F(ToldTest, WhereItIsTriedAgainTheReasonIsOfTheAttemptThatFailed) {
  one_artifact(1, 1 << 16, core::Ask::kConfirmation, core::EndsOn::kPowerOn);
  settings.retry = {std::chrono::seconds{1000}, std::chrono::seconds{1000}};
  start();
  power_on("1.0", "boot-1");
  const std::string id = receive_with_confirmation();
  const std::string path = "/deploymentBase/" + id + "/feedback";
  EXPECT_EQ(post(path, feedback("proceeding", "none", R"(,"dray":{"phase":"switching"})")).status, 200);
  power_on("1.0", "boot-2");
  EXPECT_EQ(post(path, feedback("closed", "failure")).status, 200);
  EXPECT_TRUE(until([&] { return words().has_value(); }));
  EXPECT_EQ(words()->attempt, 1);
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1")->cause.has_value() && server.job("r1-dev-1")->cause->sentence.find("said so") != std::string::npos; }));
  EXPECT_EQ(server.job("r1-dev-1")->cause->reason, "rolled_back");
  restart();
  EXPECT_NE(local(Method::kGet, "/api/v1/jobs").body.find("said so"), std::string::npos) << "it is kept";
}

std::string details(const std::string& execution, const std::string& finished, const std::string& lines) {
  return R"({"id":"1","status":{"execution":")" + execution + R"(","result":{"finished":")" + finished + R"("},"details":[)" + lines + "]}}";
}

// As rauc-hawkbit-updater 1.4: each line by itself, and always the same one at the end.
TEST_F(ToldTest, WhyAnInstallationFailedIsKeptThoughItWasSaidBeforeTheEnd) {
  one_artifact(1, 1 << 16);
  server.plan.assignments[0].retry.limit = 1;
  start();
  const std::string path = "/deploymentBase/" + wait_link("deploymentBase") + "/feedback";
  EXPECT_EQ(get(file_path()).status, 200);
  for (const char* line : {R"("installing")", R"(" 40% Checking bundle failed.")", R"("LastError: Compatible mismatch: Expected 'board' but bundle manifest has 'panel\u001b'")", R"("idle")"})
    EXPECT_EQ(post(path, details("proceeding", "none", line)).status, 200);
  restart();
  EXPECT_EQ(get(file_path()).status, 200) << "a failure right behind our own end would be ours";
  EXPECT_EQ(post(path, details("closed", "failure", R"("Failed to install software bundle.")")).status, 200);
  EXPECT_TRUE(until_said("r1-dev-1", "Failed to install software bundle.; LastError: Compatible mismatch: Expected 'board' but bundle manifest has 'panel\u241b'"));
  EXPECT_EQ(server.job("r1-dev-1")->reason, "device_failed");
}

TEST_F(ToldTest, AnEndWithoutAWordSaysTheLastOnesBeforeIt) {
  one_artifact(3, 1 << 16);
  server.plan.assignments[0].retry.limit = 1;
  start();
  const auto fails = [&](const std::string& device, const std::string& last, const std::string& closing) {
    const std::string path = "/deploymentBase/" + wait_link("deploymentBase", device) + "/feedback";
    EXPECT_EQ(get(file_path(), {.device = device}).status, 200);
    EXPECT_EQ(post(path, details("proceeding", "none", R"("writes slot b")"), {.device = device}).status, 200);
    EXPECT_EQ(post(path, details("proceeding", "none", last), {.device = device}).status, 200);
    EXPECT_EQ(post(path, details("closed", "failure", closing), {.device = device}).status, 200);
    until_state("r1-" + device, "failed");
    return sentence_of("r1-" + device);
  };
  EXPECT_EQ(fails("dev-1", R"("write error","at block 7","")", R"("")"), "the device reported a failure: write error; at block 7");
  EXPECT_EQ(fails("dev-2", "", ""), "the device reported a failure: writes slot b") << "no word is none";
  EXPECT_EQ(fails("dev-3", R"("retries")", R"("no space")"), "the device reported a failure: no space") << "it says it itself";
}

TEST_F(ToldTest, TheSiteSeesTheCauseOfAForeignClientsJobBesideItsState) {
  one_artifact(1, 1 << 16);
  settings.retry = {std::chrono::seconds{1000}, std::chrono::seconds{1000}};
  start();
  const std::string path = "/deploymentBase/" + wait_link("deploymentBase") + "/feedback";
  EXPECT_EQ(get(file_path()).status, 200);
  EXPECT_EQ(post(path, details("proceeding", "none", R"("no space")")).status, 200);
  EXPECT_EQ(post(path, details("closed", "failure", "")).status, 200);
  const auto job = local(Method::kGet, "/api/v1/jobs").json().at("jobs").at(0);
  EXPECT_EQ(job.at("reason").as_string(), "backing_off");
  EXPECT_EQ(job.at("cause").at("reason").as_string(), "device_failed");
  EXPECT_EQ(job.at("cause").at("sentence").as_string(), "the device reported a failure: no space");
}

TEST_F(ToldTest, AFailureBehindASuccessIsHeardOnceAndChangesNoResult) {
  one_artifact(1, 1 << 16);
  start();
  const std::string path = "/deploymentBase/" + wait_link("deploymentBase") + "/feedback";
  EXPECT_EQ(get(file_path()).status, 200);
  EXPECT_EQ(post(path, details("closed", "success", R"("installed")")).status, 200);
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  for (const char* line : {R"("no display")", R"("no display")", R"("and no sound")"}) {
    const auto answer = post(path, details("closed", "failure", line));
    EXPECT_EQ(answer.status, 410);
    EXPECT_TRUE(answer.body.empty());
  }
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1")->cause.has_value(); }));
  EXPECT_EQ(server.job("r1-dev-1")->cause, (core::Cause{"device_failed", "behind its own success the device reported a failure: no display"}));
  EXPECT_EQ(server.job("r1-dev-1")->reason, "succeeded");
  EXPECT_EQ(state_of("r1-dev-1"), "succeeded");
  ASSERT_TRUE(until([&] { return words().has_value(); }));
  EXPECT_EQ(words()->lines, std::vector<std::string>{"no display"});
  restart();
  EXPECT_EQ(post(path, details("closed", "failure", R"("once more")")).status, 410);
  const std::string shown = local(Method::kGet, "/api/v1/jobs").body;
  EXPECT_NE(shown.find("no display"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("once more"), std::string::npos) << "once";
}

// So that its server can tell what was said of before the update from what it runs since.
TEST_F(ToldTest, AReportSaysWhetherWhatRunsWasSaidSinceTheUpdate) {
  one_artifact(1, 1 << 16);
  start();
  power_on("1.0", "boot-1");
  const auto said_since = [&] { return server.device("dev-1") && server.device("dev-1")->said_since_end; };
  EXPECT_TRUE(until(said_since));
  update_foreign("dev-1");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  restart();
  gateway().site().report_everything();
  EXPECT_TRUE(until([&] { return !said_since(); })) << "not since then";
  power_on("1.0", "boot-1");
  EXPECT_TRUE(until(said_since)) << "the same again is said as well";
}

// Else it could come behind the report of a device that has gone back since, and nobody would see that.
TEST_F(ToldTest, AResultIsNotReportedAgainForWhatRuns) {
  one_artifact(1, 1 << 16);
  start();
  power_on("1.0", "boot-1");
  update_foreign("dev-1");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  const auto reports = [&] {
    return std::count_if(server.reports.begin(), server.reports.end(), [](const auto& r) { return std::holds_alternative<wire::JobReport>(r.body); });
  };
  const auto before = reports();
  power_on("3.0", "boot-1");
  EXPECT_TRUE(until([&] { return server.device("dev-1")->running.at("os").version == "3.0"; }));
  EXPECT_EQ(reports(), before);
}

TEST_F(ToldTest, AFullStoreSaysWhatIsFullAndHowMuchIsMissingAlsoWhenItExpired) {
  one_artifact(1, 2'000'000);
  settings.store_quota = 1'500'000;
  start();
  EXPECT_TRUE(until_said("r1-dev-1", "the gateway has no room for os 2.0: its quota lacks 500.0 kB"));
  EXPECT_EQ(server.job("r1-dev-1")->reason, "store_full");
  server.plan.assignments[0].expires_at = wall();
  server.publish();
  EXPECT_TRUE(until_state("r1-dev-1", "expired"));
  EXPECT_TRUE(until_said("r1-dev-1", "expired while the gateway had no room for os 2.0: its quota lacks 500.0 kB"));
  EXPECT_EQ(server.job("r1-dev-1")->cause->reason, "store_full");
}

// Its first step would be installed, and its second never come.
TEST_F(ToldTest, AQuotaThatCanNotHoldAllStepsOfADeviceHoldsItBeforeTheFirst) {
  one_artifact(1, 1'000'000);
  const auto app = server.add_artifact(testing_world::some_bytes(1'000'000, 9), "app", "3.0", 33);
  server.plan.device_types[0].components = {"os", "app"};
  const core::Step first{artifact_.sha256}, second{app.sha256};
  server.plan.assignments[0].jobs[0].steps = {first, second};
  settings.store_quota = 1'500'000;
  start();
  EXPECT_TRUE(until_said("r1-dev-1", "the gateway has no room for os 2.0, app 3.0: its quota lacks 500.0 kB: it is 1.5 MB, and what is needed takes 2.0 MB"));
  EXPECT_EQ(server.job("r1-dev-1")->reason, "store_full");
  EXPECT_TRUE(until([&] { return std::filesystem::exists(folder() + "/data/blobs/" + artifact_.sha256.hex()); })) << "the first is here";
  EXPECT_EQ(link("deploymentBase"), "");
  server.plan.limits.store = 0;
  settings.store_quota = 2'500'000;
  restart();
  EXPECT_FALSE(wait_link("deploymentBase").empty()) << "with room it begins";
}

TEST_F(ToldTest, AFullDiskSaysThatItIsTheDisk) {
  one_artifact(1, 2'000'000);
  settings.store_reserve = std::uint64_t{1} << 60;
  start();
  EXPECT_TRUE(until_said("r1-dev-1", "the gateway has no room for os 2.0: the disk lacks "));
}

TEST_F(ToldTest, APausedRolloutIsToldAsSuchAndNotByItsExpiry) {
  one_artifact(1);
  core::Assignment& a = server.plan.assignments[0];
  a.planned_at = a.expires_at;
  a.held = core::Held{"failure_threshold", "The rollout is paused: too many devices failed."};
  start();
  EXPECT_TRUE(until_said("r1-dev-1", "The rollout is paused: too many devices failed."));
  EXPECT_EQ(server.job("r1-dev-1")->reason, "failure_threshold");
  EXPECT_EQ(sentence_of("r1-dev-1").find("update time"), std::string::npos);
}

// The log tells which name was tried; the device gets no more than 401.
TEST_F(ToldTest, AWrongTokenOfADeviceIsSaidWithTheNameThatWasTried) {
  std::vector<std::string> refused;
  log = Log{Level::kWarn, [] { return WallTime{}; }, [&](Level, std::string_view line) {
              if (line.find("token_refused name") != std::string_view::npos) refused.emplace_back(line);
            }};
  one_artifact(1);
  start();
  for (int i = 0; i < 30; ++i) EXPECT_EQ(get("", {.token = "TargetToken wrong"}).status, 401);
  EXPECT_EQ(get("", {.device = "till-x", .token = "TargetToken tok-dev-1"}).status, 401);
  ASSERT_EQ(refused.size(), 11U) << "ten times an hour a name";
  EXPECT_NE(refused[0].find("dev-1"), std::string::npos) << refused[0];
  EXPECT_NE(refused[0].find("not the token of this device"), std::string::npos) << refused[0];
  EXPECT_NE(refused[10].find("till-x"), std::string::npos) << refused[10];
  EXPECT_EQ(refused[0].find("wrong"), std::string::npos) << "never the token";
  stop();
  log = Log{};
}

TEST_F(ToldTest, AGatewayWhoseTokenItsServerRefusesSaysSo) {
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return gateway().site().time().contact(); }));
  const auto reason = [&] {
    const auto status = local(Method::kGet, "/api/v1/status").json();
    return status.at("reason").is_null() ? std::string{} : std::string{status.at("reason").as_string()};
  };
  EXPECT_EQ(reason(), "");
  server.unknown_token = true;
  server.publish();
  EXPECT_TRUE(until([&] { return reason() == "token_refused"; }));
  EXPECT_NE(local(Method::kGet, "/api/v1/status").body.find("site berlin"), std::string::npos);
  server.unknown_token = false;
  EXPECT_TRUE(until([&] { return reason().empty(); }));
}

// A portal answers everything with its page, or leads to it, until somebody signs in there.
TEST_F(ToldTest, APortalDoesNotAcceptTheToken) {
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return gateway().site().time().contact(); }));
  const auto is_refused = [&] { return local(Method::kGet, "/api/v1/status").body.find("token_refused") != std::string::npos; };
  const auto asks_again = [&] {
    const std::size_t asked = server.requests.size();
    return until([&] { return server.requests.size() >= asked + 3; });
  };
  const std::string page = "<!DOCTYPE html><html><body>Please sign in.</body></html>";
  int status = 302;
  server.answers_reports = [&](const std::string&) { return std::optional{TextResponse{status, {}, page}}; };
  server.unknown_token = true;
  server.publish();
  ASSERT_TRUE(until(is_refused));
  server.garbage = page;  // for a plan, with 200
  server.unknown_token = false;
  server.publish();
  ASSERT_TRUE(asks_again());
  EXPECT_TRUE(is_refused());
  for (const int next : {200, 403, 404}) {
    status = next;
    power_on("1.0", "boot-" + std::to_string(next));  // something to report
    ASSERT_TRUE(asks_again());
    EXPECT_TRUE(is_refused()) << next;
  }
  server.garbage.reset();
  server.refuses = true;
  server.refusal_type = "text/html";
  ASSERT_TRUE(asks_again());
  EXPECT_TRUE(is_refused()) << "a proxy's 409";
  server.refuses = false;
  server.publish();
  EXPECT_TRUE(until([&] { return !is_refused(); })) << "a plan";
  server.answers_reports = nullptr;
}

TEST_F(ToldTest, AProblemDocumentShowsThatTheTokenIsKnown) {
  int refused = 0, accepted = 0;
  log = Log{Level::kInfo, [] { return WallTime{}; }, [&](Level, std::string_view line) {
              refused += line.find("token_refused name") != std::string_view::npos ? 1 : 0;
              accepted += line.find("token_accepted name") != std::string_view::npos ? 1 : 0;
            }};
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return gateway().site().time().contact(); }));
  server.unknown_token = true;
  server.publish();
  ASSERT_TRUE(until([&] { return refused == 1; }));
  server.refuses = true;  // with a problem document
  server.unknown_token = false;
  EXPECT_TRUE(until([&] { return accepted == 1; }));
  stop();
  log = Log{};
}

// Which token it was that came is decided first.
TEST_F(ToldTest, WhyATokenIsRefusedIsSaidByItsKind) {
  std::vector<std::string> refused;
  log = Log{Level::kWarn, [] { return WallTime{}; }, [&](Level, std::string_view line) {
              if (line.find("token_refused name") != std::string_view::npos) refused.emplace_back(line);
            }};
  one_artifact(1);
  start();
  const auto why = [&](testing_world::Sent ask) {
    refused.clear();
    EXPECT_EQ(get("", std::move(ask)).status, 401);
    return refused.empty() ? std::string{} : refused.back();
  };
  const auto expect_why = [&](testing_world::Sent ask, std::string_view part) {
    const std::string line = why(std::move(ask));
    EXPECT_NE(line.find(part), std::string::npos) << line;
  };
  expect_why({.device = "till-a", .token = "GatewayToken wrong"}, "a GatewayToken came with it, and this site has none");
  settings.unknown_devices_token_sha256 = sha256_of(as_bytes("site")).hex();
  restart();
  EXPECT_EQ(get("", {.device = "till-b", .token = "GatewayToken site"}).status, 200);
  expect_why({.device = "till-b", .token = "TargetToken tok"}, "the plan holds no device of this name");
  expect_why({.device = "till-c", .token = "TargetToken tok"}, "the plan holds no device of this name");
  expect_why({.device = "till-c", .token = "GatewayToken wrong"}, "it is not the GatewayToken of this site");
  expect_why({.token = "GatewayToken site"}, "this device has a token of its own");
  expect_why({.token = "TargetToken wrong"}, "it is not the token of this device");
  expect_why({.token = "Basic wrong"}, "neither a TargetToken nor a GatewayToken");
  stop();
  log = Log{};
}

}  // namespace
}  // namespace dray::gateway

// The gateway alone, whole: plan in, artifacts fetched, devices updated, reports out (claims of docs/spec.md by id).
#include "gateway/gateway.h"

#include "gateway/testing/gateway_test_rig.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::Answer;
using testing_world::GatewayTest;
using testing_world::some_bytes;

TEST_F(GatewayTest, M1_StoresAndForwardsAndReportsTheEnd) {
  one_artifact(1);
  start();
  update_foreign("dev-1");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  EXPECT_EQ(link("deploymentBase"), "");
}

TEST_F(GatewayTest, M2_TheWanCarriesAnArtifactOnceForAllDevices) {
  one_artifact(8);
  server.plan.limits.concurrency = 3;
  start();
  for (int i = 1; i <= 8; ++i) update_foreign("dev-" + std::to_string(i));
  for (int i = 1; i <= 8; ++i) EXPECT_TRUE(until_state("r1-dev-" + std::to_string(i), "succeeded"));
  EXPECT_EQ(asked_for("artifacts/"), 1u);
  EXPECT_EQ(gateway().site().link.wan, bytes_.size());
  EXPECT_EQ(gateway().site().link.lan, 8 * bytes_.size());
  EXPECT_LT(gateway().site().link.wan_control, 200'000u);
}

TEST_F(GatewayTest, M3_StepsGoOneByOneEachWithItsOwnAction) {
  plan_for(1);
  const auto os = server.add_artifact(some_bytes(1000, 1), "os", "2.0", 31);
  const auto app = server.add_artifact(some_bytes(2000, 2), "app", "7", 32);
  add_jobs({{os.sha256}, {app.sha256}});
  start();
  const std::string first = wait_link("deploymentBase");
  EXPECT_EQ(get("/deploymentBase/" + first).json().at("deployment").at("chunks").at(0).at("part").as_string(), "os");
  EXPECT_EQ(get(file_path(32, "app")).status, 404) << "not its turn yet";
  EXPECT_EQ(get(file_path(31, "os")).status, 200);
  EXPECT_EQ(post("/deploymentBase/" + first + "/feedback", feedback("closed", "success")).status, 200);
  const std::string second = wait_link("deploymentBase");
  EXPECT_NE(second, first);
  EXPECT_EQ(get("/deploymentBase/" + second).json().at("deployment").at("chunks").at(0).at("part").as_string(), "bApp");
  EXPECT_EQ(get(file_path(32, "app")).body.size(), 2000u);
  EXPECT_EQ(post("/deploymentBase/" + second + "/feedback", feedback("closed", "success")).status, 200);
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
}

TEST_F(GatewayTest, M3_ADeviceThatNothingFitsIsIncompatibleAndLeftAlone) {
  plan_for(1);
  add_jobs({});
  start();
  EXPECT_TRUE(until_state("r1-dev-1", "incompatible"));
  EXPECT_EQ(link("deploymentBase"), "");
}

TEST_F(GatewayTest, M4_FetchesWhenTheUpdateTimeIsReachedAndNotBefore) {
  one_artifact(1);
  server.plan.assignments[0].planned_at = wall() + 1h;
  start();
  EXPECT_TRUE(until_state("r1-dev-1", "scheduled"));
  EXPECT_EQ(asked_for("artifacts/"), 0u);
  EXPECT_EQ(link("deploymentBase"), "");
  restart();  // the time is persisted
  server.away = true;
  clock.leap += 1h;
  EXPECT_TRUE(until([&] { return asked_for("artifacts/") > 0; }));
  server.away = false;
  update_foreign("dev-1");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
}

TEST_F(GatewayTest, M4_TransferIntervalsBoundTheFetch) {
  one_artifact(1);
  server.plan.assignments[0].transfer = {{wall() + 2h, wall() + 3h}};
  start();
  EXPECT_TRUE(until_state("r1-dev-1", "waiting_gateway"));
  EXPECT_EQ(asked_for("artifacts/"), 0u);
  clock.leap += 2h;
  update_foreign("dev-1");
}

TEST_F(GatewayTest, M10_TheServerAloneSaysWhenToTransmit) {
  clock.error = -7h;  // and the gateway's clock is no argument
  one_artifact(1);
  auto& assignment = server.plan.assignments[0];
  assignment.delivery = core::Delivery::kPush;
  assignment.fetch = core::Fetch::kHold;
  assignment.planned_at = wall() + 1h;
  start();
  EXPECT_TRUE(until([&] { return !server.reports.empty(); }));
  EXPECT_EQ(asked_for("artifacts/"), 0u);
  server.plan.assignments[0].fetch = core::Fetch::kNow;
  server.publish();
  EXPECT_TRUE(until([&] { return gateway().site().link.wan == bytes_.size(); }));
  EXPECT_EQ(link("deploymentBase"), "") << "the update time has not come";
  server.away = true;  // it installs with the WAN down
  clock.leap += 1h;
  update_foreign("dev-1");
  restart();
  server.away = false;
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
}

TEST_F(GatewayTest, M16_M17_RepeatsUntilThePowerOnReportShowsTheVersion) {
  one_artifact(1, 100'000, core::Ask::kConfirmation, core::EndsOn::kPowerOn);
  start();
  power_on("1.0", "boot-1");
  const std::string first = receive_with_confirmation();
  EXPECT_EQ(post("/deploymentBase/" + first + "/feedback", feedback("proceeding", "none", R"(,"dray":{"phase":"switching"})")).status, 200);
  power_on("1.0", "boot-2");  // rolled back
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && server.job("r1-dev-1")->attempt == 2; }));
  const std::string second = receive_with_confirmation();
  EXPECT_NE(second, first);
  EXPECT_EQ(post("/deploymentBase/" + second + "/feedback", feedback("proceeding", "none", R"(,"dray":{"phase":"switching"})")).status, 200);
  power_on("2.0", "boot-3");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  EXPECT_EQ(post("/deploymentBase/" + second + "/feedback", feedback("closed", "success")).status, 200) << "the echo";
  EXPECT_EQ(server.job("r1-dev-1")->running.at("os"), "2.0");
  EXPECT_EQ(asked_for("artifacts/"), 1u);
}

TEST_F(GatewayTest, M16_NoPowerOnReportIsAFailedAttempt) {
  one_artifact(1, 1000, core::Ask::kPoll, core::EndsOn::kPowerOn);
  server.plan.device_types[0].power_on_within = 60s;
  start();
  const std::string id = wait_link("deploymentBase");
  EXPECT_EQ(get(file_path()).status, 200);
  EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("closed", "success")).status, 200);
  EXPECT_TRUE(until([&] { return !state_of("r1-dev-1").empty() && state_of("r1-dev-1") != "downloaded"; }));
  clock.leap += 61s;
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1")->attempt == 2; }));
  EXPECT_NE(wait_link("deploymentBase"), id);
}

TEST_F(GatewayTest, M16_ResumesAfterTheLineBroke) {
  one_artifact(1, 3 << 20);
  server.cut_after = 1'500'000;
  start();
  update_foreign("dev-1");
  ASSERT_EQ(server.ranges[artifact_.sha256.hex()].size(), 2u);
  EXPECT_EQ(server.ranges[artifact_.sha256.hex()][1], "bytes=1500000-");
  EXPECT_EQ(server.body_bytes, bytes_.size());
}

TEST_F(GatewayTest, M16_ResumesAfterItsOwnRestart) {
  one_artifact(1, 3 << 20);
  server.cut_after = 1'500'000;
  settings.server_retry_base = settings.server_retry_cap = Duration{3'600'000};
  start();
  EXPECT_TRUE(until([&] { return server.body_bytes == 1'500'000; }));
  stop();
  settings.server_retry_base = settings.server_retry_cap = Duration{20};
  start();
  update_foreign("dev-1");
  EXPECT_EQ(server.ranges[artifact_.sha256.hex()].back(), "bytes=1500000-");
  EXPECT_EQ(server.body_bytes, bytes_.size());
}

TEST_F(GatewayTest, A200WhereARangeWasAskedStartsAgain) {
  one_artifact(1, 1 << 20);
  server.cut_after = 500'000;
  server.ignores_range = true;
  start();
  update_foreign("dev-1");
  EXPECT_EQ(server.body_bytes, bytes_.size() + 500'000);
}

TEST_F(GatewayTest, WrongBytesAreDiscardedAndFetchedAnew) {
  one_artifact(1);
  auto& stored = server.artifacts[artifact_.sha256.hex()];
  stored[1000] ^= 1;
  start();
  EXPECT_TRUE(until([&] { return server.ranges[artifact_.sha256.hex()].size() >= 2; }));
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_FALSE(std::filesystem::exists(folder() + "/data/blobs/" + artifact_.sha256.hex()));
  stored = bytes_;
  update_foreign("dev-1");
}

TEST_F(GatewayTest, AServerWithoutCapacityIsAskedAgainAndNothingCounts) {
  one_artifact(1);
  server.refusals = 3;
  start();
  update_foreign("dev-1");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  EXPECT_EQ(server.job("r1-dev-1")->attempt, 1);
}

TEST_F(GatewayTest, APlanThatIsNoPlanCountsAsNoAnswer) {
  one_artifact(1);
  for (const std::string& garbage : std::vector<std::string>{"<html>log in</html>", "{}", "[1,2", R"({"revision": 1})"}) {
    server.garbage = garbage;
    const auto before = server.requests.size();
    if (before == 0) start();
    EXPECT_TRUE(until([&] { return server.requests.size() > before + 2; })) << garbage;
    EXPECT_TRUE(gateway().site().plan_etag().empty());
    EXPECT_FALSE(gateway().site().time().contact());
  }
  server.garbage.reset();
  update_foreign("dev-1");
}

// Until then the clock may be hours wrong, and the transfer intervals with it.
TEST_F(GatewayTest, NothingIsFetchedBeforeTheServerWasHeardSinceTheStart) {
  one_artifact(1);
  server.refusals = 1'000;
  start();
  EXPECT_TRUE(until([&] { return asked_for("artifacts/") > 0; }));
  stop();
  server.refusals = 0;
  server.garbage = "<html>log in</html>";
  const auto plans = asked_for("plan"), files = asked_for("artifacts/");
  start();
  EXPECT_TRUE(until([&] { return asked_for("plan") > plans + 3; }));
  EXPECT_EQ(asked_for("artifacts/"), files);
  server.garbage.reset();
  update_foreign("dev-1");
}

// The server writes its time into the head of a plan; the rest may take minutes over a slow WAN.
TEST_F(GatewayTest, TheClockCountsFromTheHeadOfThePlanNotFromItsEnd) {
  server.pass = [this](Duration time) { clock.leap += time; };
  server.plan_takes = 5min;
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return gateway().site().time().contact(); }));
  EXPECT_LT(std::chrono::abs(gateway().site().now() - wall()), 3s);
}

// A server with many sites hears once an hour from each that its devices are there, not once for each device.
TEST_F(GatewayTest, WhatWasSeenOfAllDevicesIsToldTogether) {
  plan_for(2);
  start();
  EXPECT_TRUE(until([&] { return !gateway().site().plan_etag().empty(); }));
  for (const char* device : {"dev-1", "dev-2"}) get("", {.device = device});
  EXPECT_TRUE(until([&] { return server.device("dev-1") && server.device("dev-2"); }));
  clock.leap += 40min;
  const WallTime heard = wall();
  get("", {.device = "dev-2"});
  clock.leap += 21min;
  get("", {.device = "dev-1"});
  EXPECT_TRUE(until([&] { return server.device("dev-1")->seen_at > heard; }));
  EXPECT_GE(server.device("dev-2")->seen_at, heard - 1s);
}

// Nobody says any more when it may be fetched; its job goes on only until its device has taken the cancel.
TEST_F(GatewayTest, WhatIsInNoPlanAnyMoreIsNotFetched) {
  one_artifact(1);
  start();
  const std::string id = wait_link("deploymentBase");
  EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("proceeding", "none")).status, 200);
  stop();
  std::filesystem::remove(folder() + "/data/blobs/" + artifact_.sha256.hex());
  const auto other = server.add_artifact(some_bytes(2000, 2), "app", "7", 32);
  core::Assignment& assignment = server.plan.assignments[0];
  assignment.id = AssignmentId{"r2-site"};
  assignment.jobs = {{JobId{"r2-dev-1"}, DeviceId{"dev-1"}, {{other.sha256}}}};
  server.publish();
  start();
  EXPECT_NE(wait_link("cancelAction"), "");
  EXPECT_TRUE(until([&] { return server.ranges[other.sha256.hex()].size() == 1; }));
  EXPECT_EQ(server.ranges[artifact_.sha256.hex()].size(), 1U);
}

TEST_F(GatewayTest, AnUnchangedPlanIs304AndChangesNothing) {
  one_artifact(1);
  start();
  update_foreign("dev-1");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  restart();
  EXPECT_TRUE(until([&] { return gateway().site().time().contact(); }));
  EXPECT_EQ(gateway().site().find_job(JobId{"r1-dev-1"})->phase.index(), core::JobPhase{core::Succeeded{}}.index());
  EXPECT_EQ(asked_for("artifacts/"), 1u);
}

TEST_F(GatewayTest, M19_ACancelBeforeTheSwitchOverReachesTheDevice) {
  one_artifact(1);
  start();
  const std::string id = wait_link("deploymentBase");
  EXPECT_EQ(get(file_path(), {.take = 1000}).status, 200);
  EXPECT_TRUE(until_state("r1-dev-1", "downloading"));
  server.plan.cancels = {{"c1", JobId{"r1-dev-1"}, "ines", "wrong site"}};
  server.publish();
  EXPECT_EQ(wait_link("cancelAction"), id);
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_EQ(get(file_path()).status, 404);
  EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("proceeding", "none")).status, 200) << "late logs";
  EXPECT_EQ(post("/cancelAction/" + id + "/feedback", feedback("closed", "success")).status, 200);
  EXPECT_TRUE(until_state("r1-dev-1", "cancelled"));
  EXPECT_EQ(link("cancelAction"), "");
}

TEST_F(GatewayTest, M18_AtTheExpiryAStartedTransferStops) {
  one_artifact(1);
  server.plan.assignments[0].expires_at = wall() + 1h;
  start();
  const std::string id = wait_link("deploymentBase");
  EXPECT_EQ(get(file_path(), {.take = 1000}).status, 200);
  EXPECT_TRUE(until_state("r1-dev-1", "downloading"));
  clock.leap += 1h;
  EXPECT_TRUE(until_state("r1-dev-1", "expired"));
  EXPECT_EQ(link("cancelAction"), id);
  EXPECT_EQ(get(file_path()).status, 404);
}

TEST_F(GatewayTest, AnArtifactThatRottedIsNeverSentAndFetchedAgain) {
  one_artifact(1);
  start();
  wait_link("deploymentBase");
  stop();
  const std::string path = folder() + "/data/blobs/" + artifact_.sha256.hex();
  {
    std::FILE* f = std::fopen(path.c_str(), "r+");
    ASSERT_NE(f, nullptr);
    std::fseek(f, 5000, SEEK_SET);
    std::fputc(bytes_[5000] ^ 1, f);
    std::fclose(f);
  }
  start();
  wait_link("deploymentBase");
  const Answer bad = get(file_path());
  EXPECT_EQ(bad.status, 404);
  EXPECT_TRUE(bad.body.empty());
  update_foreign("dev-1");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  EXPECT_EQ(server.job("r1-dev-1")->attempt, 1);
}

TEST_F(GatewayTest, AFullStoreIsSaidAndOldArtifactsMakeRoom) {
  one_artifact(1, 2'000'000);
  settings.store_quota = 3'000'000;
  start();
  update_foreign("dev-1");
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  const auto too_large = server.add_artifact(some_bytes(3'500'000, 9), "os", "3.0", 33);
  const auto fits = server.add_artifact(some_bytes(2'500'000, 8), "os", "4.0", 34);
  server.plan.assignments[0].id = AssignmentId{"r2-site"};
  server.plan.assignments[0].jobs = {{JobId{"r2-dev-1"}, DeviceId{"dev-1"}, {{too_large.sha256}}}};
  server.publish();
  EXPECT_TRUE(until([&] { return server.job("r2-dev-1") && server.job("r2-dev-1")->reason == "store_full"; }));
  const auto stored = [&] {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator{folder() + "/data/blobs"}) ++n;
    return n;
  };
  EXPECT_EQ(stored(), 0U) << "the older one made room";
  EXPECT_TRUE(until([&] {
    const auto told = server.newest<wire::StorageReport>([](const auto&) { return true; });
    return told && told->artifacts.empty();
  })) << "the server plans with what is there";
  server.plan.assignments[0].id = AssignmentId{"r3-site"};
  server.plan.assignments[0].jobs = {{JobId{"r3-dev-1"}, DeviceId{"dev-1"}, {{fits.sha256}}}};
  server.publish();
  EXPECT_TRUE(until([&] { return std::filesystem::exists(folder() + "/data/blobs/" + fits.sha256.hex()); }));
  EXPECT_FALSE(std::filesystem::exists(folder() + "/data/blobs/" + artifact_.sha256.hex()));
}

TEST_F(GatewayTest, ReportsWaitOnTheDiskUntilTheyAreAcknowledged) {
  one_artifact(1);
  server.holds_reports = true;
  start();
  update_foreign("dev-1");
  stop();
  server.holds_reports = false;
  start();
  EXPECT_TRUE(until_state("r1-dev-1", "succeeded"));
  EXPECT_TRUE(until([&] { return gateway().site().outbox().empty(); }));
}

TEST_F(GatewayTest, AnOpenActionKeepsItsIdOverARestart) {
  one_artifact(1);
  start();
  const std::string id = wait_link("deploymentBase");
  restart();
  EXPECT_EQ(wait_link("deploymentBase"), id);
}

TEST_F(GatewayTest, ForeignLinksAreShownToAsManyAsMayReceiveAndAnUnusedOneGoesOn) {
  one_artifact(3, 1000);
  server.plan.limits.concurrency = 1;
  settings.poll_sleep = 60s;
  start();
  std::string holder;
  EXPECT_TRUE(until([&] {
    for (const std::string& device : std::vector<std::string>{"dev-1", "dev-2", "dev-3"})
      if (!link("deploymentBase", device).empty()) holder = device;
    return !holder.empty();
  }));
  int shown = 0;
  for (const std::string& device : std::vector<std::string>{"dev-1", "dev-2", "dev-3"}) shown += link("deploymentBase", device).empty() ? 0 : 1;
  EXPECT_EQ(shown, 1);
  const std::string id = link("deploymentBase", holder);
  clock.leap += 120s;  // two poll intervals and no GET
  EXPECT_TRUE(until([&] { return link("deploymentBase", holder).empty(); }));
  for (const std::string& device : std::vector<std::string>{"dev-1", "dev-2", "dev-3"})
    if (device != holder) update_foreign(device);
  EXPECT_EQ(wait_link("deploymentBase", holder), id) << "the same action";
}

TEST_F(GatewayTest, AnAgentWithoutASlotIsToldToComeAgain) {
  one_artifact(2, 1000, core::Ask::kConfirmation);
  server.plan.limits.concurrency = 1;
  start();
  for (const std::string& device : std::vector<std::string>{"dev-1", "dev-2"}) {
    const std::string id = wait_link("confirmationBase", device);
    EXPECT_EQ(post("/confirmationBase/" + id + "/feedback", R"({"confirmation":"confirmed"})", {.device = device}).status, 200);
  }
  gateway().site().transfer_began(JobId{"r1-dev-1"});
  const Answer later = get(file_path(), {.device = "dev-2"});
  EXPECT_EQ(later.status, 503);
  EXPECT_EQ(later.headers.get("Retry-After"), "5");
  EXPECT_TRUE(later.body.empty());
  clock.leap += 61s;  // no progress for a minute
  EXPECT_TRUE(until([&] { return get(file_path(), {.device = "dev-2"}).status == 200; }));
}

TEST_F(GatewayTest, AReplacedAssignmentThatHadNotStartedGoesWithoutAReport) {
  one_artifact(1);
  server.plan.assignments[0].planned_at = wall() + 1h;
  start();
  EXPECT_TRUE(until_state("r1-dev-1", "scheduled"));
  server.plan.assignments.clear();
  server.publish();
  EXPECT_TRUE(until([&] { return gateway().site().jobs().empty(); }));
  EXPECT_EQ(state_of("r1-dev-1"), "scheduled");
}

}  // namespace
}  // namespace dray::gateway

// Whose word counts that an update is done: what the gateway sent, what the device shows, and what it only says.
#include <gtest/gtest.h>

#include "gateway/testing/door_world.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::DoorWorld;
using testing_world::kFile;

class BytesTest : public DoorWorld {
 protected:
  BytesTest() {
    settings.retry = {3600s, 3600s};  // what it says after a failure stands for a while
    settings.poll_sleep = 60s;        // longer than a test: time passes by leaps
  }
  int closes() { return post(feedback_path(), feedback("closed", "success")).status; }
  bool until_said(const std::string& state, const std::string& reason) {
    const auto it = [&] {
      const auto job = server.job("r1-dev-1");
      return job && to_string(job->state) == state && job->reason == reason;
    };
    const bool so = until(it, 20s);
    const auto job = server.job("r1-dev-1");
    EXPECT_TRUE(so) << (job ? std::string{to_string(job->state)} + " / " + job->reason + " / " + job->sentence : "nothing was reported");
    return so;
  }
  void replace_gateway() {
    stop();
    std::filesystem::remove(folder() + "/gateway.db");
    start();
    ASSERT_TRUE(until([&] { return gateway().site().outbox().last().epoch > 1; }));
    server.plan.action_ids.push_back({2'000'001, 3'000'000});
    server.publish();
    id_ = wait_link("deploymentBase");
  }
};

TEST_F(BytesTest, ClosedWithoutARequestForTheArtifactIsAFailedAttempt) {
  begin();
  EXPECT_EQ(get(kFile, {.device = "dev-2"}).status, 404);
  EXPECT_EQ(call(Method::kHead, kFile).status, 200) << "which sends nothing";
  EXPECT_EQ(closes(), 200);
  EXPECT_TRUE(until_said("scheduled", "closed_without_bytes"));
  EXPECT_EQ(closes(), 410) << "that action is over";
  clock.leap += 3601s;
  const std::string first = id_;
  id_ = wait_link("deploymentBase");
  EXPECT_NE(id_, first);
  EXPECT_EQ(get(kFile).status, 200);
  EXPECT_EQ(closes(), 200);
  EXPECT_TRUE(until_said("succeeded", "succeeded"));
  EXPECT_EQ(server.job("r1-dev-1")->attempt, 2);
}

TEST_F(BytesTest, WhatADeviceWasSentIsRememberedAcrossRestartsAndJobs) {
  begin();
  EXPECT_EQ(get(kFile, {.take = 10}).status, 200);
  restart();
  id_ = wait_link("deploymentBase");
  EXPECT_EQ(closes(), 200);
  EXPECT_TRUE(until_said("succeeded", "succeeded"));
  server.plan.assignments[0].jobs[0].id = JobId{"r2-dev-1"};
  server.publish();
  const std::string first = id_;
  ASSERT_TRUE(until([&] { return gateway().site().find_job(JobId{"r2-dev-1"}) != nullptr; }));
  id_ = wait_link("deploymentBase");
  EXPECT_NE(id_, first);
  EXPECT_EQ(closes(), 200);
  EXPECT_TRUE(until([&] { return server.job("r2-dev-1") && server.job("r2-dev-1")->reason == "succeeded"; }));
}

TEST_F(BytesTest, AfterTheGatewayWasReplacedTheWordOfTheDeviceCountsAndIsMarked) {
  begin();
  EXPECT_EQ(get(kFile).status, 200);
  EXPECT_TRUE(until([&] { return server.seen.seq > 0; }));
  replace_gateway();
  EXPECT_EQ(closes(), 200);
  EXPECT_TRUE(until_said("succeeded", "unproven"));
  EXPECT_TRUE(server.job("r1-dev-1")->unproven);
}

TEST_F(BytesTest, OfWhatCameLaterTheNewGatewayKnowsThatNothingWasSent) {
  begin();
  EXPECT_TRUE(until([&] { return server.seen.seq > 0; }));
  replace_gateway();
  const auto newer = server.add_artifact("newer bytes", "os", "3.0", 32);
  server.plan.assignments[0].jobs = {{JobId{"r1-dev-1"}, DeviceId{"dev-1"}, {{newer.sha256}}}};
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().find_job(JobId{"r1-dev-1"})->terms.steps[0][0].version == "3.0"; }));
  id_ = wait_link("deploymentBase");
  EXPECT_EQ(closes(), 200);
  EXPECT_TRUE(until_said("scheduled", "closed_without_bytes"));
}

TEST_F(BytesTest, ATypeMayHaveItsBytesElsewhere) {
  server.plan.device_types.clear();
  begin();
  server.plan.device_types[0].bytes_from = core::BytesFrom::kElsewhere;
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().find_job(JobId{"r1-dev-1"})->terms.bytes_from == core::BytesFrom::kElsewhere; }));
  EXPECT_EQ(closes(), 200);
  EXPECT_TRUE(until_said("succeeded", "succeeded"));
}

TEST_F(BytesTest, AClientThatClosesBeforeItsRestartIsAskedForItsVersionUntilItShowsIt) {
  begin();
  server.plan.device_types[0].closes_early = true;
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().find_job(JobId{"r1-dev-1"})->terms.closes_early; }));
  EXPECT_EQ(put("/configData", config(R"({"dray.version.os":"1.0"})")).status, 200);
  EXPECT_EQ(get(kFile).status, 200);
  EXPECT_EQ(closes(), 200);
  EXPECT_TRUE(until_said("rebooting", "waiting_power_on"));
  EXPECT_NE(link("configData"), "") << "what does it run now?";
  EXPECT_EQ(put("/configData", config(R"({"dray.version.os":"1.0"})")).status, 200);
  EXPECT_EQ(link("configData"), "");
  clock.leap += 31s;
  server.publish();
  EXPECT_TRUE(until([&] { return !link("configData").empty(); })) << "it is asked again, and at its next poll already";
  EXPECT_EQ(put("/configData", config(R"({"dray.version.os":"1.0"})")).status, 200);
  EXPECT_EQ(link("configData"), "");
  restart();
  EXPECT_NE(link("configData"), "") << "also after a restart of the gateway";
  EXPECT_EQ(put("/configData", config(R"({"dray.version.os":"2.0"})")).status, 200);
  EXPECT_TRUE(until_said("succeeded", "succeeded"));
}

// It says what runs only when it is asked, and closes nothing: neither after the update, nor after a roll back.
TEST_F(BytesTest, AForeignClientIsAskedWhatRunsWhileItInstalls) {
  settings.requests_per_second = settings.request_burst = 1000;
  begin(core::Ask::kPoll, core::EndsOn::kPowerOn);
  const std::string before = config(R"({"dray.boot_id":"b1","dray.version.os":"1.0"})");
  EXPECT_EQ(put("/configData", before).status, 200);
  EXPECT_EQ(get(kFile, {.take = 100}).status, 200);
  EXPECT_EQ(link("configData"), "") << "it still receives";
  EXPECT_EQ(get(kFile).status, 200);
  EXPECT_NE(link("configData"), "");
  EXPECT_EQ(put("/configData", before).status, 200);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(link("configData"), "") << "one that asks again at once is not asked again at once";
  clock.leap += 31s;
  server.publish();
  EXPECT_TRUE(until([&] { return !link("configData").empty(); }));
  EXPECT_EQ(link("deploymentBase"), id_) << "it may look for it before it closes";
  EXPECT_EQ(put("/configData", before).status, 200);
  const std::size_t asked = server.requests.size();
  clock.leap += 31s;
  server.publish();
  EXPECT_TRUE(until([&] { return server.requests.size() > asked; }));
  EXPECT_EQ(link("configData"), "") << "a client that does nothing else where it is asked has a poll to close at";
  clock.leap += 31s;
  server.publish();
  EXPECT_TRUE(until([&] { return !link("configData").empty(); }));
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b2","dray.version.os":"2.0"})")).status, 200);
  EXPECT_TRUE(until_said("succeeded", "succeeded"));
  EXPECT_EQ(link("deploymentBase"), "");
}

TEST_F(BytesTest, ARollBackThatItsClientNeverClosesIsAFailedAttempt) {
  begin();
  const auto runs = [&](const std::string& boot) {
    clock.leap += 31s;
    server.publish();
    EXPECT_TRUE(until([&] { return !link("configData").empty(); })) << boot;
    EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":")" + boot + R"(","dray.version.os":"1.0"})")).status, 200);
  };
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b1","dray.version.os":"1.0"})")).status, 200);
  EXPECT_EQ(get(kFile).status, 200);
  runs("b2");
  EXPECT_EQ(link("deploymentBase"), id_) << "once it may have been a loss of power";
  EXPECT_EQ(post(feedback_path(), feedback("proceeding", "none")).status, 200);
  EXPECT_EQ(get(kFile).status, 200);
  restart();
  ASSERT_TRUE(until([&] { return get("").status == 200; }));
  runs("b3");
  EXPECT_TRUE(until_said("scheduled", "backing_off"));
  EXPECT_EQ(server.job("r1-dev-1")->cause->reason, "rolled_back");
  EXPECT_EQ(link("deploymentBase"), "");
}

// --- what a life before this one has sent ---

TEST_F(BytesTest, WhatWasSentBeforeAGatewayWasKilledCountsWhereItsDeviceGoesOn) {
  begin();
  EXPECT_EQ(get(kFile, {.take = 100}).status, 200);
  EXPECT_TRUE(until_said("downloading", "downloading"));
  restart();
  ASSERT_TRUE(until([&] { return get("").status == 200; }));
  EXPECT_EQ(get(kFile, {.headers = with("Range", "bytes=100-"), .take = 200}).status, 206);
  EXPECT_EQ(get(kFile, {.headers = with("Range", "bytes=500-")}).status, 206);
  EXPECT_TRUE(std::holds_alternative<core::Transmitting>(gateway().site().find_job(JobId{"r1-dev-1"})->phase)) << "the first one says it, no later one";
  EXPECT_EQ(get(kFile, {.headers = with("Range", "bytes=300-499")}).status, 206);
  EXPECT_TRUE(until_said("downloaded", "downloaded"));
  EXPECT_EQ(server.job("r1-dev-1")->bytes, bytes_.size());
}

TEST_F(BytesTest, OneThatOnlyLooksWhetherThereIsMoreHasAllOfIt) {
  begin();
  EXPECT_EQ(get(kFile, {.take = 100}).status, 200);
  EXPECT_EQ(get(kFile, {.headers = with("Range", "bytes=640-")}).status, 416);
  EXPECT_TRUE(std::holds_alternative<core::Transmitting>(gateway().site().find_job(JobId{"r1-dev-1"})->phase)) << "we know better";
  restart();
  ASSERT_TRUE(until([&] { return get("").status == 200; }));
  EXPECT_EQ(get(kFile, {.headers = with("Range", "bytes=640-")}).status, 416);
  EXPECT_TRUE(until_said("downloaded", "downloaded"));
}

// What it said of a component before is over, also as what it runs.
TEST_F(BytesTest, WhatItSaidOfInstalledBaseEndsNoLaterUpdate) {
  begin();
  const auto older = server.add_artifact("older bytes", "os", "1.0", 32);
  server.publish();
  const std::string said = R"({"name":"os","version":"1.0"})";
  ASSERT_TRUE(until([&] { return put("/installedBase", said).status == 201; }));
  EXPECT_EQ(put("/installedBase", said).status, 200);
  EXPECT_EQ(get(kFile).status, 200);
  EXPECT_EQ(closes(), 200);
  EXPECT_TRUE(until_said("succeeded", "succeeded"));
  server.plan.assignments[0].jobs = {{JobId{"r2-dev-1"}, DeviceId{"dev-1"}, {{older.sha256}}}};
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().find_job(JobId{"r2-dev-1"}) != nullptr; }));
  EXPECT_FALSE(core::is_final(*gateway().site().find_job(JobId{"r2-dev-1"})));
  id_ = wait_link("deploymentBase");
  EXPECT_FALSE(id_.empty());
}

TEST_F(BytesTest, AClientThatClosesBeforeItsRestartAndShowsNothingIsTakenAtItsWord) {
  begin();
  server.plan.device_types[0].closes_early = true;
  server.publish();
  ASSERT_TRUE(until([&] { return gateway().site().find_job(JobId{"r1-dev-1"})->terms.closes_early; }));
  EXPECT_EQ(get(kFile).status, 200);
  EXPECT_EQ(closes(), 200);
  EXPECT_TRUE(until_said("succeeded", "unproven"));
}

}  // namespace
}  // namespace dray::gateway

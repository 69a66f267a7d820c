// Causes beside states, and devices that no longer run what ended well, as the server keeps and shows them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "adapters/sqlite/server_store_testing.h"
#include "schema/server.h"
#include "wire/json.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

class Told : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    roll_out(core::Delivery::kPull, "name~till-*");
  }
  void says(const std::string& job, const std::string& state, const std::string& reason = "", const std::string& sentence = "",
            std::optional<core::Cause> cause = {}, std::int64_t step = 0, std::int64_t attempt = 1) {
    wire::Report one = job_report(1, ++seq_, job, state, attempt);
    auto& body = std::get<wire::JobReport>(one.body);
    body.reason = reason;
    body.sentence = sentence;
    body.cause = std::move(cause);
    body.step = step;
    report("berlin", {one});
  }
  void runs(const std::string& os, const std::string& boot, WallTime at = kNow) {
    runs_all({{"os", {os, ""}}, {"app", {"2", ""}}}, boot, at);
  }
  void runs_all(core::RunningByComponent running, const std::string& boot, WallTime at = kNow, bool since_end = false) {
    wire::DeviceReport body;
    body.said_since_end = since_end;
    body.device = DeviceId{"till-1"};
    body.boot_id = boot;
    body.running = std::move(running);
    report("berlin", {{1, ++seq_, at, body}});
  }
  void retry(const std::string& rollout) {
    must(store->change_rollout(RolloutId{rollout}, core::RetryAsked{"ines", "", {}}, plan_type, kNow, {}));
  }
  void roll_out_os_1() {
    must(store->add_blob({sha('d'), 10, std::string(40, '1'), std::string(32, '2')}, kNow));
    must(store->add_artifact({sha('d'), "image", "image.img", "os", "1", {"till"}}, kNow, {}));
    must(store->add_release({"tills", "1", {sha('d')}}, kNow, {}));
    wire::NewRollout rollout{.release_name = "tills", .release_version = "1"};
    rollout.phases.resize(1);
    rollout.terms = {.delivery = core::Delivery::kPull, .update_at = kNow + 2h, .expires_at = kNow + 9h};
    must(store->add_rollout(rollout, must(core::parse_filter("", core::kDeviceFields)), plan_type, kNow, {}));
  }
  wire::JobView job(const std::string& id = "r1-till-1") { return must(lists.job(JobId{id})); }
  wire::RolloutView rollout() { return must(lists.rollout(RolloutId{"r1"})); }
  std::size_t passing(const std::string& filter) {
    return must(lists.jobs(RolloutId{"r1"}, {.cursor = {}, .limit = 100, .filter = must(core::parse_filter(filter, core::kJobFields))})).items.size();
  }

  std::int64_t seq_ = 0;
  int rollouts_ = 1;  // the first is there
};

const core::Cause kBroken{"device_failed", "the device reported a failure: write error"};

TEST_F(Told, TheCauseStaysBesideWhateverIsSaidInItsPlace) {
  says("r1-till-1", "scheduled", "backing_off", "attempt 2 begins later", kBroken, 0, 2);
  must(store->change_rollout(RolloutId{"r1"}, core::PauseAsked{"ines", "odd"}, plan_type, kNow, {}));
  EXPECT_EQ(job().result.reason, "paused");
  EXPECT_EQ(job().result.cause, kBroken);
  EXPECT_EQ(wire::encode(job()).at("cause").at("sentence").as_string(), kBroken.sentence);
  EXPECT_EQ(passing("cause=device_failed"), 1u);
  const core::Cause full{"store_full", "while the gateway had no room for os 2"};
  says("r1-till-1", "expired", "expired", "expired while the gateway had no room for os 2", full, 0, 2);
  EXPECT_EQ(job().result.cause, full);
  must(store->change_rollout(RolloutId{"r1"}, core::ResumeAsked{}, plan_type, kNow, {}));
  must(store->change_rollout(RolloutId{"r1"}, core::RetryAsked{"ines", "", kNow + 20h}, plan_type, kNow, {}));
  EXPECT_FALSE(job().result.cause) << "of a fresh try";
  EXPECT_EQ(job().past.at(0).result.cause, full);
}

TEST_F(Told, AResultKeepsItsStateAndTakesMoreWords) {
  says("r1-till-1", "rolled_back", "rolled_back", "the device went back");
  says("r1-till-1", "rolled_back", "rolled_back", "the device went back; the device says: no display");
  EXPECT_EQ(job().result.sentence, "the device went back; the device says: no display");
  says("r1-till-1", "succeeded", "succeeded", "the device runs the new version");
  EXPECT_EQ(job().result.state, core::JobState::kRolledBack);
  EXPECT_EQ(job().result.sentence, "the device went back; the device says: no display");
}

TEST_F(Told, ADeviceBetweenTwoStepsOfAPausedRolloutIsNotSaidToBePaused) {
  must(store->change_rollout(RolloutId{"r1"}, core::PauseAsked{"ines", ""}, plan_type, kNow, {}));
  says("r1-till-1", "waiting_confirm", "device_deferring", "asked", {}, 1);
  EXPECT_EQ(job().result.reason, "device_deferring");
  says("r1-till-1", "waiting_confirm", "device_deferring", "asked", {}, 0);
  EXPECT_EQ(job().result.reason, "paused");
}

TEST_F(Told, APlanSaysWhyItHolds) {
  EXPECT_FALSE(must(store->load_plan("berlin")).assignments.at(0).held);
  must(store->change_rollout(RolloutId{"r1"}, core::PauseAsked{"ines", "odd"}, plan_type, kNow, {}));
  const auto held = must(store->load_plan("berlin")).assignments.at(0).held;
  EXPECT_EQ(held, (core::Held{"paused", "The rollout is paused by ines: odd."}));
}

TEST_F(Told, ADeviceThatNoLongerRunsWhatSucceededHasDriftedAndMayBeRetried) {
  runs("2", "boot-1");
  says("r1-till-1", "succeeded", "succeeded", "the device runs the new version");
  EXPECT_FALSE(job().drifted);
  EXPECT_TRUE(store->change_rollout(RolloutId{"r1"}, core::RetryAsked{}, plan_type, kNow, {}).error().message().find("none has drifted") != std::string::npos);
  runs("1", "boot-2", kNow + 1h);
  ASSERT_TRUE(job().drifted);
  EXPECT_EQ(job().drifted->since, kNow + 1h);
  EXPECT_EQ(job().drifted->running, (std::map<std::string, std::string>{{"os", "1"}}));
  EXPECT_EQ(job().result.state, core::JobState::kSucceeded) << "a result never changes";
  EXPECT_EQ(wire::encode(job()).at("drifted").at("running").at("os").as_string(), "1");
  runs("1", "boot-3", kNow + 2h);
  EXPECT_EQ(job().drifted->since, kNow + 1h) << "since when";
  const auto shown = wire::encode(rollout());
  EXPECT_EQ(shown.at("drifted").as_int64(), 1);
  EXPECT_EQ(shown.at("succeeded").as_int64(), 1);
  EXPECT_NE(std::string{shown.at("sentence").as_string()}.find("1 drifted since"), std::string::npos) << shown.at("sentence");
  EXPECT_EQ(passing("drifted=yes"), 1u);

  must(store->change_rollout(RolloutId{"r1"}, core::RetryAsked{"ines", "", {}}, plan_type, kNow + 3h, {}));
  EXPECT_EQ(job("r1.2-till-1").result.state, core::JobState::kScheduled);
  EXPECT_FALSE(job("r1.2-till-1").drifted);
  EXPECT_EQ(job("r1.2-till-1").past.at(0).result.state, core::JobState::kSucceeded);
  EXPECT_EQ(wire::encode(rollout()).at("drifted").as_int64(), 0);
  EXPECT_EQ(must(store->load_plan("berlin")).assignments.at(0).jobs.at(0).id.value(), "r1.2-till-1");
}

TEST_F(Told, ADriftEndsWhereTheDeviceRunsItAgainOrAnotherUpdateReplacesIt) {
  runs("2", "boot-1");
  says("r1-till-1", "succeeded");
  runs("1", "boot-2", kNow + 1h);
  EXPECT_TRUE(job().drifted);
  runs("2", "boot-3", kNow + 2h);
  EXPECT_FALSE(job().drifted) << "it runs it again";
  runs("1", "boot-4", kNow + 3h);
  roll_out(core::Delivery::kPull, "name=till-1");
  EXPECT_TRUE(job().drifted) << "the other one has not begun";
  says("r2-till-1", "downloading");
  EXPECT_FALSE(job().drifted);
  says("r2-till-1", "succeeded");
  runs("2", "boot-5", kNow + 4h);
  EXPECT_FALSE(job().drifted);
  EXPECT_FALSE(job("r2-till-1").drifted);
}

// The older rollout is the one that updated it last: on purpose.
TEST_F(Told, WhoUpdatedADeviceLastSaysWhatItShouldRun) {
  says("r1-till-1", "failed");
  roll_out_os_1();
  says("r2-till-1", "downloading");
  says("r2-till-1", "succeeded");
  runs("1", "boot-1");
  EXPECT_FALSE(job("r2-till-1").drifted);
  must(store->db().execute("UPDATE rollout SET priority=1 WHERE id=1"));  // else a newer one is not taken back
  retry("r1");
  EXPECT_FALSE(job("r2-till-1").drifted);
  says("r1.2-till-1", "downloading");
  says("r1.2-till-1", "succeeded");
  runs("2", "boot-2");
  EXPECT_FALSE(job("r2-till-1").drifted) << "r1 has replaced it";
  EXPECT_FALSE(job("r1.2-till-1").drifted);
  runs("1", "boot-3");
  EXPECT_TRUE(job("r1.2-till-1").drifted);
  EXPECT_FALSE(job("r2-till-1").drifted);
}

TEST_F(Told, OfJobsFromBeforeTheOrderWasKeptTheirRowsTell) {
  roll_out_os_1();
  says("r2-till-1", "succeeded");
  says("r1-till-1", "succeeded");
  must(store->db().execute("UPDATE job SET turn=0"));
  runs("2", "boot-1");
  EXPECT_TRUE(job("r2-till-1").drifted) << "its row is the newer one";
  EXPECT_FALSE(job("r1-till-1").drifted);
}

TEST_F(Told, ADriftIsSaidAgainWhereTheUpdateThatWasToEndItFails) {
  runs("2", "boot-1");
  says("r1-till-1", "succeeded");
  runs("1", "boot-2", kNow + 1h);
  roll_out(core::Delivery::kPull, "name=till-1");
  for (const char* end : {"failed", "expired", "cancelled"}) {
    const std::string id = job("r2-till-1").id.value();
    says(id, "downloading");
    EXPECT_FALSE(job().drifted) << end;
    says(id, end);
    ASSERT_TRUE(job().drifted) << end;
    EXPECT_EQ(job().drifted->running, (std::map<std::string, std::string>{{"os", "1"}}));
    if (end != std::string_view{"cancelled"}) retry("r2");
  }
}

// It has restarted for a trial, says that it failed, and goes back.
TEST_F(Told, ADeviceThatHasNotReportedSinceItsUpdateFailedHasNotDrifted) {
  runs("2", "boot-1");
  says("r1-till-1", "succeeded");
  roll_out_os_1();
  says("r2-till-1", "rebooting");
  runs("1", "boot-2", kNow + 1h);
  says("r2-till-1", "failed");
  EXPECT_FALSE(job().drifted) << "not for a moment";
  runs("2", "boot-3", kNow + 2h);
  EXPECT_FALSE(job().drifted);
  // It stays where it is, and says nothing new.
  retry("r2");
  says("r2.2-till-1", "rebooting");
  runs("1", "boot-4", kNow + 3h);
  says("r2.2-till-1", "failed");
  EXPECT_FALSE(job().drifted);
  runs("1", "boot-4", kNow + 4h);
  ASSERT_TRUE(job().drifted);
  EXPECT_EQ(job().drifted->since, kNow + 4h);
}

TEST_F(Told, AnUpdateThatFailsBeforeWhatSucceededWasReportedIsNoDrift) {
  runs("1", "boot-1");
  says("r1-till-1", "succeeded");  // by the device's word: its version comes later
  roll_out_os_1();
  says("r2-till-1", "downloading");
  says("r2-till-1", "failed");
  EXPECT_FALSE(job().drifted);
  runs("2", "boot-2", kNow + 1h);
  EXPECT_FALSE(job().drifted);
}

TEST_F(Told, WhatADeviceDoesNotReportEndsNoDrift) {
  runs("2", "boot-1");
  says("r1-till-1", "succeeded");
  runs("1", "boot-2", kNow + 1h);
  runs_all({}, "boot-3", kNow + 2h);
  ASSERT_TRUE(job().drifted);
  EXPECT_EQ(job().drifted->since, kNow + 1h);
  runs_all({{"app", {"3", ""}}}, "boot-4", kNow + 3h);
  ASSERT_TRUE(job().drifted);
  EXPECT_EQ(job().drifted->running, (std::map<std::string, std::string>{{"app", "3"}, {"os", "1"}}));
  runs("2", "boot-5", kNow + 4h);
  EXPECT_FALSE(job().drifted);
}

// A new boot id is no part of it: a device may be given another version, or other bytes, without a restart.
TEST_F(Told, AnotherVersionOrOtherBytesUnderTheSameBootAreADrift) {
  const auto says_of_os = [&](const std::string& version, char hash, WallTime at) { runs_all({{"os", {version, std::string(64, hash)}}, {"app", {"2", ""}}}, "boot-1", at); };
  says_of_os("2", 'a', kNow);
  says("r1-till-1", "succeeded");
  EXPECT_FALSE(job().drifted);
  says_of_os("1", 'e', kNow + 1h);
  ASSERT_TRUE(job().drifted);
  EXPECT_EQ(job().drifted->running, (std::map<std::string, std::string>{{"os", "1"}}));
  says_of_os("2", 'a', kNow + 2h);
  EXPECT_FALSE(job().drifted);
  says_of_os("2", 'e', kNow + 3h);
  ASSERT_TRUE(job().drifted) << "other bytes alone";
  EXPECT_EQ(job().drifted->since, kNow + 3h);
  says_of_os("2", 'a', kNow + 4h);
  EXPECT_FALSE(job().drifted);
}

// It said that it was done, and then, asked again, the same as before.
TEST_F(Told, WhatADeviceSaysOnceMoreBehindItsSuccessIsADrift) {
  const core::RunningByComponent old_version{{"os", {"1", ""}}, {"app", {"2", ""}}}, other_bytes{{"os", {"2", std::string(64, 'e')}}, {"app", {"2", ""}}};
  for (const auto& before : {old_version, other_bytes}) {
    runs_all(before, "boot-1");
    const std::string id = "r" + std::to_string(rollouts_) + "-till-1";
    says(id, "succeeded");
    runs_all(before, "boot-1", kNow + 1h);
    EXPECT_FALSE(job(id).drifted) << "not said since: a report of when it called";
    runs_all(before, "boot-1", kNow + 2h, true);
    ASSERT_TRUE(job(id).drifted);
    EXPECT_EQ(job(id).drifted->since, kNow + 2h);
    runs_all(before, "boot-1", kNow + 3h, true);
    EXPECT_EQ(job(id).drifted->since, kNow + 2h);
    roll_out(core::Delivery::kPull, "name=till-1");
    ++rollouts_;
  }
}

TEST_F(Told, ADeferralSaysForHowManyItComesTooLate) {
  says("r1-till-1", "downloading");
  wire::NewDeferral wish;
  wish.site = "berlin";
  wish.until = kNow + 1h;
  wish.by = "ines";
  wish.accept_expiry = true;
  must(store->add_deferral(wish, kNow, {}));
  const auto shown = must(lists.deferral("d1"));
  EXPECT_EQ(shown.jobs, 1);
  EXPECT_EQ(shown.too_late, 1);
  says("r1-till-1", "scheduled", "", "", {}, 0, 2);
  EXPECT_EQ(must(lists.deferral("d1")).too_late, 0);
}

// What SQL takes for begun, and for a failure, is what core says.
TEST_F(Told, TheListsOfStatesAreThoseOfTheirPredicates) {
  wire::NewDeferral wish;
  wish.site = "berlin";
  wish.until = kNow + 1h;
  wish.by = "ines";
  wish.accept_expiry = true;
  must(store->add_deferral(wish, kNow, {}));
  for (int i = 0; i < static_cast<int>(core::JobState::kUnknown); ++i) {
    const auto state = static_cast<core::JobState>(i);
    if (core::is_final(state)) continue;
    must(store->db().execute("UPDATE job SET state='" + std::string{core::to_string(state)} + "'"));
    EXPECT_EQ(must(lists.deferral("d1")).too_late, core::is_waiting(state) ? 0 : 1) << state;
  }
  must(store->db().execute("UPDATE job SET state='scheduled'"));
  for (int i = 0; i < static_cast<int>(core::JobState::kUnknown); ++i) {
    const auto state = static_cast<core::JobState>(i);
    if (!core::is_final(state)) continue;
    roll_out(core::Delivery::kPull, "name=till-1");
    const std::string rollout = "r" + std::to_string(++rollouts_);
    says(rollout + "-till-1", std::string{core::to_string(state)});
    const auto asked = store->change_rollout(RolloutId{rollout}, core::RetryAsked{"ines", "", {}}, plan_type, kNow, {});
    EXPECT_EQ(static_cast<bool>(asked), core::is_failure(state)) << state;
    EXPECT_EQ(job(rollout + "-till-1").past.size(), core::is_failure(state) ? 1u : 0u) << state;
  }
}

// Of every older schema: jobs that were there have no turn yet.
TEST(ServerSchemaDrift, JobsOfOlderSchemasHaveNoTurn) {
  for (std::size_t before = 1; before < std::size(schema::kServer); ++before) {
    const std::string path = testing::TempDir() + "dray_turns_" + std::to_string(::getpid()) + ".db";
    {
      Db old = must(Db::open({.path = path, .vfs = {}}));
      must(old.migrate(std::span{schema::kServer}.first(before)));
      must(old.execute("PRAGMA foreign_keys=OFF"));
      must(old.execute("INSERT INTO release(id, name, version, created_at) VALUES(1, 'tills', '2', 0)"));
      must(old.execute("INSERT INTO rollout(id, release_id, filter, delivery, update_at, expires_at, transfer, update_windows, priority, "
                       "status_deferral, created_at, " + std::string{before < 3 ? "phase, phase_at" : "state, state_at"} +
                       ") VALUES(1, 1, '', 'pull', 0, 1, '[]', '[]', 0, 900, 0, 'finished', 0)"));
      must(old.execute("INSERT INTO job(id, rollout_id, assignment_id, device_id, rollout_type_id, state, final) VALUES(1, 1, 1, 1, 1, 'succeeded', 1)"));
    }
    {
      auto store = must(SqliteServerStore::open({.path = path, .vfs = {}}));
      Statement turn{store->db(), "SELECT turn FROM job"};
      EXPECT_TRUE(must(turn.step())) << before;
      EXPECT_EQ(turn.integer(0), 0) << before;
    }
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  }
}

}  // namespace
}  // namespace dray::adapters

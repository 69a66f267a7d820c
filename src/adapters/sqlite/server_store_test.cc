#include "adapters/sqlite/server_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "adapters/sqlite/server_store_testing.h"
#include "schema/server.h"

namespace dray::adapters {
namespace {

using namespace server_testing;
using server::Once;

class ServerStore : public StoreFixture {};

TEST_F(ServerStore, PlansEachSiteWithItsOwnDevicesInTheOrderOfTheirType) {
  EXPECT_EQ(roll_out().id, "r1");
  const core::Plan plan = must(store->load_plan("berlin"));
  ASSERT_EQ(plan.assignments.size(), 1u);
  const auto& assignment = plan.assignments[0];
  EXPECT_EQ(assignment.id.value(), "r1-berlin");
  EXPECT_EQ(assignment.fetch, core::Fetch::kAtUpdateTime);
  EXPECT_EQ(assignment.planned_at, kNow + 2h);
  ASSERT_EQ(assignment.jobs.size(), 1u);
  EXPECT_EQ(assignment.jobs[0].id.value(), "r1-till-1");
  EXPECT_EQ(assignment.jobs[0].steps, (std::vector<core::Step>{{sha('a')}, {sha('b')}}));
  EXPECT_EQ(plan.artifacts.size(), 2u);
  EXPECT_EQ(plan.devices.size(), 2u);
  EXPECT_EQ(must(store->load_plan("lyon")).assignments[0].jobs[0].device.value(), "till-2");
}

// M9, M15
TEST_F(ServerStore, ADeferralIsInThePlanOfItsSiteUntilItIsWithdrawn) {
  roll_out();
  const auto before = revision("berlin"), elsewhere = revision("lyon");
  const auto done = must(store->add_deferral(
      {.device = "till-1", .until = kNow + 4h, .by = "ines", .why = "stocktaking"}, kNow, {}));
  EXPECT_EQ(done.made.id, "d1");
  EXPECT_EQ(done.jobs, 1);
  EXPECT_EQ(revision("berlin"), before + 1);
  EXPECT_EQ(revision("lyon"), elsewhere);
  const core::Deferral wanted{"d1", DeviceId{"till-1"}, {}, kNow + 4h, "ines", "stocktaking"};
  EXPECT_EQ(must(store->load_plan("berlin")).deferrals, std::vector{wanted});
  roll_out();  // a new plan
  EXPECT_EQ(must(store->load_plan("berlin")).deferrals, std::vector{wanted});
  EXPECT_EQ(must(store->withdraw_deferral("d1", kNow + 1h)).size(), 1u);
  EXPECT_TRUE(must(store->load_plan("berlin")).deferrals.empty());
  EXPECT_TRUE(must(store->withdraw_deferral("d1", kNow + 1h)).empty());
  EXPECT_FALSE(must(lists.deferral("d1")).stands);
  EXPECT_EQ(store->withdraw_deferral("d9", kNow).error().code(), ErrorCode::kNotFound);
}

TEST_F(ServerStore, ADeferralOfASiteMeansOneRolloutOrAllAndIsRefusedWhereItLeavesNoTime) {
  roll_out();
  const auto refused =
      must(store->add_deferral({.site = "berlin", .rollout = "r1", .until = kNow + 9h}, kNow, {}));
  ASSERT_TRUE(refused.latest_possible);
  EXPECT_LT(*refused.latest_possible, kNow + 9h);
  EXPECT_GT(*refused.latest_possible, kNow + 8h + 50min);
  EXPECT_TRUE(must(store->load_plan("berlin")).deferrals.empty());
  const auto accepted = must(store->add_deferral(
      {.site = "berlin", .rollout = "r1", .until = kNow + 9h, .accept_expiry = true}, kNow, {}));
  EXPECT_FALSE(accepted.latest_possible);
  EXPECT_EQ(must(store->load_plan("berlin")).deferrals.at(0).assignment.value(), "r1-berlin");
  EXPECT_EQ(store->add_deferral({.site = "berlin", .until = kNow}, kNow, {}).error().message(),
            "until: is over already");
  EXPECT_EQ(store->add_deferral({.site = "oslo", .until = kNow + 1h}, kNow, {}).error().code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(store->add_deferral({.site = "berlin", .rollout = "r9", .until = kNow + 1h}, kNow, {})
                .error()
                .message(),
            "rollout: no such rollout: 'r9'");
}

TEST_F(ServerStore, ListsDeferralsOfItsOwnAndOfTheSitesAPageAtATime) {
  roll_out();
  report("berlin",
         {{1, 1, kNow,
           wire::DeferralReport{{"l1", DeviceId{"till-1"}, AssignmentId{"r1-berlin"}, kNow + 3h, "kim", ""},
                                false}}});
  for (int i = 0; i < 3; ++i) must(store->add_deferral({.site = "lyon", .until = kNow + 3h}, kNow, {}));
  std::vector<std::string> ids;
  server::PageQuery query{.limit = 3};
  do {
    auto page = must(lists.deferrals(query));
    for (const auto& item : page.items) ids.push_back(item.from + " " + item.id + " " + item.rollout);
    query.cursor = page.next;
  } while (!query.cursor.empty());
  EXPECT_EQ(ids, (std::vector<std::string>{"site l1 r1", "server d1 ", "server d2 ", "server d3 "}));
}

// M19
TEST_F(ServerStore, ADeviceThatWasCancelledAtItsSiteIsNotAskedAgainByAnotherGateway) {
  roll_out();
  report("berlin", {job_report(1, 1, "r1-till-1", "cancelled")});
  const auto plan = must(store->load_plan("berlin"));
  ASSERT_EQ(plan.cancels.size(), 1u);
  EXPECT_EQ(plan.cancels[0].job.value(), "r1-till-1");
}

TEST_F(ServerStore, ADeviceThatNothingFitsGetsNoOrderAndIsShownAsIncompatible) {
  roll_out();
  const auto job = must(lists.job(JobId{"r1-odd-1"}));
  EXPECT_EQ(job.result.state, core::JobState::kIncompatible);
  EXPECT_NE(job.result.sentence.find("odd"), std::string::npos);
  EXPECT_EQ(must(lists.rollout(RolloutId{"r1"})).states[0],
            (core::StateCounts{{core::JobState::kIncompatible, 1}, {core::JobState::kScheduled, 2}}));
}

TEST_F(ServerStore, ARolloutForIncompatibleDevicesOnlyIsFinishedAtOnceAndConcernsNoSite) {
  const auto before = revision("berlin");
  EXPECT_TRUE(roll_out(core::Delivery::kPull, "type=odd").changed.empty());
  EXPECT_EQ(rollout_state("r1"), "finished");
  EXPECT_EQ(revision("berlin"), before);
}

TEST_F(ServerStore, ARolloutForNobodyIsRefused) {
  wire::NewRollout rollout{.release_name = "tills", .release_version = "2"};
  rollout.phases.resize(1);
  rollout.terms = {.update_at = kNow, .expires_at = kNow + 1h};
  const auto none = must(core::parse_filter("name=nobody", core::kDeviceFields));
  const auto made = store->add_rollout(rollout, none, plan_type, kNow, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message(), "filter: no device passes it");
  EXPECT_TRUE(must(lists.rollouts({})).items.empty());
}

TEST_F(ServerStore, AChangeRaisesTheRevisionOfTheSitesItConcernsOnly) {
  const auto berlin = revision("berlin"), lyon = revision("lyon");
  const auto made = roll_out(core::Delivery::kPull, "site=berlin");
  ASSERT_EQ(made.changed.size(), 1u);
  EXPECT_EQ(made.changed[0].site, "berlin");
  EXPECT_EQ(revision("berlin"), berlin + 1);
  EXPECT_EQ(revision("lyon"), lyon);
}

TEST_F(ServerStore, PushIsHeldUntilItsTransmissionTimeAndThenSaysNow) {
  roll_out(core::Delivery::kPush);
  EXPECT_EQ(must(store->load_plan("berlin")).assignments[0].fetch, core::Fetch::kHold);
  auto passed = must(store->pass_time(plan_type, kNow + 1h - 1ms));
  EXPECT_TRUE(passed.changed.empty());
  EXPECT_EQ(passed.next, kNow + 1h);
  const auto before = revision("berlin");
  passed = must(store->pass_time(plan_type, kNow + 1h));
  EXPECT_EQ(passed.changed.size(), 2u);
  EXPECT_EQ(must(store->load_plan("berlin")).assignments[0].fetch, core::Fetch::kNow);
  EXPECT_EQ(revision("berlin"), before + 1);
  EXPECT_EQ(passed.next, kNow + 9h);
  EXPECT_TRUE(must(store->pass_time(plan_type, kNow + 2h)).changed.empty());
}

TEST_F(ServerStore, ReportsAreTakenOnceInOrderAndAcknowledged) {
  roll_out();
  auto answer = report(
      "berlin", {job_report(1, 5, "r1-till-1", "downloading"), job_report(1, 6, "r1-till-1", "succeeded")});
  EXPECT_EQ(answer.acknowledged, (core::ReportsSeen{1, 6}));
  EXPECT_FALSE(answer.resync);
  EXPECT_EQ(state("r1-till-1"), "succeeded");
  answer = report("berlin", {job_report(1, 5, "r1-till-1", "downloading")});
  EXPECT_EQ(answer.acknowledged, (core::ReportsSeen{1, 6}));
  EXPECT_EQ(state("r1-till-1"), "succeeded");
}

TEST_F(ServerStore, AReportThatIsOutOfOrderInItsBatchDoesNoHarm) {
  roll_out();
  report("berlin",
         {job_report(1, 9, "r1-till-1", "installing"), job_report(1, 8, "r1-till-1", "downloading")});
  EXPECT_EQ(state("r1-till-1"), "installing");
}

TEST_F(ServerStore, ResultsAreMonotonicAlsoAcrossEpochs) {
  roll_out();
  report("berlin", {job_report(1, 1, "r1-till-1", "succeeded")});
  report("berlin", {job_report(2, 1, "r1-till-1", "failed")});
  EXPECT_EQ(state("r1-till-1"), "succeeded");
}

TEST_F(ServerStore, ASiteCanNotReportOnAnotherSitesJobs) {
  roll_out();
  report("lyon", {job_report(1, 1, "r1-till-1", "succeeded")});
  EXPECT_EQ(state("r1-till-1"), "scheduled");
}

TEST_F(ServerStore, ARolloutFinishesWithItsLastJob) {
  roll_out();
  report("berlin", {job_report(1, 1, "r1-till-1", "downloading")});
  EXPECT_EQ(rollout_state("r1"), "running");
  report("berlin", {job_report(1, 2, "r1-till-1", "succeeded")});
  EXPECT_EQ(rollout_state("r1"), "running");
  report("lyon", {job_report(1, 1, "r1-till-2", "failed")});
  EXPECT_EQ(rollout_state("r1"), "finished");
}

TEST_F(ServerStore, WhatHasEndedLeavesThePlanOnlyTogetherWithANewRevision) {
  roll_out();
  report("berlin", {job_report(1, 1, "r1-till-1", "succeeded")});
  EXPECT_EQ(must(store->load_plan("berlin")).assignments.size(), 1u);  // the same revision, the same plan
  add_device("till-9", "berlin", "till");
  EXPECT_TRUE(must(store->load_plan("berlin")).assignments.empty());
  EXPECT_EQ(must(store->load_plan("lyon")).assignments.size(), 1u);
}

TEST_F(ServerStore, ANewEpochGetsActionIdsThatNoEarlierOneHeld) {
  std::set<std::int64_t> firsts;
  const auto first = must(store->load_plan("berlin")).action_ids;
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].to - first[0].from + 1, 1'000'000);
  report("berlin", {job_report(1, 1, "r1-till-1", "scheduled")});
  EXPECT_TRUE(changed.empty()) << "the first epoch takes the block that the site was made with";
  EXPECT_EQ(must(store->load_plan("berlin")).action_ids, first);
  const auto before = revision("berlin");
  report("berlin", {job_report(2, 1, "r1-till-1", "scheduled")});
  ASSERT_EQ(changed.size(), 1u);
  const auto second = must(store->load_plan("berlin")).action_ids;
  ASSERT_EQ(second.size(), 1u);
  EXPECT_GT(second[0].from, first[0].to);
  EXPECT_EQ(revision("berlin"), before + 1);
}

TEST_F(ServerStore, ANewBlockComesLongBeforeTheOldOneEnds) {
  roll_out();
  report("berlin", {job_report(1, 1, "r1-till-1", "downloading", 400'000)});
  EXPECT_EQ(must(store->load_plan("berlin")).action_ids.size(), 1u);
  report("berlin", {job_report(1, 2, "r1-till-1", "downloading", 600'000)});
  const auto blocks = must(store->load_plan("berlin")).action_ids;
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[1].from, blocks[0].to + 1);
}

TEST_F(ServerStore, AGatewayOfAnEarlierEpochIsToldHowFarWeAre) {
  report("berlin", {job_report(3, 7, "r1-till-1", "scheduled")});
  const auto answer = report("berlin", {job_report(2, 900, "r1-till-1", "scheduled")});
  EXPECT_EQ(answer.acknowledged, (core::ReportsSeen{3, 7}));
  EXPECT_TRUE(answer.resync);
}

TEST_F(ServerStore, AResyncIsToldUntilTheGatewayGoesOnBehindTheAnswer) {
  report("berlin", {job_report(1, 1, "r1-till-1", "scheduled")});
  must(store->ask_resync("berlin"));
  const auto batch = std::vector<wire::Report>{job_report(1, 2, "r1-till-1", "scheduled")};
  EXPECT_TRUE(report("berlin", batch).resync);
  EXPECT_TRUE(report("berlin", batch).resync) << "the answer may have been lost: the same batch again";
  EXPECT_FALSE(report("berlin", {job_report(1, 3, "r1-till-1", "scheduled")}).resync);
}

TEST_F(ServerStore, AnAbortCancelsWhatHasNotEnded) {
  roll_out();
  report("berlin", {job_report(1, 1, "r1-till-1", "succeeded")});
  const core::RolloutEvent abort = core::AbortAsked{"ines", "wrong release"};
  const auto sites = must(store->change_rollout(RolloutId{"r1"}, abort, plan_type, kNow, {})).changed;
  ASSERT_EQ(sites.size(), 1u);
  EXPECT_EQ(sites[0].site, "lyon");
  const auto plan = must(store->load_plan("lyon"));
  ASSERT_EQ(plan.cancels.size(), 1u);
  EXPECT_EQ(plan.cancels[0].job.value(), "r1-till-2");
  EXPECT_EQ(plan.cancels[0].by, "ines");
  EXPECT_EQ(rollout_state("r1"), "aborted");
  EXPECT_EQ(store->change_rollout(RolloutId{"r1"}, abort, plan_type, kNow, {}).error().code(), ErrorCode::kConflict);
}

TEST_F(ServerStore, OneJobIsCancelledOnceAndNotAfterItsEnd) {
  roll_out();
  EXPECT_EQ(must(store->cancel_job(JobId{"r1-till-1"}, {"ines", ""}, kNow)).size(), 1u);
  EXPECT_TRUE(must(store->cancel_job(JobId{"r1-till-1"}, {"ines", ""}, kNow)).empty());
  report("berlin", {job_report(1, 1, "r1-till-1", "cancelled")});
  EXPECT_EQ(store->cancel_job(JobId{"r1-till-1"}, {}, kNow).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(store->cancel_job(JobId{"r1-nobody"}, {}, kNow).error().code(), ErrorCode::kNotFound);
}

// The rollout may end with it, and then no plan carries the cancel to the gateway any more.
TEST_F(ServerStore, ACancelThatCrossedTheEndIsAnsweredTooLate) {
  roll_out();
  EXPECT_EQ(must(store->cancel_job(JobId{"r1-till-1"}, {"ines", ""}, kNow)).size(), 1u);
  report("berlin", {job_report(1, 1, "r1-till-1", "succeeded")});
  const auto job = must(lists.job(JobId{"r1-till-1"})).result;
  EXPECT_EQ(job.state, core::JobState::kSucceeded);
  EXPECT_EQ(job.cancel_answer, "too_late");
}

TEST_F(ServerStore, ARepeatedPostMakesTheSameThingOnce) {
  const Once once{"key", "print"};
  EXPECT_FALSE(must(store->add_site({.name = "paris"}, "h1", kNow, once)).replayed);
  EXPECT_TRUE(must(store->add_site({.name = "paris"}, "h2", kNow, once)).replayed);
  EXPECT_EQ(store->add_site({.name = "rome"}, "h3", kNow, Once{"key", "other"}).error().code(),
            ErrorCode::kConflict);
  EXPECT_EQ(must(store->sites()).size(), 3u);
}

TEST_F(ServerStore, DevicesOfABulkAreAllAddedOrNone) {
  const std::vector<wire::NewDevice> devices{{"new-1", "berlin", "till", {}},
                                             {"new-2", "nowhere", "till", {}}};
  const auto made = store->add_devices(devices, {"a", "b"}, kNow, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message(), "devices[1].site: no such site: 'nowhere'");
  EXPECT_EQ(lists.device("new-1").error().code(), ErrorCode::kNotFound);
}

TEST_F(ServerStore, AnArtifactNeverChanges) {
  EXPECT_TRUE(
      must(store->add_artifact({sha('a'), "image", "image.img", "os", "2", {"till"}}, kNow, {})).replayed);
  EXPECT_EQ(
      store->add_artifact({sha('a'), "image", "image.img", "os", "3", {"till"}}, kNow, {}).error().code(),
      ErrorCode::kConflict);
  EXPECT_EQ(store->add_artifact({sha('f'), "x", "x", "os", "3", {"till"}}, kNow, {}).error().message(),
            "sha256: no such uploaded file: '" + sha('f').hex() + "'");
}

TEST_F(ServerStore, AReleaseThatAClientCanNotTakeIsRefusedWhenItIsMade) {
  wire::NewDeviceType type;
  type.type = {.name = "board", .components = {"os", "app"}, .order = {{"os", "app"}}};
  type.client = core::Client::kRauc;
  must(store->add_device_type(type, {}, kNow));
  add_artifact('c', "os", {"board"});
  add_artifact('d', "app", {"board"});
  EXPECT_TRUE(store->add_release({"boards", "1", {sha('c')}}, kNow, {}));
  const auto made = store->add_release({"boards", "2", {sha('c'), sha('d')}}, kNow, {});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message().find("one artifact an order"), std::string::npos);
}

TEST_F(ServerStore, PagesFollowTheCursorAndTheFilter) {
  for (int i = 10; i < 35; ++i) add_device("d-" + std::to_string(i), i % 2 == 0 ? "lyon" : "berlin", "odd");
  server::PageQuery query{.cursor = {},
                          .limit = 5,
                          .filter = must(core::parse_filter("name~d-* and site=lyon", core::kDeviceFields))};
  std::vector<std::string> names;
  int pages = 0;
  do {
    const auto page = must(lists.devices(query));
    EXPECT_LE(page.items.size(), 5u);
    for (const auto& device : page.items) names.push_back(device.name);
    query.cursor = page.next;
    ++pages;
  } while (!query.cursor.empty());
  EXPECT_EQ(names.size(), 13u);
  EXPECT_EQ(pages, 3);
  query.cursor = "nonsense";
  EXPECT_EQ(lists.devices(query).error().code(), ErrorCode::kInvalid);
}

TEST_F(ServerStore, TakesTenThousandReportsInOneTransaction) {
  std::vector<wire::NewDevice> devices;
  for (int i = 0; i < 5'000; ++i) devices.push_back({"bulk-" + std::to_string(i), "berlin", "till", {}});
  must(store->add_devices(devices, std::vector<std::string>(5'000, std::string(64, 'e')), kNow, {}));
  roll_out(core::Delivery::kPull, "name~bulk-*");
  std::vector<wire::Report> reports;
  for (int i = 0; i < 5'000; ++i) {
    const std::string name = "bulk-" + std::to_string(i);
    reports.push_back(job_report(1, 2 * i + 1, "r1-" + name, "succeeded"));
    wire::DeviceReport device;
    device.device = DeviceId{name};
    device.running = {{"os", {"2", ""}}};
    reports.push_back({1, 2 * i + 2, kNow, device});
  }
  EXPECT_EQ(report("berlin", std::move(reports)).acknowledged.seq, 10'000);
  EXPECT_EQ(must(lists.rollout(RolloutId{"r1"})).states[0], (core::StateCounts{{core::JobState::kSucceeded, 5'000}}));
  EXPECT_EQ(rollout_state("r1"), "finished");
}

TEST_F(ServerStore, KeepsTheLastLinesOfALog) {
  roll_out();
  for (int i = 0; i < 6; ++i) {
    wire::LogReport log;
    log.job = JobId{"r1-till-1"};
    for (int line = 0; line < 100; ++line) log.lines.push_back("line " + std::to_string(i * 100 + line));
    report("berlin", {{1, i + 1, kNow, log}});
  }
  const auto lines = must(lists.log(JobId{"r1-till-1"}));
  ASSERT_EQ(lines.size(), 500u);
  EXPECT_EQ(lines.back().text, "line 599");
}

TEST_F(ServerStore, ShowsDevicesThatGatewaysSawUntilTheyAreAdded) {
  report("berlin", {{1, 1, kNow, wire::RegisteredReport{DeviceId{"stray"}, {{"hw", "x"}}}}});
  ASSERT_EQ(must(lists.registered({})).items.size(), 1u);
  add_device("stray", "berlin", "odd");
  EXPECT_TRUE(must(lists.registered({})).items.empty());
}

TEST_F(ServerStore, ChangesASiteOnlyWhereNobodyWasQuicker) {
  const auto now = revision("berlin");
  core::SiteLimits limits;
  limits.concurrency = 7;
  EXPECT_EQ(store->change_site("berlin", {.limits = limits}, now - 1).error().code(), ErrorCode::kConflict);
  must(store->change_site("berlin", {.limits = limits}, now));
  EXPECT_EQ(must(store->load_plan("berlin")).limits.concurrency, 7);
}

// Each step that a database in the field may stand at leads to the newest.
TEST(ServerSchema, IsReachedFromEveryOlderVersion) {
  const std::int64_t newest = std::ssize(schema::kServer);
  const std::string path = testing::TempDir() + "dray_schema_" + std::to_string(::getpid()) + ".db";
  for (std::int64_t from = 0; from <= newest; ++from) {
    {
      Db old = must(Db::open({.path = path}));
      must(old.migrate(std::span{schema::kServer}.first(static_cast<std::size_t>(from))));
      if (from > 0) must(old.execute("INSERT INTO meta(key, value) VALUES('kept', 'yes')"));
    }
    auto store = must(SqliteServerStore::open({.path = path}));
    Statement version{store->db(), "PRAGMA user_version"}, kept{store->db(), "SELECT value FROM meta WHERE key='kept'"};
    ASSERT_TRUE(*version.step());
    EXPECT_EQ(version.integer(0), newest);
    EXPECT_EQ(*kept.step(), from > 0) << from;
    version.reset();
    kept.reset();
    store.reset();
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  }
}

}  // namespace
}  // namespace dray::adapters

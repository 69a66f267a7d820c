// Devices that say another type than the one they were entered under, as the server keeps and shows them; and a move to
// another type.
#include <algorithm>
#include <filesystem>

#include "adapters/sqlite/server_store_testing.h"
#include "schema/server.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

class ServerTypes : public StoreFixture {
 protected:
  void says(const std::string& device, const std::string& type) {
    wire::DeviceReport body;
    body.device = DeviceId{device};
    body.attributes = {{"dray.type", type}};
    report("berlin", {{1, ++seq_, kNow, body}});
  }
  const core::JobOrder* order_of(const core::Plan& plan, const std::string& device) {
    for (const auto& assignment : plan.assignments)
      for (const auto& job : assignment.jobs)
        if (job.device.value() == device) return &job;
    return nullptr;
  }
  void add_scale() {
    add_type("scale", {{"os"}});
    add_artifact('c', "os", {"scale"});
    must(store->add_release({"both", "2", {sha('a'), sha('b'), sha('c')}}, kNow, {}));
  }
  server::Made roll_out_both(std::vector<core::PhaseTerms> phases, const std::string& filter = "") {
    wire::NewRollout rollout{.release_name = "both", .release_version = "2", .filter = filter};
    rollout.phases = std::move(phases);
    rollout.terms = {.delivery = core::Delivery::kPull, .update_at = kNow + 2h, .expires_at = kNow + 9h};
    return must(store->add_rollout(rollout, must(core::parse_filter(filter, core::kDeviceFields)), plan_type, kNow, {}));
  }
  std::int64_t seq_ = 0;
};

TEST_F(ServerTypes, ADeviceOfAnotherTypeSaysSoUntilTheNameIsTaken) {
  roll_out();
  says("till-1", "scale");
  const auto held = must(lists.device("till-1"));
  ASSERT_TRUE(held.other_type);
  EXPECT_EQ(*held.other_type, (core::OtherType{"scale", "till"}));
  ASSERT_TRUE(held.job);
  EXPECT_EQ(held.job->result.reason, "type_differs");
  EXPECT_EQ(must(lists.job(JobId{"r1-till-1"})).result.reason, "type_differs");
  EXPECT_NE(must(lists.job(JobId{"r1-till-2"})).result.reason, "type_differs");
  EXPECT_FALSE(must(lists.device("odd-1")).other_type) << "it says nothing";
  const auto before = revision("berlin"), elsewhere = revision("lyon");
  must(store->set_other_names("till", {"scale"}));
  EXPECT_FALSE(must(lists.device("till-1")).other_type);
  EXPECT_NE(must(lists.job(JobId{"r1-till-1"})).result.reason, "type_differs");
  EXPECT_EQ(revision("berlin"), before + 1);
  EXPECT_EQ(revision("lyon"), elsewhere + 1) << "it has tills, too";
  const core::Plan plan = must(store->load_plan("berlin"));
  for (const auto& type : plan.device_types)
    EXPECT_EQ(type.also_called, type.name == "till" ? std::vector<std::string>{"scale"} : std::vector<std::string>{}) << type.name;
  EXPECT_NE(order_of(plan, "till-1"), nullptr) << "it is planned for all the time";
  must(store->set_other_names("till", {}));
  EXPECT_TRUE(must(lists.device("till-1")).other_type);
  EXPECT_EQ(store->set_other_names("ghost", {}).error().code(), ErrorCode::kNotFound);
}

// As a gateway reports that took the place of another: it has not heard the device yet.
TEST_F(ServerTypes, TheTypeThatADeviceSaidStandsUntilItSaysAnotherOne) {
  roll_out();
  const auto planned = [&] {
    const core::Plan plan = must(store->load_plan("berlin"));
    return std::find_if(plan.devices.begin(), plan.devices.end(), [](const core::Device& d) { return d.name.value() == "till-1"; })->says_type;
  };
  EXPECT_EQ(planned(), "");
  says("till-1", "scale");
  EXPECT_EQ(planned(), "scale");
  const auto before = revision("berlin");
  for (const core::Attributes& attributes : {core::Attributes{}, core::Attributes{{"serial", "7"}}}) {
    wire::DeviceReport body;
    body.device = DeviceId{"till-1"};
    body.attributes = attributes;
    report("berlin", {{2, ++seq_, kNow, body}});
    EXPECT_TRUE(must(lists.device("till-1")).other_type);
    EXPECT_EQ(must(lists.device("till-1")).reported.contains("serial"), attributes.contains("serial"));
    EXPECT_EQ(planned(), "scale");
  }
  EXPECT_EQ(must(lists.job(JobId{"r1-till-1"})).result.reason, "type_differs");
  EXPECT_EQ(revision("berlin"), before + 1) << "for the ids of the new epoch alone";
  wire::DeviceReport body;
  body.device = DeviceId{"till-1"};
  body.attributes = {{"dray.type", "till"}};
  report("berlin", {{2, ++seq_, kNow, body}});
  EXPECT_FALSE(must(lists.device("till-1")).other_type);
  EXPECT_EQ(planned(), "");
}

TEST_F(ServerTypes, ANameMeansOneType) {
  const auto taken = store->set_other_names("till", {"odd"});
  EXPECT_EQ(taken.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(taken.error().message().find("also_called: 'odd' is a device type itself"), std::string::npos) << taken.error().message();
  EXPECT_FALSE(store->set_other_names("till", {"till"}));
  EXPECT_TRUE(must(lists.device_type("till")).type.also_called.empty());
  must(store->set_other_names("till", {"till-b"}));
  wire::NewDeviceType type;
  type.type = {.name = "till-b", .components = {"os"}, .order = {{"os"}}};
  EXPECT_EQ(store->add_device_type(type, {}, kNow).error().code(), ErrorCode::kConflict);
  type.type.name = "till-c";
  type.type.also_called = {"odd"};
  EXPECT_EQ(store->add_device_type(type, {}, kNow).error().code(), ErrorCode::kInvalid);
}

TEST_F(ServerTypes, AMovedDeviceGetsWhatItsReleaseHasForItsNewType) {
  add_scale();
  roll_out_both({{}});
  ASSERT_EQ(order_of(must(store->load_plan("berlin")), "till-1")->steps, (std::vector<core::Step>{{sha('a')}, {sha('b')}}));
  const auto before = revision("berlin"), elsewhere = revision("lyon");
  EXPECT_EQ(must(store->move_device("till-1", "scale", plan_type, kNow)).size(), 1U);
  const core::Plan plan = must(store->load_plan("berlin"));
  ASSERT_NE(order_of(plan, "till-1"), nullptr);
  EXPECT_EQ(order_of(plan, "till-1")->id.value(), "r1.2-till-1") << "its gateway may have ended the other one";
  EXPECT_EQ(order_of(plan, "till-1")->steps, (std::vector<core::Step>{{sha('c')}}));
  EXPECT_EQ(revision("berlin"), before + 1);
  EXPECT_EQ(revision("lyon"), elsewhere);
  EXPECT_EQ(must(lists.device("till-1")).type, "scale");
  EXPECT_TRUE(must(store->move_device("till-1", "scale", plan_type, kNow)).empty()) << "it is there";
  EXPECT_EQ(store->move_device("ghost", "scale", plan_type, kNow).error().code(), ErrorCode::kNotFound);
  const auto unknown = store->move_device("till-1", "ghost", plan_type, kNow);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(unknown.error().message(), "type: no such device type: 'ghost'");
}

// Its gateway ended the job, could not tell, and meets a plan in which the device is of another type.
TEST_F(ServerTypes, HowATryEndsThatWasMovedMeanwhileIsKept) {
  add_scale();
  roll_out_both({{}});
  must(store->move_device("till-1", "scale", plan_type, kNow));
  report("berlin", {job_report(1, 1, "r1-till-1", "downloading")});
  auto job = must(lists.job(JobId{"r1-till-1"}));
  ASSERT_EQ(job.past.size(), 1u);
  EXPECT_EQ(job.past[0].result.reason, "superseded");
  EXPECT_EQ(job.past[0].result.sentence, "The device was moved to type scale.");
  report("berlin", {job_report(1, 2, "r1-till-1", "failed")});
  report("berlin", {job_report(1, 3, "r1-till-1", "succeeded")});
  job = must(lists.job(JobId{"r1-till-1"}));
  EXPECT_EQ(job.past.at(0).result.state, core::JobState::kFailed) << "the first result stays";
  EXPECT_EQ(job.id.value(), "r1.2-till-1");
  EXPECT_EQ(job.result.state, core::JobState::kScheduled);
  const auto counts = must(lists.rollout(RolloutId{"r1"}));
  EXPECT_EQ(counts.counts.at(0).failed, 0) << "of the try that counts";
  report("berlin", {job_report(1, 4, "r1.2-till-1", "succeeded")});
  EXPECT_EQ(state("r1-till-1"), "succeeded");
}

TEST_F(ServerTypes, ACancelHoldsForTheTryAfterAMove) {
  add_scale();
  roll_out_both({{}});
  must(store->cancel_job(JobId{"r1-till-2"}, {"ines", "closing"}, kNow));
  must(store->move_device("till-2", "scale", plan_type, kNow));
  const core::Plan lyon = must(store->load_plan("lyon"));
  ASSERT_EQ(lyon.cancels.size(), 1u) << "asked for before";
  EXPECT_EQ(lyon.cancels[0].job.value(), "r1.2-till-2");
  EXPECT_EQ(lyon.cancels[0].why, "closing");
  must(store->move_device("till-1", "scale", plan_type, kNow));
  EXPECT_TRUE(must(store->load_plan("berlin")).cancels.empty());
  wire::Report cancelled = job_report(1, 1, "r1-till-1", "cancelled");
  std::get<wire::JobReport>(cancelled.body).reason = "superseded";
  report("berlin", {cancelled});
  EXPECT_TRUE(must(store->load_plan("berlin")).cancels.empty()) << "only taken out of the plan";
  must(store->move_device("till-1", "till", plan_type, kNow));
  const auto before = revision("berlin");
  cancelled = job_report(1, 2, "r1.2-till-1", "cancelled");
  std::get<wire::JobReport>(cancelled.body).reason = "cancelled_on_device";
  report("berlin", {cancelled});
  const core::Plan berlin = must(store->load_plan("berlin"));
  ASSERT_EQ(berlin.cancels.size(), 1u) << "people there meant the update";
  EXPECT_EQ(berlin.cancels[0].job.value(), "r1.3-till-1");
  EXPECT_EQ(berlin.revision, before + 1);
}

TEST_F(ServerTypes, AMoveThatChangesNothingOfAJobLeavesItAlone) {
  add_type("till-b", {{"os"}, {"app"}});
  add_artifact('c', "os", {"till", "till-b"});
  must(store->add_release({"both", "2", {sha('c')}}, kNow, {}));
  roll_out_both({{}}, "name~till-*");
  report("berlin", {job_report(1, 1, "r1-till-1", "downloading")});
  must(store->move_device("till-1", "till-b", plan_type, kNow));
  EXPECT_EQ(order_of(must(store->load_plan("berlin")), "till-1")->id.value(), "r1-till-1");
  EXPECT_EQ(state("r1-till-1"), "downloading");
}

// What its gateway knows of ends by the gateway's word; what no gateway has heard of, by the server's.
TEST_F(ServerTypes, WhereNothingFitsAnyMoreTheJobEndsAsIncompatible) {
  add_scale();
  core::PhaseTerms first{.share = core::Passing{"site = lyon"}}, rest;
  roll_out_both({first, rest});
  must(store->move_device("till-2", "odd", plan_type, kNow));
  const core::Plan plan = must(store->load_plan("lyon"));
  ASSERT_NE(order_of(plan, "till-2"), nullptr);
  EXPECT_TRUE(order_of(plan, "till-2")->steps.empty());
  EXPECT_EQ(state("r1-till-2"), "scheduled") << "until the gateway says so";
  report("lyon", {job_report(1, 1, "r1-till-2", "incompatible")});
  EXPECT_EQ(state("r1-till-2"), "incompatible");
  EXPECT_EQ(order_of(must(store->load_plan("lyon")), "till-2"), nullptr);
  must(store->move_device("till-1", "odd", plan_type, kNow));
  if (state("r1-till-1") == "scheduled") report("berlin", {job_report(1, 1, "r1-till-1", "incompatible")});
  EXPECT_EQ(state("r1-till-1"), "incompatible");
  EXPECT_EQ(order_of(must(store->load_plan("berlin")), "till-1"), nullptr);
  EXPECT_EQ(rollout_state("r1"), "finished") << "nobody is left";
}

TEST_F(ServerTypes, AJobThatNoGatewayHasHeardOfEndsAtOnce) {
  add_scale();
  core::PhaseTerms first{.share = core::Passing{"site = lyon"}}, rest;
  first.approval = true;
  rest.approval = true;
  roll_out_both({first, rest});
  must(store->move_device("till-1", "odd", plan_type, kNow));
  EXPECT_EQ(state("r1-till-1"), "incompatible");
  EXPECT_EQ(must(lists.job(JobId{"r1-till-1"})).result.reason, "nothing_fits");
}

// It was found only after its job had ended that the device was entered under the wrong type.
TEST_F(ServerTypes, ARetryAfterAMoveOrdersWhatFitsTheNewType) {
  add_scale();
  roll_out_both({{}}, "name~till-*");
  report("berlin", {job_report(1, 1, "r1-till-1", "failed")});
  report("lyon", {job_report(1, 1, "r1-till-2", "expired")});
  must(store->move_device("till-1", "scale", plan_type, kNow));
  must(store->move_device("till-2", "odd", plan_type, kNow));
  EXPECT_EQ(state("r1-till-1"), "failed") << "a result never changes";
  must(store->change_rollout(RolloutId{"r1"}, core::RetryAsked{"ines", "", {}}, plan_type, kNow, {}));
  const core::Plan plan = must(store->load_plan("berlin"));
  ASSERT_NE(order_of(plan, "till-1"), nullptr);
  EXPECT_EQ(order_of(plan, "till-1")->id.value(), "r1.2-till-1");
  EXPECT_EQ(order_of(plan, "till-1")->steps, (std::vector<core::Step>{{sha('c')}}));
  EXPECT_EQ(state("r1.2-till-2"), "incompatible") << "the release has nothing for it";
  EXPECT_EQ(must(lists.job(JobId{"r1-till-2"})).past.at(0).result.state, core::JobState::kExpired);
  EXPECT_EQ(order_of(must(store->load_plan("lyon")), "till-2"), nullptr);
  EXPECT_NE(rollout_state("r1"), "finished");
  report("berlin", {job_report(1, 2, "r1.2-till-1", "succeeded")});
  EXPECT_EQ(rollout_state("r1"), "finished") << "nobody is left";
}

// It was entered under a wrong type by mistake, and moved back.
TEST_F(ServerTypes, WhatNothingFittedIsOrderedAnewWhereSomethingFitsTheTypeItIsMovedTo) {
  add_scale();
  core::PhaseTerms first{.share = core::Passing{"site = berlin"}}, rest;
  rest.approval = true;
  roll_out_both({first, rest}, "name~till-*");
  must(store->move_device("till-1", "odd", plan_type, kNow));
  report("berlin", {job_report(1, 1, "r1-till-1", "incompatible")});
  ASSERT_EQ(state("r1-till-1"), "incompatible");
  ASSERT_EQ(order_of(must(store->load_plan("berlin")), "till-1"), nullptr);
  ASSERT_NE(rollout_state("r1"), "finished");
  must(store->move_device("till-1", "till", plan_type, kNow));
  const core::Plan plan = must(store->load_plan("berlin"));
  ASSERT_NE(order_of(plan, "till-1"), nullptr);
  EXPECT_EQ(order_of(plan, "till-1")->id.value(), "r1.2-till-1") << "at its gateway the other one has ended";
  EXPECT_EQ(order_of(plan, "till-1")->steps, (std::vector<core::Step>{{sha('a')}, {sha('b')}}));
  const auto job = must(lists.job(JobId{"r1-till-1"}));
  EXPECT_EQ(job.result.state, core::JobState::kScheduled);
  EXPECT_EQ(job.past.at(0).result.state, core::JobState::kIncompatible);
  must(store->move_device("till-2", "odd", plan_type, kNow));
  ASSERT_EQ(state("r1-till-2"), "incompatible");
  must(store->move_device("till-2", "scale", plan_type, kNow));
  EXPECT_EQ(state("r1-till-2"), "scheduled") << "in a phase that has not begun";
  EXPECT_EQ(order_of(must(store->load_plan("lyon")), "till-2"), nullptr);
  report("berlin", {job_report(1, 2, "r1.2-till-1", "succeeded")});
  const auto view = must(lists.rollout(RolloutId{"r1"}));
  EXPECT_EQ(view.states.at(0).at(core::JobState::kSucceeded), 1);
  EXPECT_EQ(view.states.at(1).at(core::JobState::kScheduled), 1);
}

TEST_F(ServerTypes, WhatNothingFittedStaysSoWhereItsRolloutIsOver) {
  add_scale();
  roll_out_both({{}}, "name=till-1");
  must(store->move_device("till-1", "odd", plan_type, kNow));
  report("berlin", {job_report(1, 1, "r1-till-1", "incompatible")});
  ASSERT_EQ(rollout_state("r1"), "finished");
  must(store->move_device("till-1", "till", plan_type, kNow));
  EXPECT_EQ(state("r1-till-1"), "incompatible");
}

// A gateway whose folder is new makes every job of the plan anew: it must find none with what is for the type of before.
TEST_F(ServerTypes, AnEndedJobOfAMovedDeviceIsInNoPlan) {
  add_scale();
  roll_out_both({{}}, "name~till-*");
  report("berlin", {job_report(1, 1, "r1-till-1", "failed")});
  EXPECT_NE(order_of(must(store->load_plan("berlin")), "till-1"), nullptr) << "its type is the same";
  must(store->move_device("till-1", "scale", plan_type, kNow));
  EXPECT_EQ(order_of(must(store->load_plan("berlin")), "till-1"), nullptr);
  EXPECT_EQ(rollout_state("r1"), "running") << "for the other site";
}

TEST_F(ServerTypes, ARetryOfNobodyThatAnythingFitsEndsAtOnce) {
  add_scale();
  roll_out_both({{}}, "name=till-1");
  report("berlin", {job_report(1, 1, "r1-till-1", "failed")});
  must(store->move_device("till-1", "odd", plan_type, kNow));
  must(store->change_rollout(RolloutId{"r1"}, core::RetryAsked{"ines", "", {}}, plan_type, kNow, {}));
  EXPECT_EQ(state("r1.2-till-1"), "incompatible");
  EXPECT_EQ(rollout_state("r1"), "finished");
}

TEST_F(ServerTypes, AMovedDeviceIsTakenByARunningRolloutWhoseFilterItPassesByNow) {
  add_scale();
  roll_out_both({{}}, "type = till");
  add_device("scale-1", "berlin", "scale");
  must(store->pass_time(plan_type, kNow));
  ASSERT_EQ(order_of(must(store->load_plan("berlin")), "scale-1"), nullptr);
  must(store->move_device("scale-1", "till", plan_type, kNow));
  must(store->pass_time(plan_type, kNow));
  EXPECT_NE(order_of(must(store->load_plan("berlin")), "scale-1"), nullptr);
}

// Of every older schema: its types are called by their names only.
TEST(ServerSchemaTypes, TypesOfOlderSchemasHaveNoOtherNames) {
  const std::size_t newest = std::size(schema::kServer);
  for (std::size_t before = 1; before < newest; ++before) {
    const std::string path = testing::TempDir() + "dray_types_" + std::to_string(::getpid()) + ".db";
    {
      Db old = must(Db::open({.path = path, .vfs = {}}));
      must(old.migrate(std::span{schema::kServer}.first(before)));
      must(old.execute("INSERT INTO device_type(id, name, client, components, steps, ask, ends_on, power_on_within, probe, parts, created_at) "
                       "VALUES(1, 'till', 'dray', '[\"os\"]', '[[\"os\"]]', 'confirmation', 'power_on', 600, '', '{}', 0)"));
    }
    {
      auto store = must(SqliteServerStore::open({.path = path, .vfs = {}}));
      SqliteServerLists lists{store->db()};
      const auto type = must(lists.device_type("till"));
      EXPECT_TRUE(type.unreadable.empty()) << before;
      EXPECT_TRUE(type.type.also_called.empty()) << before;
    }
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  }
}

}  // namespace
}  // namespace dray::adapters

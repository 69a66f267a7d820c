// Why a plan holds an assignment, as its gateway gets it.
#include <gtest/gtest.h>

#include "adapters/sqlite/server_store_testing.h"

namespace dray::adapters {
namespace {

using namespace server_testing;

class PlanHolds : public StoreFixture {
 protected:
  core::Assignment in_berlin() { return must(store->load_plan("berlin")).assignments.at(0); }
};

TEST_F(PlanHolds, AnAbortEndsThePauseAndNothingIsSaidToBeUnreadable) {
  roll_out();
  const auto planned = in_berlin().planned_at;
  must(store->change_rollout(RolloutId{"r1"}, core::PauseAsked{"ines", "odd"}, plan_type, kNow, {}));
  EXPECT_EQ(in_berlin().held, (core::Held{"paused", "The rollout is paused by ines: odd."}));
  must(store->change_rollout(RolloutId{"r1"}, core::AbortAsked{"ines", "wrong"}, plan_type, kNow, {}));
  EXPECT_FALSE(in_berlin().held);
  EXPECT_EQ(in_berlin().planned_at, planned);
  EXPECT_EQ(must(store->load_plan("berlin")).cancels.size(), 1u) << "what it has is told to stop";
}

TEST_F(PlanHolds, AStateThatNobodyKnowsHoldsAsUnreadable) {
  roll_out();
  must(store->db().execute("UPDATE rollout SET state='resting'"));
  ASSERT_TRUE(in_berlin().held);
  EXPECT_EQ(in_berlin().held->reason, "row_unreadable");
}

class PlanComputed : public PlanHolds {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    wire::NewRollout rollout{.release_name = "tills", .release_version = "2"};
    rollout.phases.resize(1);
    rollout.terms = {.delivery = core::Delivery::kPull, .expires_at = kNow + 9h, .computed = true};
    must(store->add_rollout(rollout, must(core::parse_filter("", core::kDeviceFields)), plan_type, kNow, {}));
  }
  void says_between(std::int64_t step) {
    wire::Report one = job_report(1, ++seq_, "r1-till-1", "waiting_confirm");
    auto& body = std::get<wire::JobReport>(one.body);
    body.reason = "device_absent";
    body.sentence = "the device is off";
    body.step = step;
    report("berlin", {one});
  }
  server::SiteResult no_time_fits() {
    server::PlannedSite planned;
    planned.misfit = "window_too_short";
    planned.sentence = "The windows are too short.";
    planned.at = kNow;
    return {.assignment = 1, .planned = planned};
  }
  core::JobResult told() { return must(lists.job(JobId{"r1-till-1"})).result; }

  std::int64_t seq_ = 0;
};

TEST_F(PlanComputed, BeforeThePlannerHasLookedItSaysSo) {
  EXPECT_EQ(in_berlin().held, (core::Held{"waiting_planning", "The server has not computed the times of this site yet."}));
}

TEST_F(PlanComputed, WhereNoTimeFitsThatIsSaid) {
  must(store->save_times(RolloutId{"r1"}, {no_time_fits()}, kNow));
  EXPECT_EQ(in_berlin().held, (core::Held{"waiting_planning", "The server has no time at which this site fits; it says why."}));
}

// It goes on at its gateway, without a time and without a fit.
TEST_F(PlanComputed, OfADeviceBetweenTwoStepsItsGatewaysWordCounts) {
  says_between(0);
  EXPECT_EQ(told().reason, "waiting_planning");
  says_between(1);
  EXPECT_EQ(told().reason, "device_absent");
  must(store->save_times(RolloutId{"r1"}, {no_time_fits()}, kNow));
  EXPECT_EQ(told().reason, "device_absent");
  says_between(0);
  EXPECT_EQ(told().reason, "window_too_short");
}

}  // namespace
}  // namespace dray::adapters

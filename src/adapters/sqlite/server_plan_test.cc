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

}  // namespace
}  // namespace dray::adapters

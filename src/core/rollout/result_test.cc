#include "core/rollout/result.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

TEST(JobResult, IsReplacedUntilItIsFinalAndNeverAfterwards) {
  const JobResult downloading{.state = "downloading", .bytes = 5};
  const JobResult succeeded{.state = "succeeded", .running = {{"os", "2"}}};
  EXPECT_EQ(merge(JobResult{}, downloading), downloading);
  EXPECT_EQ(merge(downloading, succeeded), succeeded);
  for (const auto* state : {"failed", "downloading", "cancelled", "expired", "scheduled"})
    EXPECT_EQ(merge(succeeded, JobResult{.state = state}), succeeded);
  EXPECT_EQ(merge(succeeded, succeeded), succeeded);
}

TEST(JobResult, TakesTheAnswerToACancelAfterItsEnd) {
  const JobResult succeeded{.state = "succeeded"};
  JobResult answered = succeeded;
  answered.cancel_id = "c2";
  answered.cancel_answer = "too_late";
  EXPECT_EQ(merge(succeeded, answered), answered);
  EXPECT_EQ(merge(answered, succeeded), answered);
}

TEST(JobResult, AnEndThatCrossedACancelAnswersItUnlessSomebodyDid) {
  EXPECT_EQ(with_answer({.state = "succeeded"}, true).cancel_answer, "too_late");
  EXPECT_EQ(with_answer({.state = "rolled_back"}, true).cancel_answer, "too_late");
  EXPECT_EQ(with_answer({.state = "succeeded"}, false).cancel_answer, "");
  for (const char* state : {"installing", "cancelled", "expired"})
    EXPECT_EQ(with_answer({.state = state}, true).cancel_answer, "") << state;
}

TEST(JobResult, IsWaitingOrStartedOrFinal) {
  for (const auto* state :
       {"idle", "scheduled", "waiting_window", "waiting_gateway", "waiting_confirm", "deferred"})
    EXPECT_TRUE(is_waiting(state) && !is_final(state)) << state;
  for (const auto* state : {"downloading", "downloaded", "installing", "rebooting", "verifying"})
    EXPECT_FALSE(is_waiting(state) || is_final(state)) << state;
  for (const auto* state : {"succeeded", "failed", "rolled_back", "cancelled", "expired", "incompatible"})
    EXPECT_TRUE(!is_waiting(state) && is_final(state)) << state;
}

TEST(Tally, CancelledAndIncompatibleDevicesAreNoFailures) {
  const auto sum = tally({{"succeeded", 5},
                          {"cancelled", 2},
                          {"incompatible", 1},
                          {"failed", 1},
                          {"expired", 1},
                          {"rolled_back", 1},
                          {"downloading", 3}});
  EXPECT_EQ(sum, (Tally{.devices = 14, .open = 3, .succeeded = 5, .failed = 3}));
}

}  // namespace
}  // namespace dray::core

#include "core/rollout/result.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

TEST(JobResult, IsReplacedUntilItIsFinalAndNeverAfterwards) {
  const JobResult downloading{.state = JobState::kDownloading, .bytes = 5};
  const JobResult succeeded{.state = JobState::kSucceeded, .running = {{"os", "2"}}};
  EXPECT_EQ(merge(JobResult{}, downloading), downloading);
  EXPECT_EQ(merge(downloading, succeeded), succeeded);
  for (const auto state : {JobState::kFailed, JobState::kDownloading, JobState::kExpired, JobState::kScheduled})
    EXPECT_EQ(merge(succeeded, JobResult{.state = state}), succeeded);
  EXPECT_EQ(merge(succeeded, succeeded), succeeded);
}

TEST(JobResult, TakesTheAnswerToACancelAfterItsEnd) {
  const JobResult succeeded{.state = JobState::kSucceeded};
  JobResult answered = succeeded;
  answered.cancel_id = "c2";
  answered.cancel_answer = "too_late";
  EXPECT_EQ(merge(succeeded, answered), answered);
  EXPECT_EQ(merge(answered, succeeded), answered);
}

TEST(JobResult, ACancelOfWhatHadEndedCameTooLate) {
  const JobResult cancelled{.state = JobState::kCancelled};
  JobResult expected{.state = JobState::kSucceeded, .cancel_answer = "too_late"};
  EXPECT_EQ(merge({.state = JobState::kSucceeded}, cancelled), expected);
  EXPECT_EQ(merge({.state = JobState::kExpired}, cancelled), JobResult{.state = JobState::kExpired});
  EXPECT_EQ(merge(cancelled, cancelled), cancelled);
}

TEST(JobResult, AnEndThatCrossedACancelAnswersItUnlessSomebodyDid) {
  EXPECT_EQ(with_answer({.state = JobState::kSucceeded}, true).cancel_answer, "too_late");
  EXPECT_EQ(with_answer({.state = JobState::kRolledBack}, true).cancel_answer, "too_late");
  EXPECT_EQ(with_answer({.state = JobState::kSucceeded}, false).cancel_answer, "");
  for (const auto state : {JobState::kInstalling, JobState::kCancelled, JobState::kExpired})
    EXPECT_EQ(with_answer({.state = state}, true).cancel_answer, "") << state;
}

TEST(JobResult, IsWaitingOrStartedOrFinal) {
  for (const auto state :
       {JobState::kIdle, JobState::kScheduled, JobState::kWaitingWindow, JobState::kWaitingGateway, JobState::kWaitingConfirm, JobState::kDeferred})
    EXPECT_TRUE(is_waiting(state) && !is_final(state)) << state;
  for (const auto state : {JobState::kDownloading, JobState::kDownloaded, JobState::kInstalling, JobState::kRebooting, JobState::kVerifying})
    EXPECT_FALSE(is_waiting(state) || is_final(state)) << state;
  for (const auto state : {JobState::kSucceeded, JobState::kFailed, JobState::kRolledBack, JobState::kCancelled, JobState::kExpired, JobState::kIncompatible})
    EXPECT_TRUE(!is_waiting(state) && is_final(state)) << state;
}

TEST(Tally, CancelledAndIncompatibleDevicesAreNoFailures) {
  const auto sum = tally({{JobState::kSucceeded, 5},
                          {JobState::kCancelled, 2},
                          {JobState::kIncompatible, 1},
                          {JobState::kFailed, 1},
                          {JobState::kExpired, 1},
                          {JobState::kRolledBack, 1},
                          {JobState::kDownloading, 3}});
  EXPECT_EQ(sum, (Tally{.devices = 14, .open = 3, .succeeded = 5, .failed = 3}));
}

}  // namespace
}  // namespace dray::core

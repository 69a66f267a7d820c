// What a phase needs, tolerates and counts.
#include "core/rollout/phase.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

PhaseTerms gates(std::optional<Threshold> success, std::optional<Threshold> failure = {}) {
  PhaseTerms out;
  out.success = success;
  out.failure = failure;
  return out;
}
constexpr Percent percent_of_phase(int n) { return Percent{n * 100}; }

TEST(Phase, NeedsAndToleratesNumbersOfDevicesRoundedUp) {
  const PhaseTerms t = gates(percent_of_phase(95), percent_of_phase(3));
  const auto of = [&](std::int64_t open) { return judge(t, false, {.open = open}, 0); };
  EXPECT_EQ(of(20).needs, 19);
  EXPECT_EQ(of(20).fails_at, 1);
  EXPECT_EQ(of(409).needs, 389);
  EXPECT_EQ(of(409).fails_at, 13);
  EXPECT_EQ(of(1).needs, 1);
  EXPECT_EQ(judge(gates(Percent{1}, Percent{1}), false, {.open = 1'000'000}, 0).needs, 100) << "0.01 %";
}

TEST(Phase, DevicesThatAreLeftAloneCountNowhere) {  // M19: a cancelled device is no failure of the rollout
  PhaseCounts counts;
  counts.add(JobState::kIncompatible, false, 5);
  counts.add(JobState::kCancelled, false, 4);
  counts.add(JobState::kSucceeded, false, 9);
  counts.add(JobState::kDownloading, false, 1);
  const Judgement j = judge(gates(percent_of_phase(90), percent_of_phase(50)), false, counts, 0);
  EXPECT_EQ(counts.devices(), 19);
  EXPECT_EQ(j.judged, 10);
  EXPECT_EQ(j.needs, 9);
  EXPECT_TRUE(j.reached);
  EXPECT_EQ(j.failed, 0);
}

TEST(Phase, WithNothingToJudgeHasReachedWhatItNeeds) {
  const Judgement j = judge(gates(percent_of_phase(95), percent_of_phase(3)), false, {.left_alone = 7}, 0);
  EXPECT_TRUE(j.reached);
  EXPECT_FALSE(j.stopped);
}

TEST(Phase, IsStoppedByFailuresAtItsThresholdAndNotBefore) {
  const PhaseTerms t = gates(percent_of_phase(10), DeviceCount{3});
  EXPECT_FALSE(judge(t, false, {.open = 8, .failed = 2}, 0).stopped);
  EXPECT_TRUE(judge(t, false, {.open = 7, .failed = 3}, 0).stopped);
}

TEST(Phase, CountsADeviceThatIsTriedAgainAsFailedUntilItSucceeds) {
  const PhaseTerms t = gates(percent_of_phase(10), DeviceCount{2});
  EXPECT_TRUE(judge(t, false, {.open = 9, .again = 1, .failed = 1}, 0).stopped);
  EXPECT_FALSE(judge(t, false, {.open = 8, .again = 0, .succeeded = 1, .failed = 1}, 0).stopped);
}

TEST(Phase, IsStoppedAsSoonAsItsSuccessIsOutOfReach) {
  const PhaseTerms t = gates(percent_of_phase(95));
  EXPECT_FALSE(judge(t, false, {.open = 19, .failed = 1}, 0).stopped);
  EXPECT_TRUE(judge(t, false, {.open = 18, .failed = 2}, 0).stopped);
  EXPECT_FALSE(judge(t, false, {.open = 20, .again = 2}, 0).stopped) << "these may still succeed";
  EXPECT_TRUE(judge(gates({}), false, {.open = 19, .failed = 1}, 0).stopped) << "left out: every device";
  EXPECT_FALSE(judge(gates({}), true, {.open = 19, .failed = 1}, 0).stopped)
      << "nothing follows the last phase";
}

TEST(Phase, LeavesOutFailuresThatAnOperatorAccepted) {
  const PhaseTerms t = gates(percent_of_phase(95), DeviceCount{2});
  const PhaseCounts counts{.open = 10, .again = 1, .succeeded = 7, .failed = 3};
  EXPECT_TRUE(judge(t, false, counts, 0).stopped);
  const Judgement accepted = judge(t, false, counts, 4);
  EXPECT_EQ(accepted.judged, 16);
  EXPECT_EQ(accepted.failed, 0);
  EXPECT_FALSE(accepted.stopped);
  EXPECT_FALSE(judge(t, false, {.open = 9, .again = 1, .succeeded = 7, .failed = 4}, 4).stopped)
      << "one more";
  EXPECT_TRUE(judge(t, false, {.open = 8, .again = 1, .succeeded = 7, .failed = 5}, 4).stopped) << "two more";
}

TEST(Phase, ANumberOfSuccessesIsNeverMoreThanThereAreDevicesToJudge) {
  const PhaseTerms t = gates(DeviceCount{10});
  EXPECT_EQ(judge(t, false, {.open = 20}, 0).needs, 10);
  EXPECT_EQ(judge(t, false, {.open = 4, .left_alone = 16}, 0).needs, 4);
}

}  // namespace
}  // namespace dray::core

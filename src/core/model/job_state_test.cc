#include "core/model/job_state.h"

#include <gtest/gtest.h>

#include "core/rollout/result.h"

namespace dray::core {
namespace {

TEST(JobState, EveryStateHasItsWordAndNoOtherWordIsOne) {
  for (int i = 0; i < static_cast<int>(JobState::kUnknown); ++i) {
    const auto state = static_cast<JobState>(i);
    EXPECT_EQ(job_state_of(to_string(state)), state) << state;
    EXPECT_NE(job_state_words().find(to_string(state)), std::string::npos);
  }
  for (const char* word : {"", "unknown", "beaming_up", "Failed", "failed ", "running"}) EXPECT_FALSE(job_state_of(word)) << word;
  EXPECT_EQ(to_string(JobState::kRolledBack), "rolled_back");
  EXPECT_EQ(to_string(JobState::kIncompatible), "incompatible");
}

TEST(JobState, AWordThatNobodyKnowsEndsNothing) {
  EXPECT_FALSE(is_final(JobState::kUnknown));
  EXPECT_FALSE(is_failure(JobState::kUnknown));
  EXPECT_FALSE(is_waiting(JobState::kUnknown));
  const Tally sum = tally({{JobState::kUnknown, 2}, {JobState::kSucceeded, 3}, {JobState::kExpired, 1}});
  EXPECT_EQ(sum, (Tally{.devices = 6, .open = 2, .succeeded = 3, .failed = 1}));
}

}  // namespace
}  // namespace dray::core

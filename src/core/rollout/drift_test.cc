#include "core/rollout/drift.h"

#include <gtest/gtest.h>

namespace dray::core {
namespace {

const std::string kA(64, 'a'), kB(64, 'b');

DeviceJob os_job(std::int64_t id, JobState state, const std::string& version) { return {id, state, {{"os", version, kA}}}; }

TEST(Drift, IsAnotherVersionThanTheOneThatEndedWell) {
  const std::vector<DeviceJob> jobs{os_job(1, JobState::kSucceeded, "2")};
  EXPECT_TRUE(drift_of(jobs, {{"os", {"2", ""}}}).empty());
  EXPECT_EQ(drift_of(jobs, {{"os", {"1", ""}}}), (std::vector<Drift>{{1, {{"os", "1"}}}}));
  EXPECT_TRUE(drift_of(jobs, {{"app", {"1", ""}}}).empty()) << "what is not reported is not known";
}

TEST(Drift, IsTheSameVersionWithOtherBytes) {
  const std::vector<DeviceJob> jobs{os_job(1, JobState::kSucceeded, "2")};
  EXPECT_TRUE(drift_of(jobs, {{"os", {"2", kA}}}).empty());
  EXPECT_EQ(drift_of(jobs, {{"os", {"2", kB}}}).size(), 1U);
}

TEST(Drift, IsNotWhatANewerUpdateBroughtOrIsBringing) {
  for (const JobState state : {JobState::kSucceeded, JobState::kRebooting, JobState::kInstalling}) {
    const std::vector<DeviceJob> jobs{os_job(2, state, "3"), os_job(1, JobState::kSucceeded, "2")};
    EXPECT_TRUE(drift_of(jobs, {{"os", {"3", ""}}}).empty()) << to_string(state);
  }
  for (const JobState state : {JobState::kScheduled, JobState::kCancelled, JobState::kIncompatible, JobState::kRolledBack}) {
    const std::vector<DeviceJob> jobs{os_job(2, state, "3"), os_job(1, JobState::kSucceeded, "2")};
    EXPECT_TRUE(drift_of(jobs, {{"os", {"2", ""}}}).empty()) << to_string(state);
    EXPECT_EQ(drift_of(jobs, {{"os", {"1", ""}}}), (std::vector<Drift>{{1, {{"os", "1"}}}})) << to_string(state);
  }
}

TEST(Drift, IsJudgedComponentByComponent) {
  const std::vector<DeviceJob> jobs{{3, JobState::kSucceeded, {{"app", "7", kB}}}, {1, JobState::kSucceeded, {{"os", "2", kA}, {"app", "6", kA}}}};
  EXPECT_TRUE(drift_of(jobs, {{"os", {"2", ""}}, {"app", {"7", ""}}}).empty());
  EXPECT_EQ(drift_of(jobs, {{"os", {"1", ""}}, {"app", {"6", ""}}}), (std::vector<Drift>{{3, {{"app", "6"}}}, {1, {{"os", "1"}}}}));
}

TEST(Drift, WhatIsNotReportedStaysAsItWasKnown) {
  const std::vector<DeviceJob> jobs{{1, JobState::kSucceeded, {{"os", "2", ""}, {"app", "7", ""}}, {{"os", "1"}}}};
  EXPECT_EQ(drift_of(jobs, {}), (std::vector<Drift>{{1, {{"os", "1"}}}}));
  EXPECT_EQ(drift_of(jobs, {{"app", {"6", ""}}}), (std::vector<Drift>{{1, {{"app", "6"}, {"os", "1"}}}}));
  EXPECT_TRUE(drift_of(jobs, {{"os", {"2", ""}}}).empty());
}

}  // namespace
}  // namespace dray::core

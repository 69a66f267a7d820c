// A device that ends in the same way again and again is left alone for long; and what runs is known by its bytes, too.
#include <gtest/gtest.h>

#include "core/update/job_rig.h"

namespace dray::core {
namespace {

using namespace samples;
using namespace std::chrono_literals;

// The device comes back with the old version; how long it is left alone then.
Duration comes_back(Rig& rig, int n, const std::string& version = "26.10") {
  if (rig.phase() == "Backoff") rig.tick_at(std::get<Backoff>(rig.job.phase).until);
  rig.to_switching().powers_on("boot-" + std::to_string(100 + n), runs(version));
  EXPECT_EQ(rig.phase(), "Backoff") << n;
  return std::get<Backoff>(rig.job.phase).until - rig.given.now;
}

JobTerms for_weeks() {
  JobTerms t = terms();
  t.expires_at += 24h * 30;
  for (Interval& i : t.update) i.to += 24h * 30;
  return t;
}

TEST(JobAlike, TheThirdEqualResultIsFollowedByALongPause) {
  Rig rig{for_weeks()};
  const Duration half = Duration{rig.given.retry.cap} / 2;
  EXPECT_LE(comes_back(rig, 1), 1min);
  EXPECT_LE(comes_back(rig, 2), 1min);
  EXPECT_EQ(rig.said().reason, "backing_off");
  for (int n = 3; n <= 9; ++n) {
    EXPECT_GE(comes_back(rig, n), half);
    EXPECT_EQ(rig.said().reason, "same_result");
    EXPECT_NE(rig.said().sentence.find("the last " + std::to_string(n) + " ended alike"), std::string::npos) << rig.said().sentence;
    EXPECT_NE(rig.said().sentence.find("os 26.10 instead of 26.11"), std::string::npos) << rig.said().sentence;
    EXPECT_EQ(rig.said().until, std::get<Backoff>(rig.job.phase).until);
  }
}

TEST(JobAlike, AnotherResultBeginsTheCountAnew) {
  Rig rig{for_weeks()};
  comes_back(rig, 1);
  comes_back(rig, 2);
  EXPECT_LE(comes_back(rig, 3, "25.x"), 1min) << "another version runs";
  EXPECT_EQ(rig.job.alike, 1);
  comes_back(rig, 4);
  comes_back(rig, 5);
  EXPECT_EQ(rig.job.alike, 2);
}

TEST(JobAlike, TextsThatDifferInNumbersOnlyAreAlike) {
  Rig rig{for_weeks()};
  for (int n = 1; n <= 3; ++n) {
    if (rig.phase() == "Backoff") rig.tick_at(std::get<Backoff>(rig.job.phase).until);
    rig.to_installing().does(Feedback{FeedbackKind::kClosedFailure, "sector " + std::to_string(n * 71) + " is bad", false, {}});
  }
  EXPECT_EQ(rig.job.alike, 3);
  EXPECT_EQ(rig.said().reason, "same_result");
}

TEST(JobAlike, WhatFailsBeforeTheBytesAreThereInterruptsNobody) {
  Rig rig{for_weeks()};
  for (int n = 1; n <= 6; ++n) {
    if (rig.phase() == "Backoff") rig.tick_at(std::get<Backoff>(rig.job.phase).until);
    rig.to_transmitting().says(FeedbackKind::kClosedFailure);
  }
  EXPECT_EQ(rig.job.alike, 0);
  EXPECT_EQ(rig.said().reason, "backing_off");
}

TEST(JobAlike, AnotherArtifactBeginsAnew) {
  Rig rig{for_weeks()};
  for (int n = 1; n <= 3; ++n) comes_back(rig, n);
  JobTerms other = for_weeks();
  other.steps = {{app()}};
  rig.does(NewTerms{other});
  EXPECT_EQ(rig.job.alike, 0);
  EXPECT_FALSE(rig.job.last_failure);
}

// --- the same version with other bytes ---

RunningByComponent runs_with(const std::string& version, const std::string& hash) { return {{"os", {version, hash}}}; }

TEST(JobBytes, TheNewVersionRunsOnlyWhereItsHashAgrees) {
  const std::string wanted = image().sha256.hex();
  const std::string other = std::string(63, wanted[0] == 'a' ? 'b' : 'a') + wanted[0];
  Rig right{for_weeks()};
  EXPECT_EQ(right.to_switching().powers_on("boot-2", runs_with("26.11", wanted)).phase(), "Succeeded");
  Rig unknown{for_weeks()};
  EXPECT_EQ(unknown.to_switching().powers_on("boot-2", runs_with("26.11", "no hash")).phase(), "Succeeded");
  Rig wrong{for_weeks()};
  wrong.to_switching().powers_on("boot-2", runs_with("26.11", other));
  EXPECT_EQ(wrong.phase(), "Backoff");
  EXPECT_NE(wrong.said().sentence.find("with other bytes"), std::string::npos) << wrong.said().sentence;
  Rig idle{for_weeks(), at(0)};
  idle.given.running = runs_with("26.11", other);
  EXPECT_EQ(idle.tick().phase(), "Planned") << "it is not done without an attempt";
}

}  // namespace
}  // namespace dray::core

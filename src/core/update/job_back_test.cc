// A device that starts with what it ran before, or undoes a step which had ended well, and what a device says behind its own success.
#include <gtest/gtest.h>

#include "core/update/job_rig.h"

namespace dray::core {
namespace {

using namespace samples;

// The first step has ended by its power-on report.
Rig after_os() {
  Rig rig{all_day(two_steps()), at(20)};
  rig.to_switching().powers_on("boot-2", runs("26.11", "6"));
  return rig;
}

bool says(const Rig& rig, std::string_view part) { return rig.said().sentence.find(part) != std::string::npos; }

TEST(JobBack, AnUndoneStepIsNoSuccessWhenTheNextOneEnds) {
  Rig rig = after_os();
  rig.to_restarting().powers_on("boot-3", runs("26.10", "7"));
  EXPECT_EQ(rig.said().state, JobState::kRolledBack);
  EXPECT_EQ(rig.said().reason, "mixed");
  EXPECT_TRUE(says(rig, "the device runs os 26.10 instead of 26.11, app 7, a mix that nobody may have tried: retry it, or roll out what it ran before")) << rig.said().sentence;
  const Job ended = rig.job;
  EXPECT_EQ(rig.powers_on("boot-4", runs("26.11", "7")).job, ended) << "a result never changes";
}

TEST(JobBack, WhatIsUnderWayEndsFirst) {
  for (const bool again : {false, true}) {
    Rig rig = after_os();
    rig.to_installing().powers_on("boot-3", runs("26.10", "6"));
    EXPECT_EQ(rig.phase(), "Installing");
    if (again) rig.powers_on("boot-4", runs("26.11", "6"));
    rig.says(FeedbackKind::kSwitching).powers_on("boot-5", runs(again ? "26.11" : "26.10", "7"));
    EXPECT_EQ(rig.said().state, again ? JobState::kSucceeded : JobState::kRolledBack) << "it runs again";
  }
}

TEST(JobBack, NothingNewBeginsThen) {
  const std::vector<void (*)(Rig&)> ways{
      [](Rig&) {},
      [](Rig& r) { r.answers(AnswerKind::kReady); },
      [](Rig& r) { r.answers(AnswerKind::kDefer, at(100)); },
      [](Rig& r) { r.to_transmitting().says(FeedbackKind::kClosedFailure); },
  };
  for (const auto way : ways) {
    Rig rig = after_os();
    way(rig);
    rig.powers_on("boot-3", runs("26.10", "7"));
    EXPECT_EQ(rig.phase(), "Failed");
    EXPECT_EQ(rig.said().reason, "mixed");
    EXPECT_TRUE(rig.job.action.empty());
    EXPECT_EQ(rig.tick_at(at(100)).phase(), "Failed");
  }
}

TEST(JobBack, AFailureOfTheNextStepIsToldWithIt) {
  Rig rig = after_os();
  rig.to_installing().powers_on("boot-3", runs("26.10", "6")).says(FeedbackKind::kClosedFailure);
  EXPECT_EQ(rig.phase(), "Failed") << "no other attempt";
  EXPECT_EQ(rig.said().reason, "rolled_back") << "nothing of the update runs";
  EXPECT_TRUE(says(rig, "its last attempt had failed: no space")) << rig.said().sentence;
  EXPECT_TRUE(says(rig, "the device runs os 26.10 instead of 26.11, app 6 instead of 7: retry it")) << rig.said().sentence;
  EXPECT_FALSE(says(rig, "a mix"));
}

TEST(JobBack, OtherBytesOfTheSameVersionAreNoneOfTheUpdate) {
  Rig rig = after_os();
  RunningByComponent running = runs("26.11", "7");
  running["os"].sha256 = std::string(64, 'e');
  rig.to_restarting().powers_on("boot-3", running);
  EXPECT_TRUE(says(rig, "the device runs os 26.11 with other bytes than were ordered, app 7")) << rig.said().sentence;
}

TEST(JobBack, AnExpiryAndACancelSayWhatRuns) {
  Rig cancelled = after_os();
  cancelled.to_transmitting().does(CancelAsked{"c1", "ines", ""}).powers_on("boot-3", runs("26.10", "6")).does(CancelFeedback{true});
  EXPECT_EQ(cancelled.said().state, JobState::kCancelled);
  EXPECT_TRUE(says(cancelled, "the device runs os 26.10 instead of 26.11, app 6 instead of 7")) << cancelled.said().sentence;
  Rig expired = after_os();
  expired.to_transmitting().powers_on("boot-3", runs("26.10", "6")).tick_at(at(480));
  EXPECT_EQ(expired.said().state, JobState::kExpired);
  EXPECT_TRUE(says(expired, "the device runs os 26.10 instead of 26.11")) << expired.said().sentence;
}

// By its word alone nobody knows whether it ever ran: what is reported then may be of before its restart.
TEST(JobBack, AStepThatWasNeverReportedIsNotJudged) {
  JobTerms t = foreign_terms();
  t.steps = {{image()}, {app()}};
  t.update.clear();
  Rig rig{t, at(20)};
  rig.to_installing().says(FeedbackKind::kClosedSuccess).powers_on("boot-1", runs("26.10", "6"));
  EXPECT_EQ(rig.job.step, 1U);
  EXPECT_EQ(rig.to_installing().says(FeedbackKind::kClosedSuccess).said().state, JobState::kSucceeded);
}

TEST(JobBack, AnotherAgentUnderItsNameUndoesNothing) {
  Rig rig = after_os();
  rig.given.doubt = Doubt::kTwoAgents;
  rig.powers_on("boot-3", runs("26.10", "6"));
  EXPECT_FALSE(is_final(rig.job));
  rig.powers_on("boot-2", runs("26.11", "6"));
  rig.given.doubt = Doubt::kNone;
  EXPECT_FALSE(is_final(rig.tick().job));
}

// Nothing is judged by reports of two: what was known before stands, and the end is the tick's, as without the doubt.
TEST(JobBack, AnUndoneStepIsNoSuccessEitherWhereTwoAgentsCall) {
  Rig rig = after_os();
  rig.to_transmitting().powers_on("boot-3", runs("26.10", "6"));
  EXPECT_FALSE(rig.job.went_back.empty());
  rig.given.doubt = Doubt::kTwoAgents;
  rig.says(FeedbackKind::kClosedFailure);
  EXPECT_EQ(rig.phase(), "Backoff");
  rig.powers_on("boot-4", runs("26.10", "7"));
  EXPECT_EQ(rig.phase(), "Failed");
  EXPECT_EQ(rig.said().reason, "mixed");
}

TEST(JobBack, WhatWasOnlyFoundToRunIsBroughtInstead) {
  for (const bool asked : {false, true}) {
    Rig rig{all_day(two_steps()), at(20)};
    rig.powers_on("boot-1", runs("26.11", "6"));
    EXPECT_EQ(rig.job.step, 1U);
    if (asked) rig.answers(AnswerKind::kReady);
    rig.powers_on("boot-2", runs("26.10", "6"));
    EXPECT_EQ(rig.job.step, 0U);
    EXPECT_FALSE(is_final(rig.job));
    EXPECT_TRUE(rig.job.went_back.empty());
  }
}

// --- behind its own success ---

TEST(JobSaidAfter, AFailureBehindASuccessStandsBesideIt) {
  JobTerms t = all_day(foreign_terms());
  Rig rig{t, at(20)};
  rig.to_installing().says(FeedbackKind::kClosedSuccess).does(Echo{ActionId{1101}, "no display"});
  EXPECT_EQ(rig.said().state, JobState::kSucceeded);
  EXPECT_EQ(rig.said().reason, "succeeded");
  EXPECT_EQ(rig.said().cause, (Cause{"device_failed", "behind its own success the device reported a failure: no display"}));
  const Job once = rig.job;
  EXPECT_EQ(rig.does(Echo{ActionId{1101}, "no display"}).job, once);
}

TEST(JobSaidAfter, IsWhyTheRestartFailedThatIsWaitedFor) {
  Rig rig{all_day(two_steps()), at(20)};
  rig.to_restarting().does(Echo{ActionId{1101}, "no display"});
  EXPECT_EQ(rig.phase(), "Restarting");
  EXPECT_EQ(rig.said().cause->reason, "device_failed");
  rig.tick_at(at(30));
  EXPECT_EQ(rig.job.failed, (Failure{FailureKind::kNoPowerOn, "no power-on report within 600 s; the device says: no display"}));
  EXPECT_TRUE(rig.job.said_after.empty());
}

// Its client never says that it switches over, nor that it is done: it installs the same again, and again.
TEST(JobBack, AForeignDeviceThatKeepsStartingWithTheOldVersionIsRolledBack) {
  JobTerms terms = samples::terms();
  terms.ask = Ask::kPoll;
  Rig rig{terms};
  rig.to_installing().says(FeedbackKind::kProceeding).powers_on("boot-2", runs("26.10"));
  EXPECT_EQ(rig.phase(), "Installing") << "it may have lost its power in the middle";
  rig.says(FeedbackKind::kProceeding).powers_on("boot-2", runs("26.10"));
  EXPECT_EQ(rig.phase(), "Installing") << "the same start";
  rig.powers_on("boot-3", runs("26.10"));
  EXPECT_EQ(rig.phase(), "Backoff");
  EXPECT_EQ(rig.said().cause->reason, "rolled_back");
  EXPECT_EQ(rig.job.attempt, 2);
}

TEST(JobBack, AnAgentThatLosesItsPowerAgainAndAgainWhileItInstallsGoesOn) {
  JobTerms terms = samples::terms();
  terms.ask = Ask::kConfirmation;
  Rig rig{terms};
  rig.to_installing();
  for (const char* boot : {"boot-2", "boot-3", "boot-4"}) rig.powers_on(boot, runs("26.10"));
  EXPECT_EQ(rig.phase(), "Installing");
  EXPECT_EQ(rig.job.attempt, 1);
}

}  // namespace
}  // namespace dray::core

// What people are told of an update that is not done: the cause stays, whatever ends it.
#include <gtest/gtest.h>

#include "core/update/job_rig.h"

namespace dray::core {
namespace {

using namespace samples;

JobTerms paused(JobTerms t) {
  t.planned_at = t.expires_at;
  t.held = Held{"failure_threshold", "The rollout is paused: too many devices failed."};
  return t;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(JobCause, AnExpirySaysWhatTheUpdateWaitedFor) {
  struct Row {
    void (*make)(Rig&);
    const char *reason, *words;
  };
  const std::vector<Row> rows{
      {[](Rig& r) {
         r.given.stored = false;
         r.given.lack = {Lack::Kind::kNoRoom, "os 26.11", "its quota lacks 3.0 MB"};
       },
       "store_full", "expired while the gateway had no room for os 26.11: its quota lacks 3.0 MB; the expiry was "},
      {[](Rig& r) {
         r.given.stored = false;
         r.given.lack = {Lack::Kind::kDamaged, "os 26.11", "other bytes"};
       },
       "artifact_damaged", "while os 26.11 could not be had: other bytes"},
      {[](Rig& r) { r.given.stored = false; }, "waiting_artifact", "while the gateway did not hold os 26.11"},
      {[](Rig& r) { r.given.stored = true; }, "device_absent", "while the device had never called at this gateway"},
      {[](Rig& r) { r.given.seen_at = at(479); }, "device_deferring", "while the device had not answered"},
      {[](Rig& r) { r.given.doubt = Doubt::kTwoAgents; }, "two_agents", "while two agents seemed to call"},
      {[](Rig& r) { r.job.terms.update = {{at(-100), at(-50)}}; r.given.seen_at = at(475); }, "no_window_left", "while no update window was open"},
      {[](Rig& r) { r.job.terms.update = {{at(15), at(100)}}; r.given.seen_at = at(16); }, "device_absent",
       "had not called since 2026-11-24T22:16:00Z"},
      {[](Rig& r) { r.does(DeferralsChanged{at(1000), "ines", "stocktaking"}); }, "deferred_by_operator",
       "while it was deferred by ines: stocktaking"},
      {[](Rig& r) { r.answers(AnswerKind::kDefer, at(1000)); }, "deferred_by_device", "while the device asked by kim to wait: in use"},
      {[](Rig& r) { r.to_transmitting(); }, "downloading", "while the device received os 26.11"},
      {[](Rig& r) { r.does(NewTerms{paused(all_day(terms()))}); }, "failure_threshold", "while this held it: The rollout is paused: too many devices failed; the expiry was "},
  };
  for (const Row& row : rows) {
    Rig rig{all_day(terms()), at(20)};
    row.make(rig);
    rig.tick_at(at(5000));  // the gateway was off meanwhile
    const PublicState said = rig.said();
    EXPECT_EQ(said.state, JobState::kExpired) << row.words;
    EXPECT_EQ(said.reason, "expired") << row.words;
    ASSERT_TRUE(said.cause) << row.words;
    EXPECT_EQ(said.cause->reason, row.reason) << row.words;
    EXPECT_TRUE(contains(said.sentence, row.words)) << said.sentence;
  }
}

TEST(JobCause, WhatFailedIsToldBesideWhateverItWaitsForThen) {
  Rig rig{all_day(terms()), at(20)};
  rig.to_installing().says(FeedbackKind::kClosedFailure);
  const Cause cause{"device_failed", "the device reported a failure: no space"};
  EXPECT_EQ(rig.said().cause, cause) << "while it backs off";
  rig.does(NewTerms{paused(all_day(terms()))}).tick_at(at(100));
  EXPECT_EQ(rig.said().reason, "failure_threshold");
  EXPECT_EQ(rig.said().cause, cause) << "while its rollout is paused";
  rig.tick_at(at(480));
  EXPECT_EQ(rig.said().state, JobState::kExpired);
  EXPECT_TRUE(contains(rig.said().sentence, "the device reported a failure: no space")) << rig.said().sentence;

  Rig plain{all_day(terms()), at(20)};
  plain.to_installing().says(FeedbackKind::kClosedFailure);
  plain.given.now = at(481);
  EXPECT_EQ(plain.tick().said().cause->reason, "device_failed") << "it waited for no more than its time";
  EXPECT_TRUE(contains(plain.said().sentence, "expired after its last attempt had failed")) << plain.said().sentence;
}

TEST(JobCause, TheDevicesOwnWordBehindThePowerOnReportIsKept) {
  for (const bool last : {false, true}) {
    JobTerms t = all_day(terms());
    if (last) t.retry.limit = 1;
    Rig rig{t, at(20)};
    rig.to_switching().powers_on("boot-2", runs("26.10"));
    const Job before = rig.job;
    rig.does(Echo{ActionId{1101}, "health check: no display"});
    EXPECT_EQ(rig.said().state, last ? JobState::kRolledBack : JobState::kScheduled);
    EXPECT_TRUE(contains(rig.said().sentence, "os 26.10 instead of 26.11; the device says: health check: no display")) << rig.said().sentence;
    const Job once = rig.job;
    EXPECT_EQ(rig.does(Echo{ActionId{1101}, "health check: no display"}).job, once) << "said twice";
    EXPECT_EQ(rig.does(Echo{ActionId{1100}, "of another action"}).job, once);
    EXPECT_EQ(rig.does(Echo{ActionId{1101}, ""}).job, once);
    EXPECT_EQ(once.phase.index(), before.phase.index());
  }
  Rig well{all_day(terms()), at(20)};
  well.to_switching().powers_on("boot-2", runs("26.11"));
  EXPECT_FALSE(well.said().cause);
  well.does(Echo{ActionId{1101}, "no display"});
  EXPECT_EQ(well.said().state, JobState::kSucceeded);
  EXPECT_EQ(well.said().reason, "succeeded");
  EXPECT_TRUE(contains(well.said().cause->sentence, "no display")) << "a failure behind its success, too";
}

TEST(JobCause, EndsWithTheStepThatEndedWell) {
  JobTerms t = all_day(two_steps());
  Rig rig{t, at(20)};
  rig.to_transmitting().says(FeedbackKind::kClosedFailure).tick_at(at(30));
  EXPECT_TRUE(rig.said().cause);
  rig.to_switching().powers_on("boot-2", runs("26.11", "6"));
  EXPECT_FALSE(rig.said().cause);
}

// --- one by one: what has started ends its steps ---

TEST(JobMix, APauseStopsNoDeviceBetweenTwoSteps) {
  JobTerms t = all_day(two_steps());
  for (const bool paused_before : {false, true}) {
    Rig rig{t, at(20)};
    rig.to_switching();
    if (paused_before) rig.does(NewTerms{paused(t)});
    rig.powers_on("boot-2", runs("26.11", "6"));
    if (!paused_before) rig.does(NewTerms{paused(t)});
    EXPECT_EQ(rig.phase(), "Asked") << "the next step is asked for at once";
    EXPECT_TRUE(wants_bytes(rig.job, rig.given.now));
    rig.to_transmitting().says(FeedbackKind::kClosedFailure);
    EXPECT_EQ(rig.tick_at(at(40)).phase(), "Asked") << "and once more";
    rig.to_switching().powers_on("boot-3", runs("26.11", "7"));
    EXPECT_EQ(rig.said().state, JobState::kSucceeded);
  }
}

TEST(JobMix, WhatSucceededIsNone) {
  JobTerms t = all_day(two_steps());
  Rig rig{t, at(20)};
  rig.to_switching();
  rig.powers_on("boot-2", runs("26.11", "6"));
  rig.to_switching();
  rig.powers_on("boot-3", runs("26.11", "7"));
  ASSERT_EQ(rig.phase(), "Succeeded");
  EXPECT_EQ(rig.said().sentence.find("mix"), std::string::npos) << rig.said().sentence;
}

TEST(JobMix, APauseStopsWhatHasNotBegun) {
  JobTerms t = all_day(two_steps());
  Rig failed{t, at(20)};
  failed.to_transmitting().says(FeedbackKind::kClosedFailure).does(NewTerms{paused(t)}).tick_at(at(100));
  EXPECT_EQ(failed.phase(), "Planned") << "it runs what it ran before";
  Rig fresh{paused(t), at(20)};
  fresh.given.running = runs("26.11", "6");
  fresh.tick();
  EXPECT_EQ(fresh.job.step, 1U) << "the first step runs already";
  EXPECT_EQ(fresh.phase(), "Planned") << "but not by this update";
  EXPECT_EQ(fresh.said(), (PublicState{JobState::kScheduled, "failure_threshold", "The rollout is paused: too many devices failed.", {}}))
      << "and not: until the expiry, the update time";
  EXPECT_EQ(fresh.does(NewTerms{t}).phase(), "Asked") << "resumed";
}

TEST(JobMix, ADeferralAndAWindowStillHoldIt) {
  Rig rig{two_steps(), at(20)};
  rig.to_switching().powers_on("boot-2", runs("26.11", "6")).does(DeferralsChanged{at(100), "ines", ""});
  EXPECT_EQ(rig.job.update_at, at(100));
  EXPECT_EQ(rig.does(NewTerms{paused(two_steps())}).job.update_at, at(100));
  EXPECT_EQ(rig.tick_at(at(300)).phase(), "Planned");
  EXPECT_EQ(rig.said().state, JobState::kWaitingWindow);
}

TEST(JobMix, AnExpiryBetweenTwoStepsShowsTheMixAndWhatToDo) {
  JobTerms t = all_day(two_steps());
  Rig rig{t, at(20)};
  rig.given.seen_at = at(479);
  rig.to_switching().powers_on("boot-2", runs("26.11", "6")).tick_at(at(480));
  EXPECT_EQ(rig.said().state, JobState::kExpired);
  EXPECT_EQ(rig.said().reason, "mixed");
  EXPECT_TRUE(contains(rig.said().sentence, "the device runs os 26.11 of this update without app 7")) << rig.said().sentence;
  EXPECT_TRUE(contains(rig.said().sentence, "roll it out again, or what it ran before")) << rig.said().sentence;

  Rig cancelled{t, at(20)};
  cancelled.to_switching().powers_on("boot-2", runs("26.11", "6")).does(CancelAsked{"c1", "ines", ""});
  EXPECT_TRUE(contains(cancelled.said().sentence, "without app 7")) << cancelled.said().sentence;
  Rig replaced{t, at(20)};
  replaced.to_switching().powers_on("boot-2", runs("26.11", "6")).does(Superseded{"r13 (os 27)"});
  EXPECT_EQ(replaced.said().sentence, "superseded by r13 (os 27)") << "what follows ends the mix";
}

TEST(JobMix, ACancelDuringTheStepThatMadeItShowsItToo) {
  JobTerms t = all_day(two_steps());
  Rig cancelled{t, at(20)};
  cancelled.to_switching().does(CancelAsked{"c1", "ines", ""}).powers_on("boot-2", runs("26.11", "6"));
  EXPECT_EQ(cancelled.said().state, JobState::kCancelled);
  EXPECT_TRUE(contains(cancelled.said().sentence, "the device runs os 26.11 of this update without app 7")) << cancelled.said().sentence;

  JobTerms three = t;
  three.steps.push_back({StepArtifact{"other", "2", sha('b'), 10}});
  Rig last{three, at(20)};
  last.to_switching().powers_on("boot-2", runs("26.11", "6"));
  last.to_switching().does(CancelAsked{"c1", "ines", ""}).powers_on("boot-3", runs("26.11", "7"));
  EXPECT_TRUE(contains(last.said().sentence, "the device runs os 26.11, app 7 of this update without other 2,")) << "no step that has just ended is missing: " << last.said().sentence;

  Rig whole{t, at(20)};
  whole.to_switching().powers_on("boot-2", runs("26.11", "6"));
  whole.to_switching().does(CancelAsked{"c1", "ines", ""}).powers_on("boot-3", runs("26.11", "7"));
  EXPECT_EQ(whole.said().state, JobState::kSucceeded);
}

// --- the old version, then "closed" ---

TEST(JobRollback, TheOldVersionAndThenClosedWithoutAnAnnouncementIsRolledBack) {
  JobTerms once = all_day(terms());
  once.retry.limit = 1;
  Rig rig{once, at(20)};
  rig.to_installing().powers_on("boot-2", runs("26.10"));
  EXPECT_EQ(rig.phase(), "Installing") << "it may have restarted in the middle of its work";
  rig.says(FeedbackKind::kClosedSuccess);
  EXPECT_TRUE(contains(rig.said().sentence, "the device runs os 26.10 instead of 26.11")) << rig.said().sentence;
  rig.tick_at(at(40));
  EXPECT_EQ(rig.said().state, JobState::kRolledBack);
  EXPECT_TRUE(contains(rig.said().sentence, "os 26.10 instead of 26.11")) << rig.said().sentence;

  Rig later{once, at(20)};
  later.to_installing().powers_on("boot-2", runs("26.10")).says(FeedbackKind::kClosedSuccess).powers_on("boot-3", runs("26.11"));
  EXPECT_EQ(later.said().state, JobState::kSucceeded) << "it restarted once more, into the new one";

  Rig resumed{once, at(20)};
  resumed.to_installing().powers_on("boot-2", runs("26.10")).says(FeedbackKind::kProceeding).says(FeedbackKind::kClosedSuccess).tick_at(at(40));
  EXPECT_EQ(resumed.said().reason, "no_power_on") << "it went on with its work, and then did not come back";
}

// --- who and why ---

TEST(JobWho, ACancelThatCameTooLateSaysWhoseItWas) {
  Rig rig{all_day(terms()), at(20)};
  rig.to_switching().does(CancelAsked{"c1", "ines", "stocktaking"});
  EXPECT_TRUE(contains(rig.said().sentence, "the cancel by ines came too late: stocktaking")) << rig.said().sentence;
  rig.powers_on("boot-2", runs("26.11"));
  EXPECT_EQ(rig.said().sentence, "the device runs the new version; the cancel by ines came too late: stocktaking");
  Rig ended{all_day(terms()), at(20)};
  ended.to_switching().powers_on("boot-2", runs("26.11")).does(CancelAsked{"c1", "ines", ""});
  EXPECT_EQ(ended.said().sentence, "the device runs the new version; the cancel by ines came too late");
}

TEST(JobWho, ADeferralSaysWhoseItIsAlsoWhereItCameTooLate) {
  Rig rig{all_day(terms()), at(20)};
  rig.does(DeferralsChanged{at(60), "ines", "stocktaking"});
  EXPECT_EQ(rig.said().sentence, "deferred by ines until 23:00 UTC: stocktaking");
  rig.does(DeferralsChanged{at(60), "kim", "open late"});
  EXPECT_EQ(rig.said().sentence, "deferred by kim until 23:00 UTC: open late") << "of another one until the same time";
  Rig begun{all_day(terms()), at(20)};
  begun.to_transmitting().does(DeferralsChanged{at(60), "ines", "stocktaking"});
  EXPECT_EQ(begun.said().sentence, "the device receives os 26.11; the deferral by ines until 23:00 UTC came too late for what has begun: stocktaking");
}

}  // namespace
}  // namespace dray::core

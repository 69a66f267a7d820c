// What a job does from its time to its end.
#include "core/update/job.h"

#include <gtest/gtest.h>

#include "core/update/job_rig.h"

namespace dray::core {
namespace {

using namespace samples;
using std::chrono::seconds;

TEST(Job, WaitsForItsTimeThenAsksAndSendsWhenTheDeviceIsReady) {
  Rig rig{terms(), at(0)};
  EXPECT_EQ(rig.phase(), "Planned");
  EXPECT_EQ(rig.said(), (PublicState{JobState::kScheduled, "waiting_update_time",
                                     "waits until 22:15 UTC, the update time", at(15)}));
  EXPECT_EQ(wake_at(rig.job, rig.given), at(15));
  EXPECT_EQ(rig.offered(), Offer::kNothing);

  rig.tick_at(at(15));
  EXPECT_EQ(rig.phase(), "Asked");
  EXPECT_EQ(rig.offered(), Offer::kConfirmation);
  EXPECT_EQ(rig.job.action, ActionId{1101});
  EXPECT_FALSE(may_download(rig.job, rig.given));

  rig.answers(AnswerKind::kReady);
  EXPECT_EQ(rig.offered(), Offer::kDeployment);
  EXPECT_TRUE(may_download(rig.job, rig.given));
  EXPECT_FALSE(has_started(rig.job)) << "a link that is shown is no start";
  EXPECT_TRUE(has_started(rig.does(FirstByte{}).job));
  EXPECT_EQ(rig.said().state, JobState::kDownloading);
  EXPECT_EQ(rig.does(AllSent{}).said().state, JobState::kDownloaded) << "more is not known";
  EXPECT_EQ(rig.says(FeedbackKind::kProceeding).said().state, JobState::kInstalling);
  EXPECT_EQ(rig.says(FeedbackKind::kSwitching).said().state, JobState::kRebooting);
  EXPECT_EQ(rig.says(FeedbackKind::kVerifying).said().state, JobState::kVerifying);
  rig.powers_on("boot-2", runs("26.11"));
  EXPECT_EQ(rig.phase(), "Succeeded");
  EXPECT_EQ(rig.said().state, JobState::kSucceeded);
  EXPECT_TRUE(past_action(rig.job, ActionId{1101})->acknowledged) << "its closed/success still comes";
  EXPECT_FALSE(wants_bytes(rig.job, rig.given.now));
  EXPECT_FALSE(wake_at(rig.job, rig.given));
}

TEST(Job, OffersAForeignClientTheLinkOnlyWithASlot) {
  Rig rig{foreign_terms()};
  EXPECT_EQ(rig.phase(), "Ready") << "its own GET is the response";
  EXPECT_EQ(rig.offered(), Offer::kDeployment);
  rig.given.link = false;
  EXPECT_EQ(rig.offered(), Offer::kNothing) << "only a poll takes it";
  EXPECT_EQ(rig.said().reason, "waiting_device") << "its next poll would";
  rig.given.line = Line{0, 3, 3, 0};
  EXPECT_EQ(rig.offered(), Offer::kNothing);
  EXPECT_EQ(rig.said().reason, "waiting_slot");
  rig.given.line.reset();
  rig.given.link = true;
  EXPECT_EQ(rig.to_installing().says(FeedbackKind::kClosedSuccess).phase(), "Succeeded") << "closed ends it";
  EXPECT_FALSE(past_action(rig.job, ActionId{1101})->acknowledged) << "a second closed is gone (410)";
}

TEST(Job, SaysWhatIsBeforeADeviceThatWaitsForItsTurn) {
  Rig rig{foreign_terms()};
  rig.given.link = false;
  const auto sentence = [&](const Line& line) {
    rig.given.line = line;
    EXPECT_EQ(rig.said().reason, "waiting_slot");
    return rig.said().sentence;
  };
  EXPECT_EQ(sentence({0, 3, 3, 2}), "waits for its turn; three devices before it have not fetched");
  EXPECT_EQ(sentence({0, 1, 1, 0}), "waits for its turn; one device before it has not fetched");
  EXPECT_EQ(sentence({3, 3, 1, 5}), "waits for its turn; 3 of 3 transmissions run");
  EXPECT_EQ(sentence({1, 3, 2, 0}), "waits for its turn; 1 of 3 transmissions runs, two devices before it have not fetched");
  EXPECT_EQ(sentence({0, 3, 0, 14}), "waits for its turn; 14 devices before it have waited longer");
  rig.given.seen_at = rig.given.now;
  rig.given.now += std::chrono::hours{1};
  EXPECT_EQ(rig.said().reason, "device_absent") << "a device that is off waits for nobody";
}

TEST(Job, PullWantsItsBytesAtTheUpdateTimePushWhenTheServerSaysNow) {
  JobTerms t = terms();
  EXPECT_FALSE(wants_bytes(make_job(t, {}), at(14)));
  EXPECT_TRUE(wants_bytes(make_job(t, {}), at(15)));
  EXPECT_FALSE(wants_bytes(make_job(t, at(30)), at(15))) << "deferred";
  t.delivery = Delivery::kPush;
  t.fetch = Fetch::kHold;
  EXPECT_FALSE(wants_bytes(make_job(t, {}), at(100))) << "whatever our clock says";
  t.fetch = Fetch::kNow;
  EXPECT_TRUE(wants_bytes(make_job(t, {}), at(-1000)));
  t.expires_at = at(0);
  EXPECT_FALSE(wants_bytes(advance(make_job(t, {}), Tick{}, given(at(1))).next, at(1))) << "expired";
}

TEST(Job, WaitsForWhatIsMissingAndSaysWhat) {
  struct Row {
    void (*take)(Given&);
    JobState state;
    const char* reason;
  };
  for (const Row& row : {Row{[](Given& g) { g.stored = false; }, JobState::kWaitingGateway, "waiting_artifact"},
                         Row{[](Given& g) { g.doubt = Doubt::kTwoGateways; }, JobState::kWaitingGateway, "two_gateways"},
                         Row{[](Given& g) { g.doubt = Doubt::kTwoAgents; }, JobState::kWaitingGateway, "two_agents"},
                         Row{[](Given& g) { g.other_type = OtherType{"scale-s2", "till-t3"}; }, JobState::kWaitingGateway, "type_differs"},
                         Row{[](Given& g) { g.turn = false; }, JobState::kScheduled, "waiting_turn"},
                         Row{[](Given& g) { g.clock_known = false; }, JobState::kScheduled, "clock_unknown"},
                         Row{[](Given& g) { g.next_action = {}; }, JobState::kWaitingGateway, "waiting_action_ids"},
                         Row{[](Given& g) { g.now = at(241); }, JobState::kWaitingWindow, "no_window_left"}}) {
    Rig rig{terms(), at(0)};
    rig.given.now = at(20);
    row.take(rig.given);
    rig.tick();
    EXPECT_EQ(rig.phase(), "Planned") << row.reason;
    EXPECT_EQ(rig.offered(), Offer::kNothing) << row.reason;
    EXPECT_EQ(rig.said().state, row.state) << row.reason;
    EXPECT_EQ(rig.said().reason, row.reason);
  }
}

TEST(Job, WhileItIsNotClearWhoCallsWhatHasBegunEndsAndNothingNewBegins) {
  Rig asked{terms(), at(20)};
  asked.given.doubt = Doubt::kTwoAgents;
  EXPECT_EQ(asked.offered(), Offer::kNothing);
  EXPECT_EQ(asked.answers(AnswerKind::kReady).phase(), "Asked") << "it is asked again";
  Rig begun{terms(), at(20)};
  begun.to_transmitting();
  begun.given.doubt = Doubt::kTwoGateways;
  EXPECT_EQ(begun.offered(), Offer::kDeployment);
  EXPECT_TRUE(may_download(begun.job, begun.given));
  begun.does(AllSent{}).says(FeedbackKind::kClosedFailure).tick_at(at(200));
  EXPECT_EQ(begun.phase(), "Planned") << "no other attempt";
  EXPECT_EQ(begun.said().reason, "two_gateways");
}

TEST(Job, WhatRunsAlreadyIsDoneWithoutAnAttempt) {
  Rig rig{terms(), at(0)};
  rig.given.running.clear();
  EXPECT_EQ(rig.tick().phase(), "Planned") << "nothing is known of the device";
  rig.given.running = runs("26.11");
  EXPECT_EQ(rig.tick().phase(), "Succeeded");
  EXPECT_TRUE(rig.job.past.empty());
}

TEST(Job, StepsGoOneAfterTheOtherWithAttemptsOfTheirOwn) {
  Rig rig{two_steps()};
  rig.to_transmitting().says(FeedbackKind::kClosedFailure);
  EXPECT_EQ(rig.job.attempt, 2);
  rig.tick_at(at(20)).to_switching().powers_on("boot-2", runs("26.11", "6"));
  EXPECT_EQ(rig.job.step, 1U);
  EXPECT_EQ(rig.job.attempt, 1);
  EXPECT_EQ(rig.phase(), "Asked") << "the next step is asked for at once";
  rig.to_switching().powers_on("boot-3", runs("26.11", "7"));
  EXPECT_EQ(rig.phase(), "Succeeded");
  EXPECT_EQ(rig.job.past.size(), 3U);
}

TEST(Job, AStepThatRunsAlreadyIsSkipped) {
  Rig rig{two_steps()};
  rig.given.running = runs("26.10", "7");
  rig.to_switching().powers_on("boot-2", runs("26.11", "7"));
  EXPECT_EQ(rig.phase(), "Succeeded");
}

// --- M6 to M9 ---

TEST(Job, ABusyDeviceMovesTheStoredTime) {
  Rig rig;
  rig.answers(AnswerKind::kBusy);
  EXPECT_EQ(rig.phase(), "Deferred");
  EXPECT_EQ(rig.job.update_at, at(30)) << "by status_deferral";
  EXPECT_EQ(rig.said(), (PublicState{JobState::kDeferred, "device_busy",
                                     "the device is busy, next look at 22:30 UTC: in use", at(30)}));
  EXPECT_EQ(rig.offered(), Offer::kNothing) << "the link stays hidden";
  EXPECT_EQ(wake_at(rig.job, rig.given), at(30));
  rig.tick_at(at(30));
  EXPECT_EQ(rig.phase(), "Asked");
  EXPECT_EQ(rig.job.action, ActionId{1101}) << "the same attempt";
  EXPECT_EQ(rig.job.attempt, 1);
}

TEST(Job, ADeviceMayAskToWaitUntilATime) {
  Rig rig;
  rig.answers(AnswerKind::kDefer, at(90));
  EXPECT_EQ(rig.job.update_at, at(90));
  EXPECT_EQ(rig.said().reason, "deferred_by_device");
  rig.answers(AnswerKind::kDefer, at(60));
  EXPECT_EQ(rig.job.update_at, at(60)) << "its newest word counts";
  rig.answers(AnswerKind::kDefer, at(-60));
  EXPECT_EQ(rig.job.update_at, at(30)) << "a time that is over is no time";
}

TEST(Job, ABusyStatusBeforeTheTimeMovesNothing) {
  Rig rig{terms(), at(0)};
  EXPECT_EQ(rig.answers(AnswerKind::kBusy).job.update_at, at(15));
}

TEST(Job, SilenceIsTheDevicesOwnDeferment) {
  Rig rig;
  rig.tick_at(at(200));
  EXPECT_EQ(rig.phase(), "Asked");
  EXPECT_EQ(rig.job.update_at, at(15)) << "the stored time does not move";
  EXPECT_EQ(rig.said(), (PublicState{JobState::kWaitingConfirm, "device_absent", "the device has never called at this gateway", {}}));
  rig.given.seen_at = at(190);
  EXPECT_EQ(rig.said().reason, "device_deferring");
  EXPECT_EQ(wake_at(rig.job, rig.given), at(205)) << "then it is absent";
  rig.given.seen_at = at(185);
  EXPECT_EQ(
      rig.said(),
      (PublicState{JobState::kWaitingConfirm, "device_absent", "the device has not called since 01:05 UTC", {}}));
}

TEST(Job, AnAnswerIsGoodForAWhileThenAskedAgainUnderTheSameAction) {
  Rig rig;
  rig.answers(AnswerKind::kReady);
  EXPECT_EQ(wake_at(rig.job, rig.given), at(30));
  EXPECT_EQ(rig.tick_at(at(30)).phase(), "Asked");
  EXPECT_EQ(rig.job.action, ActionId{1101});
  rig.answers(AnswerKind::kReady).tick_at(at(44));
  EXPECT_EQ(rig.phase(), "Ready");
}

TEST(Job, AnAnswerOutsideOfTheWindowIsAskedAgain) {
  Rig rig;
  rig.answers(AnswerKind::kReady).tick_at(at(240));
  EXPECT_EQ(rig.phase(), "Asked");
  EXPECT_EQ(rig.offered(), Offer::kNothing);
  EXPECT_EQ(rig.answers(AnswerKind::kReady).phase(), "Asked");
}

TEST(Job, ARefusalIsAFailedAttempt) {
  Rig rig;
  rig.answers(AnswerKind::kRefuse);
  EXPECT_EQ(rig.phase(), "Backoff");
  EXPECT_EQ(rig.job.attempt, 2);
  JobTerms once = terms();
  once.retry.limit = 1;
  EXPECT_EQ(Rig{once}.answers(AnswerKind::kRefuse).said().reason, "refused");
}

TEST(Job, OperatorDeferralsMoveTheTimeAndWithdrawnItFallsBack) {
  Rig rig;
  EXPECT_EQ(rig.does(DeferralsChanged{at(60)}).phase(), "Planned") << "no longer asked";
  EXPECT_EQ(rig.job.update_at, at(60));
  EXPECT_EQ(rig.said().reason, "deferred_by_operator");
  EXPECT_EQ(rig.does(DeferralsChanged{at(1)}).job.update_at, at(15)) << "never below the planned time";
  rig.does(DeferralsChanged{at(90)}).does(DeferralsChanged{});
  EXPECT_EQ(rig.job.update_at, at(15));
  EXPECT_EQ(rig.phase(), "Asked");
  EXPECT_EQ(rig.job.action, ActionId{1101});
}

TEST(Job, ADeferralDoesNotStopWhatHasStartedButTheNextAttempt) {
  Rig rig;
  rig.to_transmitting().does(DeferralsChanged{at(120)});
  EXPECT_EQ(rig.phase(), "Transmitting");
  rig.says(FeedbackKind::kClosedFailure).tick_at(at(60));
  EXPECT_EQ(rig.phase(), "Planned");
  EXPECT_EQ(rig.job.update_at, at(120));
}

TEST(Job, AnOperatorsDeferralAndABusyDeviceStandTogether) {
  Rig rig;
  rig.answers(AnswerKind::kBusy, at(90)).does(DeferralsChanged{at(60)});
  EXPECT_EQ(rig.job.update_at, at(90));
  EXPECT_EQ(rig.does(DeferralsChanged{at(120)}).job.update_at, at(120));
  EXPECT_EQ(rig.said().reason, "deferred_by_operator");
  EXPECT_EQ(rig.does(DeferralsChanged{}).job.update_at, at(90));
}

// --- transmission ---

TEST(Job, AClosedWindowPausesTheTransmission) {
  Rig rig;
  rig.tick_at(at(239)).to_transmitting();
  EXPECT_EQ(wake_at(rig.job, rig.given), at(240));
  rig.tick_at(at(240));
  EXPECT_EQ(rig.phase(), "Transmitting");
  EXPECT_TRUE(rig.cuts(ActionId{1101}));
  EXPECT_FALSE(may_download(rig.job, rig.given));
  EXPECT_EQ(rig.offered(), Offer::kNothing);
  EXPECT_EQ(rig.said().state, JobState::kWaitingWindow);
  rig.says(FeedbackKind::kClosedFailure, true);
  EXPECT_EQ(rig.job.attempt, 1) << "we cut it: no attempt";
  EXPECT_TRUE(rig.job.action.empty()) << "but its action is closed";
}

TEST(Job, ALostArtifactCutsAndHidesAndCountsNoAttempt) {
  Rig rig;
  rig.to_transmitting();
  rig.given.stored = false;
  rig.does(ArtifactLost{});
  EXPECT_TRUE(rig.cuts(ActionId{1101}));
  EXPECT_EQ(rig.offered(), Offer::kNothing);
  EXPECT_EQ(rig.said().reason, "waiting_artifact");
  EXPECT_TRUE(wants_bytes(rig.job, rig.given.now));
  rig.given.stored = true;
  EXPECT_EQ(rig.tick().offered(), Offer::kDeployment);
  EXPECT_EQ(rig.job.attempt, 1);
}

TEST(Job, APlainRestartWhileTransmittingIsNothing) {
  Rig rig;
  rig.to_transmitting().powers_on("boot-2", runs("26.10"));
  EXPECT_EQ(rig.phase(), "Transmitting");
  rig.does(AllSent{}).says(FeedbackKind::kSwitching).powers_on("boot-2", runs("26.10"));
  EXPECT_EQ(rig.phase(), "Installing") << "that boot is known: the report came twice";
  EXPECT_EQ(rig.powers_on("boot-3", runs("26.10")).phase(), "Backoff")
      << "now it came back with the old version";
}

TEST(Job, TheInstallationGoesOnOutsideOfTheWindow) {
  Rig rig;
  rig.to_installing().tick_at(at(300));
  EXPECT_EQ(rig.phase(), "Installing");
  EXPECT_EQ(rig.offered(), Offer::kDeployment) << "a client that restarts looks for it before it closes";
}

// --- the end (M16, M17) ---

TEST(Job, ClosedIsNotTheEndWhereThePowerOnReportIs) {
  Rig rig;
  rig.to_restarting();
  EXPECT_EQ(rig.phase(), "Restarting");
  EXPECT_FALSE(action_is_open(rig.job));
  EXPECT_EQ(rig.offered(), Offer::kNothing);
  EXPECT_EQ(wake_at(rig.job, rig.given), at(25));
  EXPECT_EQ(rig.powers_on("boot-2", runs("26.11")).phase(), "Succeeded");
  EXPECT_EQ(rig.job.past.size(), 1U);
}

TEST(Job, NoPowerOnReportInTimeIsAFailedAttemptAndALateOneStillEndsIt) {
  Rig rig;
  rig.to_restarting().tick_at(at(25));
  EXPECT_EQ(rig.phase(), "Backoff");
  EXPECT_EQ(std::get<Backoff>(rig.job.phase).failure.kind, FailureKind::kNoPowerOn);
  EXPECT_EQ(past_action(rig.job, ActionId{1101})->end, ActionEnd::kError);
  EXPECT_EQ(rig.powers_on("boot-2", runs("26.11")).phase(), "Succeeded");
}

TEST(Job, OurOwnDowntimeIsNoSilenceOfTheDevice) {
  Rig rig;
  rig.to_restarting();
  rig.given.up_since = at(100);
  EXPECT_EQ(rig.tick_at(at(101)).phase(), "Restarting");
  EXPECT_EQ(wake_at(rig.job, rig.given), at(106)) << "one call";
  EXPECT_EQ(rig.tick_at(at(106)).phase(), "Backoff");
}

// A gateway that starts every few minutes blames its devices in the end.
TEST(Job, ATimeLimitRunsOnOverOurRestarts) {
  Rig silent;
  silent.to_restarting();
  for (const int minute : {17, 18, 19}) {
    silent.given.up_since = at(minute);
    EXPECT_EQ(silent.tick_at(at(minute)).phase(), "Restarting");
    EXPECT_EQ(wake_at(silent.job, silent.given), at(25)) << "since the switch-over";
  }
  silent.given.up_since = at(24);
  EXPECT_EQ(silent.tick_at(at(29, 59)).phase(), "Restarting");
  EXPECT_TRUE(silent.said().sentence.ends_with("until 22:30 UTC")) << silent.said().sentence;
  EXPECT_EQ(silent.tick_at(at(30)).phase(), "Backoff");

  JobTerms quick = terms();
  quick.power_on_within = std::chrono::seconds{60};
  Rig soon{quick};
  soon.to_restarting();
  soon.given.up_since = at(100);
  EXPECT_EQ(soon.tick_at(at(101)).phase(), "Backoff") << "and no longer than it has anyway";

  Rig stopping;
  stopping.to_transmitting().does(CancelAsked{"c1", "ines", ""});
  stopping.given.up_since = at(17);
  EXPECT_EQ(wake_at(stopping.job, stopping.given), at(25));
  EXPECT_EQ(stopping.tick_at(at(25)).phase(), "Cancelled");
}

TEST(Job, TheOldVersionAfterTheSwitchOverIsRolledBack) {
  for (const bool closed : {false, true}) {
    JobTerms once = terms();
    once.retry.limit = 1;
    Rig rig{once};
    if (closed)
      rig.to_restarting();
    else
      rig.to_switching();
    rig.powers_on("boot-1", runs("26.10"));
    EXPECT_FALSE(is_final(rig.job)) << "the same boot";
    rig.powers_on("boot-2", {});
    EXPECT_FALSE(is_final(rig.job)) << "a report without versions proves nothing";
    rig.powers_on("boot-3", runs("26.10"));
    EXPECT_EQ(rig.said().state, JobState::kRolledBack);
    EXPECT_NE(rig.said().sentence.find("os 26.10 instead of 26.11"), std::string::npos)
        << rig.said().sentence;
    EXPECT_EQ(past_action(rig.job, ActionId{1101})->acknowledged, !closed);
  }
}

TEST(Job, AFailureBacksOffAndTriesAgainUnderANewAction) {
  Rig rig;
  for (int n = 1; n <= 3; ++n) {
    rig.to_transmitting().says(FeedbackKind::kClosedFailure);
    ASSERT_EQ(rig.phase(), "Backoff");
    EXPECT_EQ(rig.job.attempt, n + 1);
    const auto until = std::get<Backoff>(rig.job.phase).until;
    EXPECT_EQ(until - rig.given.now, Duration{2500} * (1 << (n - 1)))
        << "half of 5, 10, 20 s with jitter 0.5";
    EXPECT_EQ(wake_at(rig.job, rig.given), until);
    EXPECT_EQ(rig.said().reason, "backing_off");
    EXPECT_EQ(rig.tick_at(until).phase(), "Asked");
    EXPECT_EQ(rig.job.action, ActionId{1101 + n});
  }
}

TEST(Job, TheLimitCountsTheFirstAttempt) {
  JobTerms twice = terms();
  twice.retry.limit = 2;
  Rig rig{twice};
  rig.to_transmitting().says(FeedbackKind::kClosedFailure);
  EXPECT_EQ(rig.phase(), "Backoff");
  rig.tick_at(at(20)).to_transmitting().says(FeedbackKind::kClosedFailure);
  EXPECT_EQ(rig.phase(), "Failed");
  EXPECT_EQ(rig.said().sentence, "the device reported a failure: no space");
  EXPECT_EQ(rig.powers_on("boot-9", runs("26.11")).phase(), "Failed") << "results are monotonic";
}

TEST(Job, ADeviceThatGivesUpBecauseItIsBusyHasNotFailed) {
  Rig rig;
  rig.to_installing().does(
      Feedback{FeedbackKind::kClosedFailure, "", false, Answered{AnswerKind::kDefer, at(60), "kim", ""}});
  EXPECT_EQ(rig.phase(), "Deferred");
  EXPECT_EQ(rig.job.attempt, 1);
  EXPECT_EQ(rig.tick_at(at(60)).job.action, ActionId{1102}) << "the old action is closed";
}

TEST(Job, AClockThatWasAheadDoesNotHoldItForEver) {
  Rig rig;
  rig.tick_at(at(100)).to_transmitting().says(FeedbackKind::kClosedFailure);
  EXPECT_EQ(rig.tick_at(at(20)).phase(), "Asked") << "further away than any back-off";
  rig.tick_at(at(100)).to_restarting().tick_at(at(20));
  EXPECT_EQ(wake_at(rig.job, rig.given), at(30));
}

TEST(Job, ResumeAsksForTheSameAgain) {
  Rig rig;
  rig.to_transmitting();
  EXPECT_EQ(resume(rig.job).size(), 1U) << "its poll";
  rig.does(CancelAsked{"c1", "ines", ""});
  const auto actions = resume(rig.job);
  ASSERT_EQ(actions.size(), 2U);
  EXPECT_EQ(std::get<CutTransfers>(actions[0]).action, ActionId{1101});
  EXPECT_EQ(rig.offered(), Offer::kCancel);
  EXPECT_TRUE(resume(with_phase(make_job(terms(), {}), Succeeded{})).empty());
}

// "A report says only what happened": each word of the device, in whatever order they arrive.
TEST(Job, SaysOfADeviceWithAllBytesOnlyWhatItKnows) {
  struct Row {
    std::vector<FeedbackKind> said;
    JobState state;
    std::string reason;
  };
  using enum FeedbackKind;
  const std::vector<Row> rows{
      {{}, JobState::kDownloaded, "downloaded"},
      {{kDownloaded}, JobState::kDownloaded, "downloaded"},
      {{kProceeding}, JobState::kInstalling, "installing"},
      {{kProceeding, kDownloaded}, JobState::kInstalling, "installing"},
      {{kSwitching}, JobState::kRebooting, "switching"},
      {{kSwitching, kProceeding}, JobState::kRebooting, "switching"},
      {{kSwitching, kDownloaded}, JobState::kRebooting, "switching"},
      {{kVerifying}, JobState::kVerifying, "verifying"},
      {{kVerifying, kSwitching}, JobState::kVerifying, "verifying"},
      {{kSwitching, kClosedSuccess}, JobState::kRebooting, "waiting_power_on"},
      {{kVerifying, kClosedFailure}, JobState::kScheduled, "backing_off"},
  };
  for (const Row& row : rows) {
    Rig rig;
    rig.to_installing();
    for (const FeedbackKind kind : row.said) rig.says(kind);
    EXPECT_EQ(rig.said().state, row.state);
    EXPECT_EQ(rig.said().reason, row.reason);
  }
  Rig quick;  // its words overtake the last bytes
  EXPECT_EQ(quick.to_transmitting().says(FeedbackKind::kDownloaded).does(AllSent{}).said().state,
            JobState::kDownloaded);
  Rig told;
  EXPECT_EQ(told.to_transmitting().says(FeedbackKind::kVerifying).phase(), "Installing");
  EXPECT_EQ(told.does(CancelAsked{"c1", "ines", ""}).phase(), "Installing") << "past the switch-over";
  EXPECT_EQ(told.job.cancel_refused, "c1");
}

}  // namespace
}  // namespace dray::core

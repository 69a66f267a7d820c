// How a job is stopped: expiry (M18) and cancel (M19).
#include <gtest/gtest.h>

#include "core/update/job_rig.h"

namespace dray::core {
namespace {

using namespace samples;

const CancelAsked kCancel{"c1", "ines", "stocktaking"};

JobTerms open_all_night() {
  JobTerms t = terms();
  t.update.clear();
  return t;
}

// --- expiry ---

TEST(JobExpiry, EndsWhatHasNotStarted) {
  for (const bool deferred : {false, true}) {
    Rig rig{open_all_night()};
    if (deferred) rig.answers(AnswerKind::kDefer, at(1000));
    rig.tick_at(at(100));  // a quarter of an hour after it was asked it is absent
    EXPECT_EQ(wake_at(rig.job, rig.given), at(480)) << "also one that a deferral has moved";
    rig.tick_at(at(480));
    EXPECT_EQ(rig.phase(), "Expired");
    EXPECT_EQ(rig.offered(), Offer::kNothing);
    EXPECT_FALSE(action_is_open(rig.job));
    EXPECT_EQ(rig.said().state, JobState::kExpired);
    EXPECT_FALSE(is_late(rig.job));
  }
}

TEST(JobExpiry, StopsATransmissionInTheMiddle) {
  Rig rig{open_all_night()};
  rig.to_transmitting().tick_at(at(480));
  EXPECT_EQ(rig.phase(), "Expired") << "at once";
  EXPECT_TRUE(rig.cuts(ActionId{1101}));
  EXPECT_EQ(rig.offered(), Offer::kCancel);
  EXPECT_FALSE(may_download(rig.job, rig.given));
  EXPECT_TRUE(action_is_open(rig.job));
  rig.does(CancelFeedback{true});
  EXPECT_EQ(rig.offered(), Offer::kNothing);
  EXPECT_EQ(past_action(rig.job, ActionId{1101})->end, ActionEnd::kCanceled);
}

TEST(JobExpiry, GivesNoByteAfterItAlsoWhereAllWereSent) {
  Rig rig{open_all_night()};
  rig.job.terms.update.clear();  // no window ends it
  rig.to_installing();
  rig.given.stored = true;
  rig.given.now = at(479);
  EXPECT_TRUE(may_download(rig.job, rig.given));
  rig.given.now = at(480);
  EXPECT_FALSE(may_download(rig.job, rig.given)) << "before anything has told the job";
}

TEST(JobExpiry, StopsAskingASilentDeviceAfterAWhile) {
  Rig rig{open_all_night()};
  rig.to_installing().tick_at(at(480));
  EXPECT_EQ(wake_at(rig.job, rig.given), at(490));
  EXPECT_EQ(rig.tick_at(at(490)).offered(), Offer::kNothing);
  EXPECT_FALSE(wake_at(rig.job, rig.given));
}

TEST(JobExpiry, StaysExpiredWhateverTheDeviceDoesThen) {
  for (const JobEvent& event :
       {JobEvent{CancelFeedback{false}}, JobEvent{Feedback{FeedbackKind::kClosedSuccess, "", false, {}}},
        JobEvent{Feedback{FeedbackKind::kClosedFailure, "", false, {}}},
        JobEvent{PowerOn{"boot-2", runs("26.11")}}}) {
    Rig rig{open_all_night()};
    rig.to_installing().tick_at(at(480)).does(event);
    EXPECT_EQ(rig.phase(), "Expired") << event_name(event);
    EXPECT_FALSE(action_is_open(rig.job)) << event_name(event);
    EXPECT_NE(past_action(rig.job, ActionId{1101}), nullptr);
  }
}

TEST(JobExpiry, ComesBeforeAnEventThatArrivesAfterIt) {
  Rig rig{open_all_night()};
  rig.to_transmitting();
  rig.given.now = at(481);
  EXPECT_EQ(rig.says(FeedbackKind::kClosedSuccess).phase(), "Expired");
}

TEST(JobExpiry, AfterTheSwitchOverItEndsAsItEndsAndLate) {
  Rig rig{open_all_night()};
  rig.to_switching().tick_at(at(481));
  EXPECT_EQ(rig.phase(), "Installing");
  EXPECT_EQ(rig.offered(), Offer::kDeployment);
  rig.powers_on("boot-2", runs("26.11"));
  EXPECT_EQ(rig.said(),
            (PublicState{JobState::kSucceeded, "late", "the device runs the new version, after the expiry", {}}));
  EXPECT_TRUE(is_late(rig.job));

  Rig back{open_all_night()};
  back.tick_at(at(470)).answers(AnswerKind::kReady).to_restarting();
  EXPECT_EQ(back.tick_at(at(480)).phase(), "Failed") << "no power-on report, and no other attempt";
  EXPECT_TRUE(is_late(back.job));
}

TEST(JobExpiry, LeavesNoTimeForTheNextStep) {
  JobTerms t = two_steps();
  t.update.clear();
  Rig rig{t};
  rig.to_switching().tick_at(at(481)).powers_on("boot-2", runs("26.11"));
  EXPECT_EQ(rig.phase(), "Expired");
  EXPECT_EQ(rig.job.step, 1U);
}

// --- cancel ---

TEST(JobCancel, IsDoneAtOnceWhereNothingHasStarted) {
  for (int n = 0; n < 5; ++n) {
    Rig rig{terms(), n == 0 ? at(0) : at(15)};
    if (n == 2) rig.answers(AnswerKind::kReady);
    if (n == 3) rig.answers(AnswerKind::kBusy);
    if (n == 4) rig.to_transmitting().says(FeedbackKind::kClosedFailure);
    rig.does(kCancel);
    EXPECT_EQ(rig.phase(), "Cancelled") << n;
    PublicState said = rig.said();
    EXPECT_EQ(said.cause.has_value(), n == 4) << "what had failed before stays beside it";
    said.cause.reset();
    EXPECT_EQ(said, (PublicState{JobState::kCancelled, "cancelled", "cancelled by ines: stocktaking", {}})) << n;
    EXPECT_FALSE(action_is_open(rig.job));
    EXPECT_EQ(rig.offered(), Offer::kNothing);
    EXPECT_TRUE(rig.job.cancel_refused.empty());
  }
}

TEST(JobCancel, WaitsForTheDeviceWhereSomethingHasStarted) {
  Rig rig;
  rig.to_transmitting().does(kCancel);
  EXPECT_EQ(rig.phase(), "Cancelling");
  EXPECT_TRUE(rig.cuts(ActionId{1101}));
  EXPECT_EQ(rig.offered(), Offer::kCancel);
  EXPECT_EQ(rig.said().reason, "cancelling");
  EXPECT_EQ(rig.says(FeedbackKind::kProceeding).phase(), "Cancelling")
      << "rauc and swupdate tell a little more";
  EXPECT_EQ(rig.does(CancelFeedback{true}).phase(), "Cancelled");
  EXPECT_EQ(past_action(rig.job, ActionId{1101})->end, ActionEnd::kCanceled);
}

TEST(JobCancel, OfASilentDeviceIsDoneAfterAWhile) {
  Rig rig;
  rig.to_installing().does(kCancel);
  EXPECT_EQ(wake_at(rig.job, rig.given), at(25));
  EXPECT_EQ(rig.tick_at(at(25)).phase(), "Cancelled");
}

TEST(JobCancel, ThatTheDeviceRejectsLeavesItRunningAndIsNotSentAgain) {
  for (const bool installing : {false, true}) {
    Rig rig;
    if (installing)
      rig.to_installing();
    else
      rig.to_transmitting();
    const auto before = rig.phase();
    rig.does(kCancel).does(CancelFeedback{false});
    EXPECT_EQ(rig.phase(), before);
    EXPECT_EQ(rig.job.cancel_refused, "c1");
    EXPECT_EQ(rig.offered(), Offer::kDeployment);
    EXPECT_EQ(rig.does(kCancel).phase(), before);
    EXPECT_EQ(rig.does(GoneFromPlan{}).phase(), before);
    EXPECT_EQ(rig.does(CancelAsked{"c2", "ines", ""}).phase(), "Cancelling") << "another one is";
  }
}

TEST(JobCancel, AfterTheSwitchOverIsTooLateAndLeavesTheResult) {
  for (const bool closed : {false, true}) {
    Rig rig;
    if (closed)
      rig.to_restarting();
    else
      rig.to_switching();
    const auto before = rig.phase();
    EXPECT_EQ(rig.does(kCancel).phase(), before);
    EXPECT_EQ(rig.job.cancel_refused, "c1");
    EXPECT_EQ(rig.powers_on("boot-2", runs("26.11")).phase(), "Succeeded");
    EXPECT_EQ(rig.job.cancel_refused, "c1");
  }
}

TEST(JobCancel, OfAFinishedJobIsTooLate) {
  Rig rig;
  rig.to_switching().powers_on("boot-2", runs("26.11")).does(kCancel);
  EXPECT_EQ(rig.phase(), "Succeeded");
  EXPECT_EQ(rig.job.cancel_refused, "c1");
}

TEST(JobCancel, ThatCameTooLateForAStepStopsTheNextOne) {
  Rig rig{two_steps()};
  rig.to_switching().does(kCancel).powers_on("boot-2", runs("26.11"));
  EXPECT_EQ(rig.phase(), "Cancelled");
  EXPECT_EQ(rig.job.cancel_refused, "") << "it was not too late after all";
}

TEST(JobCancel, ThatCameTooLateForAnAttemptStopsTheNextOne) {
  Rig rig;
  rig.to_restarting().does(kCancel).powers_on("boot-2", runs("26.10"));
  EXPECT_EQ(rig.phase(), "Cancelled") << "the old software keeps running, as was asked for";
}

TEST(JobCancel, MeetsADeviceThatClosesByItsResult) {
  Rig success{foreign_terms()};
  success.to_installing().does(kCancel).says(FeedbackKind::kClosedSuccess);
  EXPECT_EQ(success.phase(), "Succeeded");
  EXPECT_EQ(success.job.cancel_refused, "c1");

  Rig failure{foreign_terms()};
  failure.to_installing().does(kCancel).says(FeedbackKind::kClosedFailure);
  EXPECT_EQ(failure.phase(), "Cancelled");

  Rig restart;
  EXPECT_EQ(restart.to_installing().does(kCancel).says(FeedbackKind::kClosedSuccess).phase(), "Restarting");
  EXPECT_EQ(restart.job.cancel_refused, "c1");

  Rig switching;
  EXPECT_EQ(switching.to_installing().does(kCancel).says(FeedbackKind::kSwitching).phase(), "Installing");
  EXPECT_EQ(switching.job.cancel_refused, "c1");

  Rig runs_already;
  runs_already.to_installing().does(kCancel).powers_on("boot-2", runs("26.11"));
  EXPECT_EQ(runs_already.phase(), "Succeeded");
  EXPECT_EQ(runs_already.job.cancel_refused, "c1");
}

TEST(JobCancel, OnTheDeviceIsFinalByTheDevice) {
  const Answered cancelled{AnswerKind::kCancelled, {}, "kim", "customer waits"};
  for (const bool member : {false, true}) {
    Rig rig;
    if (member)
      rig.to_installing().does(Feedback{FeedbackKind::kProceeding, "", false, cancelled});
    else
      rig.does(cancelled);
    EXPECT_EQ(rig.phase(), "Cancelled");
    EXPECT_EQ(rig.said(),
              (PublicState{
                  JobState::kCancelled, "cancelled_on_device", "cancelled on the device by kim: customer waits", {}}));
    EXPECT_EQ(past_action(rig.job, ActionId{1101})->acknowledged, member) << "its closed/failure still comes";
    EXPECT_EQ(rig.does(NewTerms{terms()}).phase(), "Cancelled") << "never retried";
  }
}

}  // namespace
}  // namespace dray::core

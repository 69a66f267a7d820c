// What a device says and takes back, and what its word alone is worth.
#include <gtest/gtest.h>

#include "core/update/job_rig.h"

namespace dray::core {
namespace {

using namespace samples;

TEST(JobWord, APlainNoMovesTheTimeAndGoesOnAsking) {
  Rig rig;
  rig.answers(AnswerKind::kDenied);
  EXPECT_EQ(rig.phase(), "Deferred");
  EXPECT_EQ(rig.job.update_at, at(30)) << "by status_deferral";
  EXPECT_EQ(rig.said().reason, "device_busy");
  EXPECT_EQ(rig.offered(), Offer::kConfirmation);
  EXPECT_EQ(rig.answers(AnswerKind::kDenied).offered(), Offer::kConfirmation);
  EXPECT_EQ(rig.does(DeferralsChanged{at(20)}).offered(), Offer::kNothing) << "operators are heard";
  EXPECT_EQ(wake_at(rig.job, rig.given), at(20)) << "then it is asked again, though its own time is later";
  rig.tick_at(at(20));
  EXPECT_EQ(rig.offered(), Offer::kConfirmation);
  rig.given.stored = false;
  EXPECT_EQ(rig.tick().offered(), Offer::kNothing);
}

TEST(JobWord, ALaterYesIsTakenAtOnce) {
  for (const AnswerKind no : {AnswerKind::kBusy, AnswerKind::kDefer, AnswerKind::kDenied}) {
    Rig rig;
    rig.answers(no, at(90));
    const ActionId action = rig.job.action;
    rig.given.now = at(16);
    rig.answers(AnswerKind::kReady);
    EXPECT_EQ(rig.phase(), "Ready");
    EXPECT_EQ(rig.job.update_at, at(15)) << "the planned time";
    EXPECT_EQ(rig.job.action, action);
    EXPECT_EQ(rig.offered(), Offer::kDeployment);
  }
}

TEST(JobWord, ALaterYesIsNoWordOfAnOperator) {
  Rig rig;
  rig.answers(AnswerKind::kBusy, at(90)).does(DeferralsChanged{at(60)});
  rig.answers(AnswerKind::kReady);
  EXPECT_EQ(rig.phase(), "Planned");
  EXPECT_EQ(rig.job.update_at, at(60));
  EXPECT_EQ(rig.said().reason, "deferred_by_operator");
  EXPECT_EQ(rig.tick_at(at(60)).phase(), "Asked");
}

TEST(JobWord, ALaterYesMeansNothingWhereNothingWasAsked) {
  Rig foreign{foreign_terms()};
  foreign.answers(AnswerKind::kBusy, at(90)).answers(AnswerKind::kReady);
  EXPECT_EQ(foreign.phase(), "Deferred");
  EXPECT_EQ(foreign.job.update_at, at(90));
}

TEST(JobWord, ClosedWithoutAByteIsAFailedAttempt) {
  for (const JobTerms& terms : {foreign_terms(), samples::terms()}) {
    Rig rig{terms};
    rig.given.sent = BytesSent::kNone;
    if (terms.ask == Ask::kConfirmation) rig.answers(AnswerKind::kReady);
    rig.says(FeedbackKind::kClosedSuccess);
    EXPECT_EQ(rig.phase(), "Backoff");
    EXPECT_EQ(rig.job.attempt, 2);
    EXPECT_EQ(rig.said().reason, "closed_without_bytes");
  }
  Rig once{foreign_terms()};
  once.job.terms.retry.limit = 1;
  once.given.sent = BytesSent::kNone;
  once.says(FeedbackKind::kClosedSuccess);
  EXPECT_EQ(once.phase(), "Failed");
  EXPECT_EQ(once.said().reason, "closed_without_bytes");
}

TEST(JobWord, AVersionOrAHashThatAgreesIsAProof) {
  JobTerms terms = foreign_terms();
  terms.steps = {{image(), app()}};  // with one alone the version would have ended it
  for (const bool by_hash : {false, true}) {
    Rig rig{terms};
    rig.given.sent = BytesSent::kNone;
    if (by_hash)
      rig.given.running["os"] = {"factory", image().sha256.hex()};
    else
      rig.given.running = runs("26.11");
    rig.says(FeedbackKind::kClosedSuccess);
    EXPECT_EQ(rig.said().reason, "succeeded") << by_hash;
  }
}

TEST(JobWord, AVersionWithOtherBytesIsNone) {
  JobTerms terms = foreign_terms();
  terms.steps = {{image(), app()}};
  Rig rig{terms};
  rig.given.sent = BytesSent::kNone;
  rig.given.running["os"] = {"26.11", app().sha256.hex()};
  rig.says(FeedbackKind::kClosedSuccess);
  EXPECT_EQ(rig.said().reason, "closed_without_bytes");
}

TEST(JobWord, WhereAnotherGatewayMayHaveSentTheBytesTheWordCountsAndIsMarked) {
  Rig rig{foreign_terms()};
  rig.given.sent = BytesSent::kUnknown;
  EXPECT_EQ(rig.says(FeedbackKind::kClosedSuccess).said().reason, "unproven");
  Rig elsewhere{foreign_terms()};
  elsewhere.job.terms.bytes_from = BytesFrom::kElsewhere;
  elsewhere.given.sent = BytesSent::kNone;
  EXPECT_EQ(elsewhere.says(FeedbackKind::kClosedSuccess).said().reason, "succeeded");
  Rig reports;
  reports.given.sent = BytesSent::kUnknown;
  reports.answers(AnswerKind::kReady).says(FeedbackKind::kClosedSuccess);
  EXPECT_EQ(reports.phase(), "Restarting");
  EXPECT_EQ(reports.powers_on("boot-2", runs("26.11")).said().reason, "succeeded") << "the report is a proof";
}

TEST(JobWord, OneStepThatStandsOnAWordMarksTheWhole) {
  JobTerms terms = two_steps();
  terms.ask = Ask::kPoll;
  terms.ends_on = EndsOn::kClosed;
  Rig rig{terms};
  rig.given.sent = BytesSent::kUnknown;
  rig.says(FeedbackKind::kClosedSuccess);
  EXPECT_EQ(rig.job.step, 1u);
  rig.given.sent = BytesSent::kSome;
  EXPECT_EQ(rig.says(FeedbackKind::kClosedSuccess).said().reason, "unproven");
}

TEST(JobWord, AClientThatClosesBeforeItsRestartEndsWhereItShowsTheVersion) {
  JobTerms terms = foreign_terms();
  terms.closes_early = true;
  Rig rig{terms};
  rig.to_installing().says(FeedbackKind::kClosedSuccess);
  EXPECT_EQ(rig.phase(), "Restarting") << "it has reported a version before";
  rig.powers_on("boot-1", runs("26.10"));
  EXPECT_EQ(rig.phase(), "Restarting") << "not restarted yet";
  EXPECT_EQ(rig.powers_on("boot-1", runs("26.11")).said().reason, "succeeded");
  Rig silent{terms};
  silent.given.running = {};
  silent.to_installing().says(FeedbackKind::kClosedSuccess);
  EXPECT_EQ(silent.said().reason, "unproven") << "nothing can show it";
  Rig back{terms};
  back.to_installing().says(FeedbackKind::kClosedSuccess).powers_on("boot-2", runs("26.10"));
  EXPECT_EQ(back.said().reason, "backing_off") << "it went back";
}

}  // namespace
}  // namespace dray::core

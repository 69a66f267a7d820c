// A device that says it is of another type than the one it was entered under: it gets nothing and is asked nothing.
#include <gtest/gtest.h>

#include "core/update/job_rig.h"

namespace dray::core {
namespace {

using namespace samples;

const OtherType kScale{"scale-s2", "till-t3"};

TEST(JobType, NothingBeginsAndTheReasonNamesBothTypes) {
  for (const JobTerms& kind : {terms(), foreign_terms()}) {
    Rig rig{kind, at(0)};
    rig.given.other_type = kScale;
    rig.tick();
    EXPECT_EQ(rig.said().reason, "type_differs") << "before its time, too";
    rig.tick_at(at(20));
    EXPECT_EQ(rig.phase(), "Planned");
    EXPECT_EQ(rig.offered(), Offer::kNothing);
    EXPECT_FALSE(wants_status(rig.job, rig.given));
    EXPECT_FALSE(wants_link(rig.job, rig.given));
    EXPECT_EQ(rig.said().state, JobState::kWaitingGateway);
    EXPECT_EQ(rig.said().reason, "type_differs");
    EXPECT_EQ(rig.said().sentence, sentence_of(kScale));
    EXPECT_TRUE(wants_bytes(rig.job, rig.given.now)) << "it is counted on: others need them, and so does it when it is moved";
    rig.given.other_type.reset();
    EXPECT_NE(rig.tick().offered(), Offer::kNothing);
  }
}

TEST(JobType, AQuestionAndALinkAreHiddenAgainAndNoAnswerCounts) {
  Rig asked{terms(), at(20)};
  ASSERT_EQ(asked.offered(), Offer::kConfirmation);
  asked.given.other_type = kScale;
  EXPECT_EQ(asked.tick().offered(), Offer::kNothing);
  EXPECT_EQ(asked.answers(AnswerKind::kReady).phase(), "Asked");
  EXPECT_EQ(asked.said().reason, "type_differs");
  Rig ready{terms(), at(20)};
  ready.answers(AnswerKind::kReady);
  ASSERT_EQ(ready.offered(), Offer::kDeployment);
  ready.given.other_type = kScale;
  EXPECT_EQ(ready.tick().offered(), Offer::kNothing);
  EXPECT_FALSE(may_download(ready.job, ready.given));
}

TEST(JobType, ATransferEndsAndGoesOnWhenTheTypeIsRight) {
  Rig rig{terms(), at(20)};
  rig.to_transmitting();
  const ActionId action = rig.job.action;
  rig.given.other_type = kScale;
  EXPECT_TRUE(rig.tick().cuts(action));
  EXPECT_EQ(rig.offered(), Offer::kNothing);
  EXPECT_FALSE(may_download(rig.job, rig.given));
  EXPECT_EQ(rig.said().reason, "type_differs");
  rig.given.other_type.reset();
  EXPECT_EQ(rig.tick().offered(), Offer::kDeployment);
  EXPECT_EQ(rig.job.action, action) << "the same attempt";
}

TEST(JobType, WhatHasAllItsBytesEndsByItsResult) {
  Rig rig{terms(), at(20)};
  rig.to_installing();
  rig.given.other_type = kScale;
  EXPECT_FALSE(may_download(rig.job, rig.given)) << "one that lost them gets none again";
  EXPECT_EQ(rig.said().reason, "downloaded");
  rig.says(FeedbackKind::kClosedFailure);
  EXPECT_EQ(rig.phase(), "Backoff");
  EXPECT_EQ(rig.said().reason, "type_differs");
  EXPECT_EQ(rig.tick_at(at(100)).phase(), "Planned") << "no other attempt begins";
}

TEST(JobType, WhatWasCutInTheMiddleEndsByNoWord) {
  for (const JobTerms& terms : {foreign_terms(), samples::terms()}) {
    Rig rig{terms, at(20)};
    if (terms.ask == Ask::kConfirmation) rig.answers(AnswerKind::kReady);
    rig.does(FirstByte{});
    ASSERT_EQ(rig.phase(), "Transmitting");
    rig.given.other_type = kScale;
    for (const auto kind : {FeedbackKind::kProceeding, FeedbackKind::kDownloaded, FeedbackKind::kSwitching, FeedbackKind::kVerifying})
      EXPECT_EQ(rig.says(kind).phase(), "Transmitting");
    rig.powers_on("boot-9", runs("26.11", "7"));
    EXPECT_EQ(rig.phase(), "Transmitting") << "another type's version may have the same name";
    EXPECT_EQ(rig.says(FeedbackKind::kClosedSuccess).phase(), "Planned");
    EXPECT_EQ(rig.job.attempt, 1) << "nothing that it did wrong";
    EXPECT_EQ(rig.said().reason, "type_differs");
  }
}

// Another type's version may have the same name.
TEST(JobType, WhatItRunsSaysNothingOfItsStepsBeforeOneHasBegun) {
  Rig rig{terms(), at(0)};
  rig.given.other_type = kScale;
  const RunningByComponent same = runs("26.11", "7");
  rig.powers_on("boot-9", same);
  ASSERT_TRUE(step_runs(rig.job, rig.given.running));
  EXPECT_EQ(rig.tick_at(at(20)).phase(), "Planned");
  EXPECT_NE(wake_at(rig.job, rig.given), rig.given.now) << "and nobody spins for it";
  rig.given.other_type.reset();
  EXPECT_EQ(rig.tick().phase(), "Succeeded") << "moved to its type it has what was ordered";
}

TEST(JobType, ItExpiresLikeAnyOther) {
  Rig rig{terms(), at(0)};
  rig.given.other_type = kScale;
  EXPECT_EQ(rig.tick_at(at(100'000)).phase(), "Expired");
  EXPECT_EQ(rig.said().reason, "expired");
}

}  // namespace
}  // namespace dray::core

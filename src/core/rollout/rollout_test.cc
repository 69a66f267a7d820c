#include "core/rollout/rollout.h"

#include <gtest/gtest.h>

#include <set>

namespace dray::core {
namespace {

using namespace std::chrono_literals;
const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};

Rollout pull() {
  return make_rollout({.delivery = Delivery::kPull, .update_at = kNow + 1h, .expires_at = kNow + 9h});
}
Rollout push() {
  return make_rollout({.delivery = Delivery::kPush,
                       .transmit_at = kNow + 1h,
                       .update_at = kNow + 2h,
                       .expires_at = kNow + 9h});
}

std::string_view phase_after(const Rollout& rollout, const RolloutEvent& event, WallTime now = kNow) {
  return phase_name(advance(rollout, event, now).next.phase);
}

TEST(Rollout, OfPullRunsFromItsUpdateTime) {
  EXPECT_EQ(phase_name(pull().phase), "scheduled");
  EXPECT_EQ(wake_at(pull()), kNow + 1h);
  EXPECT_EQ(phase_after(pull(), TimePassed{}), "scheduled");
  EXPECT_EQ(phase_after(pull(), TimePassed{}, kNow + 1h), "running");
  EXPECT_TRUE(may_transmit(pull()));
}

TEST(Rollout, OfPullRunsAsSoonAsAGatewayHasStarted) {
  EXPECT_EQ(phase_after(pull(), JobsChanged{.open = 3, .started = false}), "scheduled");
  EXPECT_EQ(phase_after(pull(), JobsChanged{.open = 3, .started = true}), "running");
}

TEST(Rollout, OfPushIsHeldUntilTheTransmissionTimeAndThenTransmitted) {
  EXPECT_FALSE(may_transmit(push()));
  EXPECT_EQ(phase_after(push(), TimePassed{}, kNow + 1h - 1ms), "held");
  const auto step = advance(push(), TimePassed{}, kNow + 1h);
  EXPECT_EQ(phase_name(step.next.phase), "running");
  ASSERT_EQ(step.actions.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Transmit>(step.actions[0]));
  EXPECT_TRUE(may_transmit(step.next));
  EXPECT_EQ(wake_at(step.next), kNow + 9h);
}

TEST(Rollout, OfPushIsNotTransmittedAfterItsExpiry) {
  const auto step = advance(push(), TimePassed{}, kNow + 9h);
  EXPECT_EQ(phase_name(step.next.phase), "finished");
  EXPECT_TRUE(step.actions.empty());
}

TEST(Rollout, AbortCancelsWhatHasNotEndedAndIsFinal) {
  for (const Rollout& rollout : {pull(), push(), Rollout{pull().terms, RolloutRunning{}}}) {
    const auto step = advance(rollout, AbortAsked{"ines", "wrong release"}, kNow);
    EXPECT_EQ(phase_name(step.next.phase), "aborted");
    ASSERT_EQ(step.actions.size(), 1u);
    EXPECT_EQ(std::get<CancelJobs>(step.actions[0]).by, "ines");
    EXPECT_EQ(phase_after(step.next, TimePassed{}, kNow + 99h), "aborted");
    EXPECT_EQ(phase_after(step.next, JobsChanged{.open = 0}), "aborted");
    EXPECT_FALSE(wake_at(step.next));
  }
}

// Every phase x every event: what changes is exactly the table.
TEST(Rollout, ChangesOnlyAsItsTableSays) {
  std::set<RolloutTransition> seen;
  const RolloutPhase phases[] = {RolloutScheduled{}, RolloutHeld{}, RolloutRunning{}, RolloutFinished{},
                                 RolloutAborted{"a", "b"}};
  const RolloutEvent events[] = {TimePassed{}, JobsChanged{.open = 0},
                                 JobsChanged{.open = 2, .started = true}, JobsChanged{.open = 2},
                                 AbortAsked{"x", "y"}};
  for (const auto& phase : phases)
    for (const auto& event : events)
      for (const WallTime now : {kNow, kNow + 1h, kNow + 2h, kNow + 9h}) {
        const auto terms = std::holds_alternative<RolloutHeld>(phase) ? push().terms : pull().terms;
        const auto next = advance(Rollout{terms, phase}, event, now).next;
        if (next.phase.index() != phase.index())
          seen.insert({phase_name(phase), event_name(event), phase_name(next.phase)});
      }
  const auto table = rollout_transitions();
  EXPECT_EQ(seen, std::set<RolloutTransition>(table.begin(), table.end()));
}

TEST(Rollout, PhasesComeBackFromTheirNames) {
  for (const auto* name : {"scheduled", "held", "running", "finished", "aborted"})
    EXPECT_EQ(phase_name(phase_from(name, "by", "why")), name);
}

TEST(JobResult, IsReplacedUntilItIsFinalAndNeverAfterwards) {
  const JobResult downloading{.state = "downloading", .bytes = 5};
  const JobResult succeeded{.state = "succeeded", .running = {{"os", "2"}}};
  EXPECT_EQ(merge(JobResult{}, downloading), downloading);
  EXPECT_EQ(merge(downloading, succeeded), succeeded);
  for (const auto* state : {"failed", "downloading", "cancelled", "expired", "scheduled"})
    EXPECT_EQ(merge(succeeded, JobResult{.state = state}), succeeded);
  EXPECT_EQ(merge(succeeded, succeeded), succeeded);
}

TEST(JobResult, TakesTheAnswerToACancelAfterItsEnd) {
  const JobResult succeeded{.state = "succeeded"};
  JobResult answered = succeeded;
  answered.cancel_id = "c2";
  answered.cancel_answer = "too_late";
  EXPECT_EQ(merge(succeeded, answered), answered);
  EXPECT_EQ(merge(answered, succeeded), answered);
}

TEST(Tally, CancelledAndIncompatibleDevicesAreNoFailures) {
  const auto sum = tally({{"succeeded", 5},
                          {"cancelled", 2},
                          {"incompatible", 1},
                          {"failed", 1},
                          {"expired", 1},
                          {"rolled_back", 1},
                          {"downloading", 3}});
  EXPECT_EQ(sum, (Tally{.devices = 14, .open = 3, .succeeded = 5, .failed = 3}));
}

}  // namespace
}  // namespace dray::core

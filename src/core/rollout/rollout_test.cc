// The rollout machine: its states, and its table in both directions.
#include "core/rollout/rollout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "places.h"

namespace dray::core {
namespace {

using namespace std::chrono_literals;
const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};
using Counts = std::vector<PhaseCounts>;

RolloutTerms pull_terms() {
  return {.delivery = Delivery::kPull, .update_at = kNow + 1h, .expires_at = kNow + 9h};
}
RolloutTerms push_terms() {
  return {
      .delivery = Delivery::kPush, .transmit_at = kNow + 1h, .update_at = kNow + 2h, .expires_at = kNow + 9h};
}
PhaseTerms gated(std::optional<Threshold> success = Percent{9000},
                 std::optional<Threshold> failure = DeviceCount{2}, std::chrono::seconds soak = 0s,
                 bool approval = false) {
  PhaseTerms out;
  out.success = success;
  out.failure = failure;
  out.soak = soak;
  out.approval = approval;
  return out;
}
// Three phases; the second soaks for an hour, the third needs approval.
std::vector<PhaseTerms> three() {
  std::vector<PhaseTerms> out{gated(), gated(Percent{9000}, DeviceCount{2}, 1h), gated({}, DeviceCount{2})};
  out[2].approval = true;
  return out;
}
const Counts kFresh{{.open = 10}, {.open = 10}, {.open = 10}};
const Counts kFirstDone{{.open = 1, .succeeded = 9}, {.open = 10}, {.open = 10}};
const Counts kSecondDone{{.open = 1, .succeeded = 9}, {.open = 1, .succeeded = 9}, {.open = 10}};
const Counts kAllDone{{.succeeded = 10}, {.succeeded = 10}, {.succeeded = 10}};

RolloutStep after(const Rollout& r, const RolloutEvent& event, const Counts& counts, WallTime now = kNow) {
  return advance(r, event, {now, counts});
}
std::string_view state_after(const Rollout& r, const RolloutEvent& event, const Counts& counts,
                             WallTime now = kNow) {
  return state_name(after(r, event, counts, now).next.state);
}
template <class T>
int count(const RolloutStep& step) {
  return static_cast<int>(std::count_if(step.actions.begin(), step.actions.end(),
                                        [](const RolloutAction& a) { return std::holds_alternative<T>(a); }));
}
Rollout single(RolloutTerms terms = pull_terms()) {
  return make_rollout(std::move(terms), {PhaseTerms{}}, kNow).next;
}
Rollout phased(RolloutTerms terms = pull_terms()) {
  return make_rollout(std::move(terms), three(), kNow).next;
}
Rollout running(const Counts& counts = kFresh) {
  return after(phased(), TimePassed{}, counts, kNow + 1h).next;
}

TEST(Rollout, OfPullRunsFromItsUpdateTimeOrAsSoonAsAGatewayHasStarted) {
  EXPECT_EQ(state_name(single().state), "scheduled");
  EXPECT_EQ(wake_at(single()), kNow + 1h);
  const Counts counts{{.open = 3}};
  EXPECT_EQ(state_after(single(), TimePassed{}, counts), "scheduled");
  EXPECT_EQ(state_after(single(), TimePassed{}, counts, kNow + 1h), "running");
  EXPECT_EQ(state_after(single(), JobsChanged{.started = false}, counts), "scheduled");
  EXPECT_EQ(state_after(single(), JobsChanged{.started = true}, counts), "running");
}

TEST(Rollout, OfPushIsHeldUntilTheTransmissionTimeAndThenTransmitted) {  // M10
  const Counts counts{{.open = 3}};
  EXPECT_EQ(state_after(single(push_terms()), TimePassed{}, counts, kNow + 1h - 1ms), "held");
  const auto step = after(single(push_terms()), TimePassed{}, counts, kNow + 1h);
  EXPECT_EQ(state_name(step.next.state), "running");
  EXPECT_EQ(count<Transmit>(step), 1);
  EXPECT_EQ(wake_at(step.next), kNow + 9h);
}

TEST(Rollout, OfPushIsNotTransmittedAfterItsExpiry) {  // M18
  const auto step = after(single(push_terms()), TimePassed{}, {{.open = 3}}, kNow + 9h);
  EXPECT_EQ(state_name(step.next.state), "finished");
  EXPECT_TRUE(step.actions.empty());
}

TEST(Rollout, WithoutThresholdsFinishesWithItsLastJobHoweverItEnded) {
  EXPECT_EQ(state_after(single(), JobsChanged{}, {{.succeeded = 1, .failed = 2}}), "finished");
}

TEST(Rollout, ReleasesOnePhaseAfterTheOther) {
  const auto made = make_rollout(pull_terms(), three(), kNow);
  EXPECT_EQ(made.next.released, 1u);
  EXPECT_EQ(count<ReleasePhase>(made), 1);
  const Rollout first = running();
  EXPECT_EQ(after(first, JobsChanged{true}, kFresh, kNow + 1h).next, first)
      << "nothing is there to go on for";
  const auto second = after(first, JobsChanged{true}, kFirstDone, kNow + 2h);
  EXPECT_EQ(second.next.released, 2u);
  EXPECT_EQ(count<ReleasePhase>(second), 1);
  EXPECT_EQ(second.next.phases[0].reached_at, kNow + 2h);
  EXPECT_EQ(second.next.phases[1].released_at, kNow + 2h);
}

TEST(Rollout, SoaksByTheServersTimeBeforeTheNextPhase) {
  const Rollout second = after(running(), JobsChanged{true}, kFirstDone, kNow + 2h).next;
  const Rollout soaking = after(second, JobsChanged{true}, kSecondDone, kNow + 3h).next;
  EXPECT_EQ(state_name(soaking.state), "soaking");
  EXPECT_EQ(wake_at(soaking), kNow + 4h);
  EXPECT_EQ(describe(soaking, {kNow + 3h, kSecondDone}).until, kNow + 4h);
  EXPECT_EQ(state_after(soaking, TimePassed{}, kSecondDone, kNow + 4h - 1ms), "soaking");
  EXPECT_EQ(state_after(soaking, TimePassed{}, kSecondDone, kNow + 4h), "waiting_approval");
}

TEST(Rollout, AFailureWhileItSoaksStopsIt) {
  const Rollout second = after(running(), JobsChanged{true}, kFirstDone, kNow + 2h).next;
  const Rollout soaking = after(second, JobsChanged{true}, kSecondDone, kNow + 3h).next;
  const Counts failing{{.succeeded = 9, .failed = 1}, {.succeeded = 19, .failed = 2}, {.open = 10}};
  const auto step = after(soaking, JobsChanged{true}, failing, kNow + 3h);
  EXPECT_EQ(state_name(step.next.state), "paused");
  EXPECT_EQ(state_after(step.next, TimePassed{}, failing, kNow + 5h), "paused");
}

Rollout waiting_approval() {
  const Rollout second = after(running(), JobsChanged{true}, kFirstDone, kNow + 2h).next;
  const Rollout soaking = after(second, JobsChanged{true}, kSecondDone, kNow + 3h).next;
  return after(soaking, TimePassed{}, kSecondDone, kNow + 4h).next;
}

TEST(Rollout, AnApprovalIsRecordedAndMeansOnePhase) {
  const Rollout waiting = waiting_approval();
  EXPECT_EQ(describe(waiting, {kNow + 4h, kSecondDone}).sentence, "Phase 3 of 3 needs approval.");
  const RolloutGiven given{kNow + 5h, kSecondDone};
  const RolloutEvent other = ApproveAsked{"kim", "", 1};
  EXPECT_TRUE(refusal(waiting, other, given));
  EXPECT_EQ(advance(waiting, other, given).next, waiting);
  const RolloutEvent meant = ApproveAsked{"kim", "lab is fine", 2};
  EXPECT_FALSE(refusal(waiting, meant, given));
  const auto step = advance(waiting, meant, given);
  EXPECT_EQ(state_name(step.next.state), "running");
  EXPECT_EQ(step.next.released, 3u);
  EXPECT_EQ(step.next.phases[2].approved, (Approval{"kim", "lab is fine", kNow + 5h}));
  EXPECT_TRUE(refusal(step.next, meant, given));
}

TEST(Rollout, TheFirstPhaseMayNeedApprovalToo) {
  for (const auto& terms : {pull_terms(), push_terms()}) {
    const auto made = make_rollout(terms, {gated({}, {}, 0s, true)}, kNow);
    EXPECT_EQ(state_name(made.next.state), "waiting_approval");
    EXPECT_TRUE(made.actions.empty());
    const Counts counts{{.open = 3}};
    EXPECT_EQ(state_after(made.next, TimePassed{}, counts, kNow + 3h), "waiting_approval");
    const bool push = terms.delivery == Delivery::kPush;
    EXPECT_EQ(state_after(made.next, ApproveAsked{"kim", "", {}}, counts), push ? "held" : "scheduled");
    const auto late = after(made.next, ApproveAsked{"kim", "", {}}, counts, kNow + 3h);
    EXPECT_EQ(state_name(late.next.state), "running");
    EXPECT_EQ(count<Transmit>(late), push ? 1 : 0);
  }
}

TEST(Rollout, PausesAtItsFailureThresholdAndSaysSo) {
  const Counts failing{{.open = 7, .again = 1, .succeeded = 2, .failed = 1}, {.open = 10}, {.open = 10}};
  const auto step = after(running(), JobsChanged{true}, failing, kNow + 2h);
  EXPECT_EQ(state_name(step.next.state), "paused");
  EXPECT_EQ(count<HoldJobs>(step), 1);
  const Said said = describe(step.next, {kNow + 2h, failing});
  EXPECT_EQ(said.reason, "failure_threshold");
  EXPECT_NE(said.sentence.find("2 of 10 devices of phase 1 of 3 failed, its threshold is 2"),
            std::string::npos)
      << said.sentence;
}

TEST(Rollout, AbortsAtItsFailureThresholdWhereItSaysSo) {
  auto terms = three();
  terms[0].on_failure = OnFailure::kAbort;
  const Rollout r = after(make_rollout(pull_terms(), terms, kNow).next, TimePassed{}, kFresh, kNow + 1h).next;
  const Counts failing{{.open = 8, .failed = 2}, {.open = 10}, {.open = 10}};
  const auto step = after(r, JobsChanged{true}, failing, kNow + 2h);
  EXPECT_EQ(state_name(step.next.state), "aborted");
  EXPECT_EQ(count<CancelJobs>(step), 1);
  // Also where an operator had paused it meanwhile.
  const Rollout paused = after(r, PauseAsked{"ines", ""}, kFresh, kNow + 1h).next;
  EXPECT_EQ(state_after(paused, JobsChanged{true}, failing, kNow + 2h), "aborted");
}

TEST(Rollout, AThresholdThatIsReachedWhileAnOperatorPausedItIsTold) {
  const Rollout paused = after(running(), PauseAsked{"ines", "lunch"}, kFresh, kNow + 1h).next;
  EXPECT_EQ(describe(paused, {kNow + 1h, kFresh}).reason, "paused");
  const Counts failing{{.open = 8, .failed = 2}, {.open = 10}, {.open = 10}};
  const auto step = after(paused, JobsChanged{true}, failing, kNow + 2h);
  EXPECT_EQ(describe(step.next, {kNow + 2h, failing}).reason, "failure_threshold");
  EXPECT_TRUE(step.actions.empty()) << "it is held already";
}

TEST(Rollout, ALateFailureOfAnEarlierPhaseStopsALaterOne) {
  const Rollout second = after(running(), JobsChanged{true}, kFirstDone, kNow + 2h).next;
  const Counts late{{.succeeded = 18, .failed = 2}, {.open = 10}, {.open = 10}};
  EXPECT_EQ(state_after(second, JobsChanged{true}, late, kNow + 2h), "paused");
}

TEST(Rollout, ResumingAcceptsTheFailuresThatThereAre) {
  const Counts failing{{.open = 8, .failed = 2}, {.open = 10}, {.open = 10}};
  const Rollout paused = after(running(), JobsChanged{true}, failing, kNow + 2h).next;
  const auto step = after(paused, ResumeAsked{"ines", "known defect"}, failing, kNow + 2h);
  EXPECT_EQ(state_name(step.next.state), "running");
  EXPECT_EQ(count<FreeJobs>(step), 1);
  EXPECT_EQ(step.next.phases[0].accepted, 2);
  const Counts one_more{{.open = 7, .failed = 3}, {.open = 10}, {.open = 10}};
  EXPECT_EQ(state_after(step.next, JobsChanged{true}, one_more, kNow + 3h), "paused")
      << "90 % of the other eight can't be reached any more";
  const Counts others_done{{.open = 0, .succeeded = 8, .failed = 2}, {.open = 10}, {.open = 10}};
  EXPECT_EQ(after(step.next, JobsChanged{true}, others_done, kNow + 3h).next.released, 2u);
}

TEST(Rollout, APauseComesBackToWhatWas) {
  const Rollout held = single(push_terms());
  const Counts counts{{.open = 3}};
  const Rollout paused = after(held, PauseAsked{"ines", ""}, counts).next;
  EXPECT_EQ(state_after(paused, TimePassed{}, counts, kNow + 2h), "paused")
      << "and transmits nothing meanwhile";
  EXPECT_EQ(state_after(paused, ResumeAsked{}, counts, kNow), "held");
  const auto late = after(paused, ResumeAsked{}, counts, kNow + 2h);
  EXPECT_EQ(state_name(late.next.state), "running");
  EXPECT_EQ(count<Transmit>(late), 1);
  const Rollout approval = after(waiting_approval(), PauseAsked{}, kSecondDone, kNow + 4h).next;
  EXPECT_EQ(state_after(approval, ApproveAsked{"kim", "", {}}, kSecondDone, kNow + 4h), "paused");
  EXPECT_EQ(state_after(approval, ResumeAsked{}, kSecondDone, kNow + 4h), "waiting_approval");
}

TEST(Rollout, APausedRolloutKeepsItsFirstReasonAndItsExpiry) {
  const Rollout paused = after(running(), PauseAsked{"ines", "first"}, kFresh, kNow + 1h).next;
  EXPECT_EQ(after(paused, PauseAsked{"kim", "second"}, kFresh, kNow + 1h).next, paused);
  EXPECT_FALSE(refusal(paused, PauseAsked{"kim", ""}, {kNow + 1h, kFresh})) << "it is so already";
  const auto over = after(paused, TimePassed{}, kFresh, kNow + 9h);
  EXPECT_EQ(state_name(over.next.state), "finished");
  EXPECT_EQ(count<ExpireWaiting>(over), 1);
}

TEST(Rollout, AbortCancelsWhatHasNotEndedAndIsFinal) {
  for (const Rollout& r : {single(), single(push_terms()), running(), waiting_approval()}) {
    const Counts counts(r.phases.size(), {.open = 3});
    const auto step = after(r, AbortAsked{"ines", "wrong release"}, counts);
    EXPECT_EQ(state_name(step.next.state), "aborted");
    ASSERT_EQ(count<CancelJobs>(step), 1);
    for (const RolloutEvent& event :
         std::vector<RolloutEvent>{TimePassed{}, JobsChanged{true}, ResumeAsked{}, PauseAsked{},
                                   ApproveAsked{"kim", "", {}}, RetryAsked{"kim", "", kNow + 99h}}) {
      const auto next = after(step.next, event, counts, kNow + 8h);
      EXPECT_EQ(next.next, step.next);
      EXPECT_TRUE(next.actions.empty());
    }
    EXPECT_FALSE(wake_at(step.next));
    EXPECT_TRUE(refusal(step.next, PauseAsked{}, {kNow, counts}));
  }
}

TEST(Rollout, RetryBringsWhatFailedBackAlsoAfterItsEnd) {
  const Counts ended{{.succeeded = 9, .failed = 1}};
  const Rollout finished = after(single(), JobsChanged{}, ended).next;
  EXPECT_EQ(state_name(finished.state), "finished");
  const auto again = after(finished, RetryAsked{"ines", "", {}}, ended);
  EXPECT_EQ(state_name(again.next.state), "scheduled") << "it had ended before its update time";
  EXPECT_EQ(count<RetryJobs>(again), 1);
  EXPECT_TRUE(refusal(finished, RetryAsked{}, {kNow, Counts{{.succeeded = 10}}})) << "nothing has failed";
  EXPECT_TRUE(refusal(finished, RetryAsked{}, {kNow + 9h, ended})) << "its expiry is over";
  const auto longer = after(finished, RetryAsked{"ines", "", kNow + 20h}, ended, kNow + 9h);
  EXPECT_EQ(state_name(longer.next.state), "running");
  EXPECT_EQ(wake_at(longer.next), kNow + 20h);
}

// Paused before its transmission and then expired: nothing may be taken for transmitted.
TEST(Rollout, ARetryTransmitsWhatWasNeverTransmitted) {
  const Counts open{{.open = 3}}, expired{{.failed = 3}};
  const Rollout paused = after(single(push_terms()), PauseAsked{"ines", ""}, open).next;
  const auto over = after(paused, TimePassed{}, expired, kNow + 9h);
  EXPECT_EQ(state_name(over.next.state), "finished");
  const auto again = after(over.next, RetryAsked{"ines", "", kNow + 20h}, expired, kNow + 10h);
  EXPECT_EQ(state_name(again.next.state), "running");
  EXPECT_EQ(count<Transmit>(again), 1);
}

TEST(Rollout, ARetryClearsAThresholdButDoesNotResume) {
  const Counts failing{{.open = 8, .failed = 2}, {.open = 10}, {.open = 10}};
  const Rollout paused = after(running(), JobsChanged{true}, failing, kNow + 2h).next;
  const auto retried = after(paused, RetryAsked{"ines", "", {}}, failing, kNow + 2h);
  EXPECT_EQ(state_name(retried.next.state), "paused");
  const auto resumed = after(retried.next, ResumeAsked{}, kFresh, kNow + 3h);
  EXPECT_EQ(state_name(resumed.next.state), "running");
  EXPECT_EQ(resumed.next.phases[0].accepted, 0);
}

TEST(Rollout, SaysOfAJobWhatWithholdsIt) {
  const Rollout first = running();
  const auto of = [](const Rollout& r, std::size_t phase) {
    const auto said = withheld(r.state, r.released, r.phases.size(), phase);
    return said ? said->reason : "";
  };
  EXPECT_EQ(of(first, 0), "");
  EXPECT_EQ(of(first, 1), "waiting_phase");
  EXPECT_EQ(of(waiting_approval(), 2), "waiting_approval");
  const Rollout paused = after(first, PauseAsked{"ines", ""}, kFresh, kNow + 1h).next;
  for (const std::size_t phase : {0u, 1u, 2u}) EXPECT_EQ(of(paused, phase), "paused");
  const Counts failing{{.open = 8, .failed = 2}, {.open = 10}, {.open = 10}};
  EXPECT_EQ(of(after(first, JobsChanged{true}, failing, kNow + 2h).next, 1), "failure_threshold");
  const Rollout second = after(first, JobsChanged{true}, kFirstDone, kNow + 2h).next;
  const Rollout soaking = after(second, JobsChanged{true}, kSecondDone, kNow + 3h).next;
  EXPECT_EQ(withheld(soaking.state, 2, 3, 2)->until, kNow + 4h);
}

TEST(Rollout, SaysOfEachPhaseHowFarItIs) {
  const auto of = [](const Rollout& r) {
    std::string out;
    for (std::size_t i = 0; i < r.phases.size(); ++i)
      out += std::string{phase_state(r.state, r.released, i)} + " ";
    return out;
  };
  EXPECT_EQ(of(running()), "running waiting_phase waiting_phase ");
  EXPECT_EQ(of(waiting_approval()), "succeeded succeeded waiting_approval ");
  EXPECT_EQ(of(after(running(), JobsChanged{}, kAllDone, kNow + 2h).next),
            "finished waiting_phase waiting_phase ");
}

// --- the table ---

std::vector<Rollout> rollout_variants() {
  std::vector<Rollout> all;
  for (const RolloutTerms& terms : {pull_terms(), push_terms()})
    for (const OnFailure on_failure : {OnFailure::kPause, OnFailure::kAbort})
      for (const std::size_t released : {0u, 1u, 2u, 3u}) {
        Rollout r = make_rollout(terms, three(), kNow).next;
        for (auto& p : r.phases) p.terms.on_failure = on_failure;
        r.released = released;
        const auto add = [&](RolloutState state) {
          r.state = std::move(state);
          all.push_back(r);
        };
        const auto add_with_pause = [&](auto state) {
          add(state);
          for (const auto cause : {PauseCause::kOperator, PauseCause::kFailures})
            add(RolloutPaused{cause, "", "", state});
        };
        if (released < 3) add_with_pause(RolloutWaitingApproval{});
        if (released == 0) continue;
        if (terms.delivery == Delivery::kPull) add_with_pause(RolloutScheduled{});
        if (terms.delivery == Delivery::kPush) add_with_pause(RolloutHeld{});
        add_with_pause(RolloutRunning{});
        if (released < 3) add_with_pause(RolloutSoaking{kNow + 3h});
        add(RolloutFinished{});
        add(RolloutAborted{"a", "b"});
      }
  return all;
}

const std::vector<Counts> kCountVariants{
    kFresh,
    kFirstDone,
    kSecondDone,
    kAllDone,
    {{.open = 8, .failed = 2}, {.open = 10}, {.open = 10}},
    {{.succeeded = 10}, {.succeeded = 9, .failed = 1}, {.succeeded = 10}},
    {{.left_alone = 3}, {.open = 1}, {.open = 1}}};
const std::vector<RolloutEvent> kEvents{TimePassed{},
                                        JobsChanged{false},
                                        JobsChanged{true},
                                        PauseAsked{"x", "y"},
                                        ResumeAsked{"x", "y"},
                                        AbortAsked{"x", "y"},
                                        ApproveAsked{"x", "y", {}},
                                        RetryAsked{"x", "y", {}},
                                        RetryAsked{"x", "y", kNow + 20h}};

TEST(RolloutTable, HoldsExactlyTheChangesThatCanHappen) {
  std::set<RolloutTransition> taken;
  for (const Rollout& r : rollout_variants())
    for (const RolloutEvent& event : kEvents)
      for (const Counts& counts : kCountVariants)
        for (const WallTime now : {kNow, kNow + 1h, kNow + 2h, kNow + 4h, kNow + 9h}) {
          const auto step = after(r, event, counts, now);  // asserts that the change is in the table
          taken.insert(step.rows.begin(), step.rows.end());
          const auto again = after(step.next, TimePassed{}, counts, now);
          const bool retried = count<RetryJobs>(step) + count<ExpireWaiting>(step) > 0;
          ASSERT_TRUE(retried || (again.next == step.next && again.actions.empty()))
              << state_name(r.state) << " " << event_name(event) << ": once more changes something";
          const Said said = describe(step.next, {now, counts});
          ASSERT_FALSE(said.reason.empty() || said.sentence.empty());
        }
  for (const RolloutTransition& row : rollout_transitions())
    EXPECT_TRUE(taken.contains(row)) << "no test takes " << row.from << " -" << row.event << "-> " << row.to;
}

TEST(RolloutTable, HasNoRowTwiceAndNoneOutOfAborted) {
  const auto rows = rollout_transitions();
  EXPECT_EQ(std::set<RolloutTransition>(rows.begin(), rows.end()).size(), rows.size());
  for (const auto& row : rows) EXPECT_NE(row.from, "aborted");
}

TEST(RolloutTable, IsWhatTheDocumentSays) {
  std::string table;
  const auto rows = rollout_transitions();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool same = i > 0 && rows[i - 1].from == rows[i].from && rows[i - 1].event == rows[i].event;
    table += same ? ", " + std::string{rows[i].to}
                  : (i == 0 ? "" : " |\n") + ("| " + std::string{rows[i].from} + " | " +
                                              std::string{rows[i].event} + " | " + std::string{rows[i].to});
  }
  std::ifstream file{DRAY_SOURCE_DIR "/docs/rollout.md"};
  std::stringstream document;
  document << file.rdbuf();
  EXPECT_NE(document.str().find(table + " |\n"), std::string::npos) << "docs/rollout.md should hold:\n"
                                                                    << table << " |";
}

// Stored numbers that were damaged: no event reads outside of the phases, and none but an abort changes anything.
TEST(Rollout, WhoseStateDoesNotGoWithItsPhasesIsOnlyAborted) {
  const auto in = [](RolloutState state, std::size_t released) {
    Rollout out = phased();
    out.state = std::move(state);
    out.released = released;
    return out;
  };
  RolloutPaused paused;
  paused.before = RolloutSoaking{kNow};
  for (const Rollout& r : {in(RolloutRunning{}, 0), in(RolloutHeld{}, 0), in(RolloutScheduled{}, 0), in(RolloutSoaking{kNow}, 0),
                           in(RolloutSoaking{kNow}, 3), in(RolloutWaitingApproval{}, 3), in(RolloutRunning{}, 4), in(paused, 3)}) {
    EXPECT_FALSE(fits(r)) << state_name(r.state);
    for (const RolloutEvent& event : {RolloutEvent{TimePassed{}}, RolloutEvent{JobsChanged{true}}, RolloutEvent{ApproveAsked{}},
                                      RolloutEvent{PauseAsked{}}, RolloutEvent{ResumeAsked{}}, RolloutEvent{RetryAsked{}}}) {
      const RolloutStep step = after(r, event, kAllDone, kNow + 2h);
      EXPECT_EQ(step.next, r) << state_name(r.state) << " " << event_name(event);
      EXPECT_TRUE(step.actions.empty());
    }
    EXPECT_EQ(state_after(r, AbortAsked{}, kFresh), "aborted");
    EXPECT_EQ(describe(r, {kNow, kFresh}).reason, is_paused(r) ? "paused" : "row_unreadable");
  }
  EXPECT_TRUE(fits(phased()));
}

TEST(Rollout, ComesBackToNothingThatSkipsAnApprovalOrATransmission) {
  const auto name = [](const Rollout& r, bool transmitted) {
    return state_name(std::visit([](const auto& one) { return RolloutState{one}; }, resumed_state(r, transmitted)));
  };
  Rollout r = phased(push_terms());
  EXPECT_EQ(name(r, false), "held");
  EXPECT_EQ(name(r, true), "running");
  EXPECT_EQ(name(phased(), false), "running");
  r.released = 0;
  EXPECT_EQ(name(r, true), "waiting_approval");
}

}  // namespace
}  // namespace dray::core

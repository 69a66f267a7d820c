#include "core/update/attempt.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

namespace dray::core::attempt {
namespace {

Sha256 digest(char c) { return *Sha256::parse(std::string(64, c)); }
Part part(std::string component, std::string version, char c) {
  return Part{component, version, digest(c), "", 100, "http://gw/" + version};
}
Fetched fetched(char c) { return {digest(c).hex(), digest(c)}; }
const Order kOne{ActionId{101}, {part("os", "2", 'b')}, false};
const Order kTwo{ActionId{101}, {part("os", "2", 'b'), part("app", "5", 'c')}, false};
const Order kOther{ActionId{102}, {part("os", "3", 'd')}, false};
const Order kEmpty{ActionId{103}, {}, false};
const Order kHeld{ActionId{101}, {part("os", "2", 'b')}, true};

const RunningByComponent kOld{{"os", {"1", std::string(64, 'a')}}, {"app", {"4", std::string(64, 'a')}}};
const RunningByComponent kNew{{"os", {"2", std::string(64, 'b')}}, {"app", {"5", std::string(64, 'c')}}};

std::vector<Phase> all_phases() {
  std::vector<Phase> out{Idle{}, Offered{kOne.action}, Offered{kOne.action, true}, Waiting{kOne.action, "in use", Duration{60'000}},
                         Deferring{kOne.action, AnswerKind::kBusy, "in use"}};
  for (const Order& order : {kOne, kTwo, kHeld}) {
    out.insert(out.end(), {Downloading{order, 0}, Downloading{order, order.parts.size() - 1},
                           Verifying{order, order.parts.size() - 1}, Holding{order, ""}, Announcing{order},
                           Installing{order, "boot-1"}, Installed{order, "boot-1"},
                           Restarting{order, "boot-1"}, VerifyingBoot{order},
                           Reverting{order, "bad", "boot-1", false}, Reverting{order, "bad", "boot-1", true},
                           Committed{order}, RolledBack{order, "old"}, Failed{order, "no"},
                           Cancelled{order.action, "", ""}, Cancelled{order.action, "ines", "stocktaking"}});
  }
  return out;
}

std::vector<Event> all_events() {
  return {Started{},
          Started{kOne.action, "crashed"},
          Asked{kOne.action},
          Asked{kOther.action},
          Ordered{kOne},
          Ordered{kTwo},
          Ordered{kOther},
          Ordered{kEmpty},
          Withdrawn{},
          Withdrawn{true},
          CancelAsked{kOne.action},
          CancelAsked{kOther.action},
          CancelledHere{"ines", "no"},
          Answered{AnswerKind::kReady, ""},
          Answered{AnswerKind::kBusy, "in use"},
          Answered{AnswerKind::kDefer, "later"},
          MustWait{Duration{60'000}, "in use"},
          Passed{Duration{60'000}},
          Said{{AnswerKind::kReady, {}, "ines", "", {}}},
          Said{{AnswerKind::kDefer, {}, "ines", "stocktaking", Duration{60'000}}},
          Checkpointed{std::string(64, 'b'), 50},
          fetched('b'),
          fetched('c'),
          Written{0},
          Written{1},
          Announced{},
          Switched{},
          RestartNeeded{true},
          RestartNeeded{false},
          Healthy{},
          Undone{true},
          Undone{false},
          WorkFailed{"broke"},
          Reported{kOne.action},
          Tidied{}};
}

std::vector<Given> all_givens() {
  return {{"boot-1", kOld},
          {"boot-2", kOld},
          {"boot-1", kNew},
          {"boot-2", kNew},
          {"boot-2", {{"os", {"3", std::string(64, 'd')}}}},
          {"boot-2", {}}};
}

TEST(Attempt, TakesEveryTransitionOfItsTableAndNoOther) {
  std::set<Transition> seen;
  for (const Phase& phase : all_phases())
    for (const Event& event : all_events())
      for (const Given& given : all_givens())
        for (const auto& [starts, answered] : {std::pair{0, ActionId{}}, std::pair{kMostStarts, ActionId{}}, std::pair{0, kOne.action}}) {
          const Attempt before{phase, {}, starts, {}, answered};
          const Step step = advance(before, event, given);  // asserts that it stays inside
          const Transition t{phase_name(phase), event_name(event), phase_name(step.next.phase)};
          if (t.from != t.to) seen.insert(t);
        }
  for (const Transition& t : transitions())
    EXPECT_TRUE(seen.contains(t)) << t.from << " --" << t.event << "--> " << t.to
                                  << " is in the table and never happens";
  EXPECT_EQ(seen.size(), transitions().size());
}

Attempt after(Attempt attempt, std::initializer_list<Event> events, const Given& given) {
  for (const Event& event : events) attempt = advance(attempt, event, given).next;
  return attempt;
}

TEST(Attempt, GoesFromTheOrderToTheCommitThroughOneRestart) {
  Attempt a = after({},
                    {Asked{ActionId{101}}, Ordered{kTwo}, fetched('b'), fetched('c'), Written{0}, Written{1},
                     Answered{}, Announced{}, Switched{}, RestartNeeded{true}},
                    {"boot-1", kOld});
  EXPECT_EQ(phase_name(a.phase), "restarting");
  a = after(a, {Started{}}, {"boot-2", kNew});
  EXPECT_EQ(phase_name(a.phase), "verifying_boot");
  a = after(a, {Healthy{}}, {"boot-2", kNew});
  EXPECT_EQ(phase_name(a.phase), "committed");
  EXPECT_TRUE(due_report(a)->success);
  a = after(a, {Reported{ActionId{101}}, Tidied{}}, {"boot-2", kNew});
  EXPECT_FALSE(due_report(a));
  EXPECT_EQ(work(a).kind, WorkKind::kNone);
}

TEST(Attempt, NeedsAChangedBootIdForItsVerdict) {
  const Attempt switched{Installed{kOne, "boot-1"}, {}, 0};
  EXPECT_EQ(phase_name(after(switched, {Started{}}, {"boot-1", kNew}).phase), "installed");
  EXPECT_EQ(phase_name(after(switched, {Started{}}, {"boot-2", kNew}).phase), "verifying_boot");
}

TEST(Attempt, SwitchesAgainWherePowerFailedBeforeTheSwitch) {
  const Attempt intent{Installing{kOne, "boot-1"}, {}, 0};
  const Attempt again = after(intent, {Started{}}, {"boot-2", kOld});
  EXPECT_EQ(again.phase, Phase(Installing{kOne, "boot-2"}));
  EXPECT_EQ(work(again).kind, WorkKind::kInstall);
}

TEST(Attempt, TheOldVersionAfterTheRestartIsARollBackWithItsReason) {
  const Attempt a = after({Restarting{kOne, "boot-1"}, {}, 0}, {Started{}}, {"boot-2", kOld});
  ASSERT_EQ(phase_name(a.phase), "rolled_back");
  EXPECT_EQ(std::get<RolledBack>(a.phase).why, "after the restart os 1 runs, not os 2");
}

TEST(Attempt, BelievesTheSupervisorAboutAVersionThatCrashed) {
  const Attempt a =
      after({VerifyingBoot{kOne}, {}, 0}, {Started{ActionId{101}, "crashed three times"}}, {"boot-5", kOld});
  EXPECT_EQ(due_report(a)->sentence, "Back from os 2: crashed three times");
  const Attempt other =
      after({VerifyingBoot{kOne}, {}, 0}, {Started{ActionId{99}, "an older story"}}, {"boot-5", kNew});
  EXPECT_EQ(phase_name(other.phase), "verifying_boot");
}

TEST(Attempt, CancelIsObeyedUpToTheSwitchOverAndTooLateAfterIt) {
  for (const Phase& phase : all_phases()) {
    const Attempt before{phase, {}, 0};
    if (action_of(before) != kOne.action) continue;
    const Attempt next = after(before, {CancelAsked{kOne.action}}, {"boot-1", kOld});
    if (may_cancel(before)) {
      EXPECT_EQ(phase_name(next.phase), "cancelled") << phase_name(phase);
    } else {
      EXPECT_EQ(next, before) << phase_name(phase);
    }
    if (is_trial(before)) {
      EXPECT_EQ(answer_to_cancel(next, kOne.action), CancelAnswer::kTooLate);
    }
  }
}

TEST(Attempt, EndsEndlessStarts) {
  for (const Phase& phase : all_phases()) {
    if (std::holds_alternative<Waiting>(phase)) continue;  // does nothing that could fail; its own time ends it
    Attempt a{phase, {}, 0};
    for (int i = 0; i < 3 * kMostStarts; ++i) a = advance(a, Started{}, {"boot-1", kOld}).next;
    const bool pending = may_cancel(a) || (is_trial(a) && !std::holds_alternative<Reverting>(a.phase));
    EXPECT_FALSE(pending) << phase_name(phase) << " -> " << phase_name(a.phase);
  }
}

TEST(Attempt, ProgressOfADownloadIsNoEndlessResume) {
  Attempt a{Downloading{kOne, 0}, {}, 0};
  for (std::uint64_t i = 1; i <= 90; ++i)
    a = after(a, {Started{}, Checkpointed{std::string(64, 'b'), i}}, {"boot-" + std::to_string(i), kOld});
  EXPECT_EQ(phase_name(a.phase), "downloading");
}

TEST(Attempt, BytesOfAnOrderThatWasReplacedAreNotTakenForThoseOfTheNewOne) {
  const Attempt a = after({}, {Ordered{kOne}, Ordered{kOther}, fetched('b')}, {"boot-1", kOld});
  EXPECT_EQ(a.phase, (Phase{Downloading{kOther, 0}}));
  EXPECT_FALSE(a.spool.contains(digest('d').hex()));
}

TEST(Attempt, AWithdrawnOrderGoesOnWhereItStopped) {
  Attempt a =
      after({}, {Ordered{kOne}, Checkpointed{std::string(64, 'b'), 60}, Withdrawn{}}, {"boot-1", kOld});
  EXPECT_EQ(phase_name(a.phase), "idle");
  a = after(a, {Ordered{kOne}}, {"boot-1", kOld});
  EXPECT_EQ(a.spool.at(std::string(64, 'b')), 60U);
}

// By a server that is an older state of itself: it has heard of no end.
TEST(Attempt, AskedAgainAFailedAttemptComesAgainAndWhatRunsIsToldOnceMore) {
  const Given given{"boot-1", kOld};
  Attempt failed = after({}, {Ordered{kOne}, WorkFailed{"broke"}}, given);
  EXPECT_EQ(phase_name(after(failed, {Asked{kOne.action}}, given).phase), "failed") << "it may not have heard yet";
  failed = after(failed, {Reported{kOne.action}, Asked{kOne.action}}, given);
  EXPECT_EQ(phase_name(failed.phase), "offered");
  Attempt runs = after({}, {Ordered{kTwo}, Reported{kTwo.action}}, {"boot-1", kNew});
  EXPECT_FALSE(due_report(runs));
  runs = after(runs, {Asked{kTwo.action}}, {"boot-1", kNew});
  EXPECT_TRUE(due_report(runs));
}

TEST(Attempt, AnOrderThatRunsAlreadyIsDoneWithoutARestart) {
  const Attempt a = after({}, {Ordered{kTwo}}, {"boot-1", kNew});
  EXPECT_EQ(phase_name(a.phase), "committed");
}

TEST(Attempt, TellsTheEndAgainWhereTheServerStillShowsTheOrder) {
  Attempt a{Committed{kOne, {true, true}}, {}, 0};
  a = after(a, {Ordered{kOne}}, {"boot-2", kNew});
  EXPECT_TRUE(due_report(a).has_value());
  EXPECT_EQ(phase_name(a.phase), "committed");
}

TEST(Attempt, FetchesAHeldOrderAndWaitsForTheWindow) {
  Attempt a = after({}, {Ordered{kHeld}, fetched('b'), Written{0}, Answered{}}, {"boot-1", kOld});
  EXPECT_EQ(phase_name(a.phase), "holding");
  EXPECT_EQ(work(a).kind, WorkKind::kNone);
  const Step opened = advance(a, Ordered{kOne}, {"boot-1", kOld});
  EXPECT_EQ(opened.actions, std::vector<Work>{Work{WorkKind::kAskReady}});
}

TEST(Attempt, AnySequenceOfEventsKeepsItsPromises) {
  const auto events = all_events();
  const auto givens = all_givens();
  EXPECT_TRUE(
      rc::check("no sequence leaves the table, installs without the intent, or forgets a verdict", [&] {
        Attempt a;
        const auto length = *rc::gen::inRange(1, 60);
        for (int i = 0; i < length; ++i) {
          const Event& event = events[*rc::gen::inRange<std::size_t>(0, events.size())];
          const Given& given = givens[*rc::gen::inRange<std::size_t>(0, givens.size())];
          const Step step = advance(a, event, given);
          const auto kind = work(step.next).kind;
          if (kind == WorkKind::kRestart) RC_ASSERT(is_trial(step.next));
          if (is_trial(a) && !is_trial(step.next)) RC_ASSERT(is_final(step.next));
          if (is_trial(step.next) && !is_trial(a))
            RC_ASSERT(std::holds_alternative<Installing>(step.next.phase));
          if (std::holds_alternative<Installing>(step.next.phase) && !is_trial(a))
            RC_ASSERT(std::holds_alternative<Announcing>(a.phase));
          a = step.next;
        }
      }));
}

// M7
TEST(Attempt, ItsOwnDefermentSurvivesARestartWithWhatIsLeftOfIt) {
  const Given given{"boot-1", kOld};
  Attempt a = after(
      {}, {Asked{ActionId{101}}, MustWait{Duration{600'000}, "in use"}, Passed{Duration{100'000}}}, given);
  a = after(a, {Started{}, Asked{ActionId{101}}}, {"boot-2", kOld});
  ASSERT_EQ(phase_name(a.phase), "waiting");
  EXPECT_EQ(std::get<Waiting>(a.phase).left, Duration{500'000});
  EXPECT_EQ(counts_down(a), Duration{500'000});
  a = after(a, {Passed{Duration{900'000}}}, given);
  EXPECT_EQ(std::get<Waiting>(a.phase).left, Duration{0});
  EXPECT_EQ(counts_down(a), std::nullopt);
  a = after(a, {Answered{}}, given);
  EXPECT_EQ(phase_name(a.phase), "offered");  // confirmed; the order comes next
}

TEST(Attempt, TheOperatorsReadyHoldsForOneActionUpToItsEnd) {
  const Given given{"boot-1", kOld};
  const Said ready{{AnswerKind::kReady, {}, "ines", "", {}}};
  Attempt a = after({}, {Asked{ActionId{101}}, ready}, given);
  EXPECT_TRUE(operator_is_ready(a));
  a = after(a, {Ordered{kOne}, fetched('b'), Written{0}}, given);
  EXPECT_TRUE(operator_is_ready(a));
  EXPECT_FALSE(operator_is_ready(after(a, {Asked{ActionId{102}}}, given)));
  a = after(a, {WorkFailed{"broke"}, Tidied{}}, given);
  EXPECT_FALSE(a.word.has_value());
  EXPECT_FALSE(after({}, {ready}, given).word.has_value());  // nobody has asked
}

TEST(Attempt, TheOperatorsObjectionEndsWithItsTimeOrWithAnotherWord) {
  const Given given{"boot-1", kOld};
  const Said defer{{AnswerKind::kDefer, {}, "ines", "stocktaking", Duration{60'000}}};
  Attempt a = after({}, {defer, Started{}, Passed{Duration{59'000}}}, given);
  ASSERT_NE(operator_objects(a), nullptr);
  EXPECT_EQ(counts_down(a), Duration{1'000});
  EXPECT_EQ(operator_objects(after(a, {Passed{Duration{1'000}}}, given)), nullptr);
  EXPECT_EQ(operator_objects(after(a, {Said{{AnswerKind::kReady, {}, "ines", "", {}}}}, given)), nullptr);
  const Said busy{{AnswerKind::kBusy, {}, "ines", "", {}}};
  EXPECT_NE(operator_objects(after({}, {busy, Passed{Duration{1'000'000'000}}}, given)), nullptr);
}

TEST(Attempt, AnOrderIsForeignWhereAComponentIsNeitherListedNorRuns) {
  EXPECT_EQ(foreign_to(kTwo, {}, kOld), "");
  EXPECT_EQ(foreign_to(kTwo, {"os"}, kOld), "") << "what runs it has, too";
  EXPECT_EQ(foreign_to(kTwo, {"os", "app"}, {}), "") << "nothing runs yet";
  EXPECT_EQ(foreign_to(kTwo, {}, {}), "") << "nothing is known of it";
  EXPECT_EQ(foreign_to(kTwo, {"os"}, {}), "this device has no component 'app', only os");
  std::vector<std::string> many;
  for (int i = 10; i < 40; ++i) many.push_back("c" + std::to_string(i));
  EXPECT_TRUE(foreign_to(kOne, many, {}).ends_with("c18, c19 and 20 more")) << foreign_to(kOne, many, {});
}

// M7, M8: the gateway hides what was put off, and takes a later answer to it at once.
TEST(Attempt, WhatIsSaidLaterIsAnAnswerToWhatWasPutOff) {
  const Given given{"boot-1", kOld};
  const Said ready{{AnswerKind::kReady, {}, "ines", "", {}}}, busy{{AnswerKind::kBusy, {}, "ines", "", {}}};
  const Attempt hidden = after({}, {Asked{kOne.action}, Answered{AnswerKind::kDefer, "later"}, Withdrawn{}, Started{}}, given);
  EXPECT_EQ(phase_name(hidden.phase), "idle");
  Attempt a = after(hidden, {ready}, given);
  EXPECT_EQ(a.phase, (Phase{Offered{kOne.action, true}}));
  EXPECT_TRUE(operator_is_ready(a));
  EXPECT_EQ(work(a).kind, WorkKind::kAnswerOffer);
  a = after(a, {Withdrawn{}, Started{}, Withdrawn{}}, given);
  EXPECT_EQ(a.phase, (Phase{Offered{kOne.action, true}})) << "polls show nothing until it is told";
  a = after(a, {Answered{}}, given);
  EXPECT_EQ(a.phase, (Phase{Offered{kOne.action, false}}));
  EXPECT_EQ(phase_name(after(a, {Withdrawn{}}, given).phase), "idle");
  for (const Attempt& confirmed : {a, after(a, {Withdrawn{}}, given)})
    EXPECT_EQ(after(confirmed, {busy}, given).phase, (Phase{Offered{kOne.action, true}})) << "a ready is taken back as well";
  const Attempt gone = after(after(hidden, {ready}, given), {Withdrawn{true}}, given);
  EXPECT_EQ(phase_name(gone.phase), "idle");
  EXPECT_TRUE(gone.answered.empty());
  EXPECT_EQ(after(hidden, {Asked{kOther.action}, ready}, given).phase, (Phase{Offered{kOther.action, true}}));
  EXPECT_EQ(phase_name(after(hidden, {Ordered{kOne}, ready}, given).phase), "downloading");
}

}  // namespace
}  // namespace dray::core::attempt

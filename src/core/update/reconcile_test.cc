#include "core/update/reconcile.h"

#include <gtest/gtest.h>

#include "core/update/job_rig.h"

namespace dray::core {
namespace {

using namespace samples;

Plan plan() {
  Plan p;
  p.revision = 7;
  p.device_types = {{"till-t3", {"os", "app"}, {{"os"}, {"app"}}, Ask::kConfirmation, EndsOn::kPowerOn}};
  p.devices = {{DeviceId{"till-014"}, "till-t3", "", {}}};
  Artifact os;
  os.sha256 = image().sha256;
  os.component = "os";
  os.version = "26.11";
  os.size = 1000;
  Artifact other = os;
  other.sha256 = other_image().sha256;
  other.version = "26.12";
  other.size = 2000;
  Artifact program = os;
  program.sha256 = app().sha256;
  program.component = "app";
  program.version = "7";
  program.size = 10;
  p.artifacts = {os, other, program};
  Assignment a;
  a.id = AssignmentId{"r12-berlin"};
  a.rollout = RolloutId{"r12"};
  a.planned_at = at(15);
  a.expires_at = at(480);
  a.update = {{at(0), at(240)}};
  a.jobs = {{JobId{"r12-till-014"}, DeviceId{"till-014"}, {{image().sha256}}}};
  p.assignments = {a};
  return p;
}

// A second rollout for the same device.
Assignment newer(const Sha256& artifact, int priority = 0) {
  Assignment a = plan().assignments[0];
  a.id = AssignmentId{"r13-berlin"};
  a.rollout = RolloutId{"r13"};
  a.priority = priority;
  a.jobs = {{JobId{"r13-till-014"}, DeviceId{"till-014"}, {{artifact}}}};
  return a;
}

std::vector<JobChange> changes(const std::vector<Job>& jobs, const Plan& p,
                               const std::vector<Deferral>& local = {}) {
  std::vector<const Job*> pointers;
  for (const Job& job : jobs) pointers.push_back(&job);
  return reconcile(pointers, p, local);
}

template <class Event>
const Event* event(const JobChange& change) {
  const auto* e = std::get_if<JobEvent>(&change.what);
  return e == nullptr ? nullptr : std::get_if<Event>(e);
}

Plan changed(void (*edit)(Plan&)) {
  Plan p = plan();
  edit(p);
  return p;
}

// --- terms ---

TEST(Terms, ComeFromPlanTypeAndArtifacts) {
  const auto all = terms_of(plan());
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0], terms());
}

TEST(Terms, SayWhyNothingFits) {
  struct Row {
    void (*edit)(Plan&);
    const char* why;
  };
  for (const Row& row :
       {Row{[](Plan& p) { p.assignments[0].jobs[0].steps.clear(); },
            "nothing in it is for a device of type till-t3"},
        Row{[](Plan& p) { p.assignments[0].jobs[0].steps = {{}}; },
            "nothing in it is for a device of type till-t3"},
        Row{[](Plan& p) { p.artifacts.clear(); }, "the plan does not describe artifact cccccccccccc"},
        Row{[](Plan& p) { p.device_types[0].components = {"app"}; },
            "device type till-t3 has no component os"},
        Row{[](Plan& p) { p.device_types.clear(); }, "the plan does not know device type till-t3"},
        Row{[](Plan& p) { p.devices.clear(); }, "the plan does not know device till-014"}}) {
    const JobTerms t = terms_of(changed(row.edit)).at(0);
    EXPECT_EQ(t.incompatible, row.why);
    const Job job = make_job(t, {});
    EXPECT_EQ(phase_name(job.phase), "Incompatible");
    EXPECT_EQ(advance(job, Tick{}, given(at(20))).next, job) << "never offered";
    EXPECT_EQ(describe(job, given(at(20))).state, JobState::kIncompatible);
  }
}

TEST(Terms, OfTwoJobsWithOneIdTheFirstCounts) {
  Plan p = plan();
  p.assignments.push_back(newer(other_image().sha256));
  p.assignments[1].jobs[0].id = p.assignments[0].jobs[0].id;
  EXPECT_EQ(terms_of(p).size(), 1U);
}

// --- reconcile ---

TEST(Reconcile, MakesNewJobsWithTheirStandingDeferral) {
  Plan p = plan();
  p.deferrals = {{"d5", {}, AssignmentId{"r12-berlin"}, at(60), "ines", ""}};
  const auto list = changes({}, p);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(std::get<Job>(list[0].what).update_at, at(60));
}

TEST(Reconcile, GivesNothingForAPlanThatIsKnown) {
  Plan p = plan();
  p.assignments.push_back(newer(app().sha256));
  p.deferrals = {{"d5", {}, {}, at(60), "ines", ""}};
  std::vector<Job> jobs;
  for (const JobChange& change : changes({}, p)) jobs.push_back(std::get<Job>(change.what));
  EXPECT_TRUE(changes(jobs, p).empty());
}

TEST(Reconcile, GivesNothingForStepsThatWaitAlready) {
  const Plan p = changed([](Plan& q) { q.assignments[0].jobs[0].steps = {{other_image().sha256}}; });
  Rig rig;
  rig.to_transmitting().does(NewTerms{terms_of(p)[0]});
  EXPECT_TRUE(rig.job.next_steps);
  EXPECT_TRUE(changes({rig.job}, p).empty());
}

TEST(Reconcile, TakesTheLatestOfTheDeferralsThatMeanTheJob) {
  const std::vector<Deferral> plan_made = {{"d1", {}, {}, at(20), "", ""},
                                           {"d2", DeviceId{"till-014"}, {}, at(30), "", ""},
                                           {"d3", DeviceId{"till-015"}, {}, at(90), "", ""},
                                           {"d4", {}, AssignmentId{"r99"}, at(90), "", ""}};
  const std::vector<Deferral> local = {
      {"l1", DeviceId{"till-014"}, AssignmentId{"r12-berlin"}, at(40), "", ""}};
  EXPECT_EQ(standing_deferral(terms(), plan_made)->until, at(30));
  EXPECT_EQ(standing_deferral(terms(), plan_made, local)->until, at(40));
  EXPECT_FALSE(standing_deferral(terms(), {}));
}

TEST(Reconcile, ReportsDeferralsThatChangedOrAreWithdrawn) {
  Plan p = plan();
  const Job job = make_job(terms_of(p)[0], at(60));
  const auto withdrawn = changes({job}, p);
  ASSERT_EQ(withdrawn.size(), 1U);
  EXPECT_FALSE(event<DeferralsChanged>(withdrawn[0])->until);
  const auto local = changes({job}, p, {{"l1", {}, {}, at(90), "", ""}});
  EXPECT_EQ(event<DeferralsChanged>(local.at(0))->until, at(90));
}

// A server that was restored from a backup gives its ids once more.
TEST(Reconcile, WhatCameOfAnOlderJobOfThisIdSaysNothingOfANewOne) {
  Job ended = make_job(terms_of(plan())[0], {});
  for (const JobPhase& end : {JobPhase{Succeeded{}}, JobPhase{Failed{}}, JobPhase{Cancelled{}}, JobPhase{Expired{}}}) {
    ended.phase = end;
    EXPECT_TRUE(changes({ended}, plan()).empty()) << "the same job once more";
    const auto found = changes({ended}, changed([](Plan& p) { p.assignments[0].jobs[0].steps = {{other_image().sha256}}; }));
    ASSERT_EQ(found.size(), 1U) << phase_name(end);
    const auto* made = std::get_if<Job>(&found[0].what);
    ASSERT_NE(made, nullptr);
    EXPECT_EQ(phase_name(made->phase), "Planned");
    EXPECT_EQ(made->terms.steps[0][0].sha256, other_image().sha256);
  }
  ended.phase = Succeeded{};
  EXPECT_TRUE(changes({ended}, changed([](Plan& p) { p.device_types[0].order = {{"os", "app"}}; })).empty()) << "the same bytes in other steps";
  ended.action = ActionId{101};
  EXPECT_TRUE(changes({ended}, changed([](Plan& p) { p.assignments[0].jobs[0].steps = {{other_image().sha256}}; })).empty())
      << "its device still speaks of it";
}

TEST(Reconcile, PutsEachCancelToAJobOnce) {
  Plan p = plan();
  p.cancels = {{"c0", JobId{"r12-till-014"}, "ines", "old"},
               {"c1", JobId{"r12-till-014"}, "ines", "stocktaking"}};
  EXPECT_EQ(changes({}, p).size(), 2U) << "also to a new job";
  Rig waiting, started, late;
  EXPECT_EQ(event<CancelAsked>(changes({waiting.job}, p).at(0))->id, "c1") << "of several the last";
  waiting.does(CancelAsked{"c1", "ines", ""});
  started.to_transmitting().does(CancelAsked{"c1", "ines", ""});
  late.to_restarting().does(CancelAsked{"c1", "ines", ""});
  for (const Job& job : {waiting.job, started.job, late.job})
    EXPECT_TRUE(changes({job}, p).empty()) << phase_name(job.phase);
  started.does(CancelFeedback{false});
  EXPECT_TRUE(changes({started.job}, p).empty()) << "a rejected cancel is not sent again";
}

TEST(Reconcile, ACancelGoesBeforeGoneFromPlan) {
  Rig rig;
  Plan p = changed([](Plan& q) { q.assignments.clear(); });
  p.cancels = {{"c1", JobId{"r12-till-014"}, "ines", ""}};
  const auto list = changes({rig.job}, p);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_NE(event<CancelAsked>(list[0]), nullptr);
  EXPECT_NE(event<GoneFromPlan>(list[1]), nullptr);
}

// --- two rollouts for one device ---

TEST(Supersede, TheNewerOrHigherCancelsWhatHasNotStarted) {
  Plan p = plan();
  p.assignments.push_back(newer(other_image().sha256));
  Rig old;
  const auto list = changes({old.job}, p);
  ASSERT_EQ(list.size(), 2U);
  ASSERT_NE(event<Superseded>(list[0]), nullptr);
  EXPECT_EQ(event<Superseded>(list[0])->by, "r13 (os 26.12)") << "and by what";
  EXPECT_EQ(old.does(Superseded{"r13"}).said().reason, "superseded");

  p.assignments[0].priority = 1;
  const auto higher = changes({}, p);
  ASSERT_EQ(higher.size(), 3U);
  EXPECT_EQ(higher[2].id, JobId{"r13-till-014"}) << "the older goes first: its priority is higher";
  EXPECT_NE(event<Superseded>(higher[2]), nullptr);
}

TEST(Supersede, WhatHasStartedEndsFirstAndIsNotTriedAgain) {
  Rig old;
  old.to_transmitting().does(Superseded{"r13"});
  EXPECT_EQ(old.phase(), "Transmitting");
  EXPECT_EQ(old.offered(), Offer::kDeployment);
  EXPECT_EQ(Rig{old}.to_switching().powers_on("boot-2", runs("26.11")).phase(), "Succeeded");
  EXPECT_EQ(old.says(FeedbackKind::kClosedFailure).phase(), "Cancelled");
}

TEST(Supersede, NotWhereOtherComponentsAreUpdatedOrTheOtherIsEnding) {
  Plan p = plan();
  p.assignments.push_back(newer(app().sha256));
  EXPECT_EQ(changes({}, p).size(), 2U);
  p.assignments[1] = newer(other_image().sha256);
  p.cancels = {{"c1", JobId{"r13-till-014"}, "ines", ""}};
  for (const JobChange& change : changes({}, p)) EXPECT_EQ(event<Superseded>(change), nullptr);
}

// An operator expects that the newest rollout wins: a step of the older one would put the older version back.
TEST(Supersede, OneComponentThatBothUpdateIsEnough) {
  Plan p = plan();
  p.assignments[0].jobs[0].steps = {{image().sha256}, {app().sha256}};
  p.assignments.push_back(newer(other_image().sha256));
  const auto list = changes({}, p);
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[1].id, JobId{"r12-till-014"});
  ASSERT_NE(event<Superseded>(list[1]), nullptr);
  EXPECT_EQ(event<Superseded>(list[1])->by, "r13 (os 26.12); app is not updated");
  // Whichever came first.
  Rig rig;
  rig.job.terms = terms_of(p)[0];
  const auto later = changes({rig.job}, p);
  ASSERT_NE(event<Superseded>(later[0]), nullptr);
  EXPECT_EQ(rig.does(Superseded{event<Superseded>(later[0])->by}).said().sentence, "superseded by r13 (os 26.12); app is not updated");
}

TEST(Supersede, WhatANewerOneHasUpdatedIsNotTakenBackByAnOlderOneThatComesLater) {
  Plan p = plan();
  p.assignments.push_back(newer(other_image().sha256));
  Rig won;
  won.job = make_job(terms_of(p)[1], {});
  won.job.phase = Succeeded{};
  const auto list = changes({won.job}, p);
  ASSERT_EQ(list.size(), 2U);
  ASSERT_NE(event<Superseded>(list[1]), nullptr);
  // What is over, and older, forbids nothing to a newer one, whatever its priority was.
  p = plan();
  p.assignments[0].priority = 5;
  p.assignments.push_back(newer(other_image().sha256));
  won.job = make_job(terms_of(p)[0], {});
  won.job.phase = Succeeded{};
  for (const JobChange& change : changes({won.job}, p)) EXPECT_EQ(event<Superseded>(change), nullptr);
}

TEST(Supersede, OtherTimesDoNotTakeItBack) {
  Plan p = plan();
  p.assignments.push_back(newer(other_image().sha256));
  Rig old;
  old.to_transmitting().does(Superseded{"r13"});
  p.assignments[0].expires_at = at(500);
  const auto list = changes({old.job}, p);
  ASSERT_EQ(list.size(), 3U);
  EXPECT_NE(event<NewTerms>(list[0]), nullptr);
  ASSERT_NE(event<Superseded>(list[1]), nullptr);
  old.does(*event<NewTerms>(list[0])).does(*event<Superseded>(list[1]));
  EXPECT_EQ(old.says(FeedbackKind::kClosedFailure).phase(), "Cancelled");
}

TEST(Turn, IsOfWhatHasStartedThenOfThePriorityThenOfTheNewer) {
  Rig a, b;
  b.job.terms.id = JobId{"r13-till-014"};
  b.job.terms.place = 1;
  const auto first = [&](WallTime now) {
    const Job* both[] = {&a.job, &b.job};
    return turn(both, now);
  };
  EXPECT_EQ(first(at(20)), &b.job) << "the newer";
  a.job.terms.priority = 1;
  EXPECT_EQ(first(at(20)), &a.job) << "the higher priority";
  b.to_transmitting();
  EXPECT_EQ(first(at(20)), &b.job) << "what has started";
  b.tick_at(at(500));
  ASSERT_EQ(b.phase(), "Expired");
  EXPECT_EQ(first(at(20)), &b.job) << "what is being stopped";
  b.does(CancelFeedback{true});
  EXPECT_EQ(first(at(20)), &a.job);
  EXPECT_EQ(first(at(14)), nullptr) << "none is due";
  EXPECT_EQ(first(at(300)), nullptr) << "no window";
}

TEST(Turn, OfOneThatWaitsIsGivenToTheNext) {
  Rig a, b;
  b.job.terms.place = 1;
  b.answers(AnswerKind::kBusy, at(60));
  const Job* both[] = {&a.job, &b.job};
  EXPECT_EQ(turn(both, at(20)), &a.job);
  EXPECT_EQ(turn(both, at(60)), &a.job) << "until it is asked again";
  b.tick_at(at(60));
  EXPECT_EQ(turn(both, at(60)), &b.job);
}

// --- what a new plan revision does to a job, row by row ---

struct PlanRow {
  const char* what;
  void (*edit)(Plan&);
  std::string_view waiting, started,
      finished;  // phases of a job that is asked, one that transmits, one that succeeded
  void (*check)(const Rig& waiting, const Rig& started);
};

void apply(Rig& rig, const Plan& p) {
  for (const JobChange& change : changes({rig.job}, p))
    if (const auto* e = std::get_if<JobEvent>(&change.what)) rig.does(*e);
}

const PlanRow kRows[] = {
    {"the job is gone", [](Plan& p) { p.assignments.clear(); }, "Asked", "Cancelling", "Succeeded",
     [](const Rig& waiting, const Rig& started) {
       EXPECT_TRUE(waiting.forgets()) << "dropped without a report";
       EXPECT_EQ(started.offered(), Offer::kCancel);
       EXPECT_TRUE(std::get<Cancelling>(started.job.phase).superseded);
       EXPECT_EQ(Rig{started}.does(CancelFeedback{true}).said().reason, "superseded");
     }},
    {"the artifact changed", [](Plan& p) { p.assignments[0].jobs[0].steps = {{other_image().sha256}}; },
     "Asked", "Transmitting", "Succeeded",
     [](const Rig& waiting, const Rig& started) {
       EXPECT_EQ(waiting.job.terms.steps[0][0].version, "26.12");
       EXPECT_EQ(waiting.job.action, ActionId{1102}) << "an action stands for one set of artifacts";
       EXPECT_EQ(started.job.terms.steps[0][0].version, "26.11") << "ends first";
       Rig later{started};
       later.does(AllSent{}).says(FeedbackKind::kSwitching).powers_on("boot-2", runs("26.11"));
       EXPECT_EQ(later.phase(), "Asked") << "then the new one";
       EXPECT_EQ(later.job.terms.steps[0][0].version, "26.12");
       Rig failed{started};
       failed.says(FeedbackKind::kClosedFailure);
       EXPECT_EQ(failed.job.terms.steps[0][0].version, "26.12");
       EXPECT_EQ(failed.job.attempt, 1) << "its first attempt";
     }},
    {"nothing fits any more", [](Plan& p) { p.assignments[0].jobs[0].steps.clear(); }, "Incompatible",
     "Transmitting", "Succeeded",
     [](const Rig&, const Rig& started) {
       EXPECT_EQ(Rig{started}.says(FeedbackKind::kClosedFailure).phase(), "Incompatible");
       EXPECT_EQ(Rig{started}.does(AllSent{}).powers_on("boot-2", runs("26.11")).phase(), "Succeeded");
     }},
    {"a later time", [](Plan& p) { p.assignments[0].planned_at = at(60); }, "Planned", "Transmitting",
     "Succeeded",
     [](const Rig& waiting, const Rig& started) {
       EXPECT_EQ(waiting.job.update_at, at(60));
       EXPECT_EQ(started.offered(), Offer::kDeployment);
     }},
    {"an earlier time", [](Plan& p) { p.assignments[0].planned_at = at(5); }, "Asked", "Transmitting",
     "Succeeded", [](const Rig& waiting, const Rig&) { EXPECT_EQ(waiting.job.update_at, at(5)); }},
    {"an expiry that is over", [](Plan& p) { p.assignments[0].expires_at = at(10); }, "Expired", "Expired",
     "Succeeded",
     [](const Rig&, const Rig& started) {
       EXPECT_TRUE(started.cuts(ActionId{1101})) << "also a running transfer";
       EXPECT_EQ(started.offered(), Offer::kCancel);
     }},
    {"a later expiry", [](Plan& p) { p.assignments[0].expires_at = at(900); }, "Asked", "Transmitting",
     "Succeeded",
     [](const Rig& waiting, const Rig& started) {
       EXPECT_EQ(waiting.job.terms.expires_at, at(900));
       EXPECT_EQ(started.job.terms.expires_at, at(900));
     }},
    {"a window that is closed now", [](Plan& p) { p.assignments[0].update = {{at(30), at(40)}}; }, "Asked",
     "Transmitting", "Succeeded",
     [](const Rig& waiting, const Rig& started) {
       EXPECT_EQ(waiting.offered(), Offer::kNothing);
       EXPECT_TRUE(started.cuts(ActionId{1101}));
       EXPECT_EQ(started.said().until, at(30));
     }},
    {"a lower revision, else the same", [](Plan& p) { p.revision = 3; }, "Asked", "Transmitting", "Succeeded",
     [](const Rig& waiting, const Rig&) { EXPECT_EQ(waiting.offered(), Offer::kConfirmation); }},
};

TEST(PlanRevision, DoesToAJobWhatTheTableSays) {
  for (const PlanRow& row : kRows) {
    SCOPED_TRACE(row.what);
    Rig waiting, started, finished;
    started.to_transmitting();
    finished.to_switching().powers_on("boot-2", runs("26.11"));
    for (Rig* rig : {&waiting, &started, &finished}) apply(*rig, changed(row.edit));
    EXPECT_EQ(waiting.phase(), row.waiting);
    EXPECT_EQ(started.phase(), row.started);
    EXPECT_EQ(finished.phase(), row.finished);
    row.check(waiting, started);
  }
}

TEST(PlanRevision, GoneWhileItRestartsLetsItEndButBeginsNothingElse) {
  JobTerms t = terms();
  t.steps = {{image()}, {app()}};
  Rig rig{t};
  rig.to_restarting().does(GoneFromPlan{});
  EXPECT_EQ(rig.phase(), "Restarting");
  EXPECT_EQ(Rig{rig}.powers_on("boot-2", runs("26.11")).phase(), "Cancelled");
  EXPECT_EQ(Rig{rig}.does(NewTerms{t}).powers_on("boot-2", runs("26.11")).phase(), "Asked")
      << "the plan holds it again";
}

TEST(PlanRevision, GoneAfterAFailedAttemptIsReportedAsSuperseded) {
  Rig rig;
  rig.to_transmitting().says(FeedbackKind::kClosedFailure).does(GoneFromPlan{});
  EXPECT_EQ(rig.said().reason, "superseded");
  EXPECT_FALSE(rig.forgets());
}

TEST(PlanRevision, AFinishedJobIsForgottenOnlyAfterItsExpiry) {
  Rig rig;
  rig.to_switching().powers_on("boot-2", runs("26.11")).does(GoneFromPlan{});
  EXPECT_FALSE(rig.forgets()) << "a restored server may bring it back";
  rig.given.now = at(480);
  EXPECT_TRUE(rig.does(GoneFromPlan{}).forgets());
}

TEST(PlanRevision, PutsBackStepsThatAStartedJobNeverLeft) {
  Rig rig;
  JobTerms other = terms();
  other.steps = {{other_image()}};
  rig.to_transmitting().does(NewTerms{other}).does(NewTerms{terms()});
  EXPECT_FALSE(rig.job.next_steps);
}

}  // namespace
}  // namespace dray::core

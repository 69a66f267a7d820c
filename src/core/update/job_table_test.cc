// The printed table of transitions against the machine, in both directions: a step outside of the table
// aborts, and a row that no step takes fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "core/update/job_machine.h"
#include "core/update/job_samples.h"
#include "places.h"

namespace dray::core {
namespace {

using namespace samples;

constexpr ActionId kNone{};

std::vector<JobTerms> term_variants() {
  std::vector<JobTerms> all;
  for (JobTerms t : {terms(), foreign_terms()})
    for (const std::size_t steps : {1, 2})
      for (const bool limited : {false, true}) {
        if (steps == 2) t.steps = {{image()}, {app()}};
        t.retry.limit = limited ? std::optional{1} : std::nullopt;
        all.push_back(t);
      }
  return all;
}

// Its first step has ended, and was reported to run: by an attempt of this job, or it was found so.
void add_second_steps(Job job, std::vector<Job>& all) {
  const WallTime t = at(20);
  job.stop_after.reset();
  job.next_steps.reset();
  job.past.clear();
  job.step = 1;
  job.shown = {"os"};
  for (const bool begun : {false, true}) {
    job.begun_at = begun ? std::optional{t} : std::nullopt;
    const auto add = [&](const JobPhase& phase, ActionId action) {
      job.phase = phase;
      job.action = action;
      all.push_back(job);
    };
    add(Planned{}, kNone);
    add(Asked{t}, ActionId{1100});
    add(Ready{t}, ActionId{1100});
    add(Deferred{DeferCause::kDeviceAsked, t, "", ""}, ActionId{1100});
    add(Backoff{t, {FailureKind::kDeviceReported, "no space"}}, kNone);
    add(Transmitting{t}, ActionId{1100});
    add(Installing{t, Stage::kSwitching}, ActionId{1100});
    add(Restarting{t}, ActionId{1100});
    add(Cancelling{"c2", "ines", "", false, t, true}, ActionId{1100});
  }
}

// Jobs that can be: what a phase never has together is not tried.
std::vector<Job> job_variants() {
  std::vector<Job> all;
  const WallTime t = at(20);
  const Failure failure{FailureKind::kDeviceReported, "no space"};
  for (const JobTerms& terms : term_variants()) {
    Job job = make_job(terms, {});
    const auto add = [&](const JobPhase& phase, ActionId action) {
      job.phase = phase;
      job.action = action;
      job.boot_id = action.empty() ? "" : "boot-1";
      all.push_back(job);
    };
    for (const ActionId action : {kNone, ActionId{1100}}) {
      add(Planned{}, action);
      add(Deferred{DeferCause::kDeviceBusy, t, "", "in use"}, action);
      add(Deferred{DeferCause::kDeviceBusy, t, "", "", true}, action);
    }
    add(Asked{t}, ActionId{1100});
    add(Ready{t}, ActionId{1100});
    job.past = {{ActionId{1099}, 0, ActionEnd::kError, false}};
    add(Planned{}, kNone);
    add(Asked{t}, ActionId{1100});
    add(Ready{t}, ActionId{1100});
    add(Deferred{DeferCause::kDeviceAsked, t, "", ""}, ActionId{1100});
    add(Backoff{t, failure}, kNone);
    for (const JobPhase& phase : {JobPhase{Succeeded{}}, JobPhase{Failed{failure}}, JobPhase{Cancelled{"c1"}},
                                  JobPhase{Expired{}}, JobPhase{Incompatible{"why"}}})
      add(phase, kNone);
    add(Expired{true, t}, ActionId{1100});
    for (const bool stop : {false, true})
      for (const int next : {0, 1, 2}) {
        job.stop_after.reset();
        job.next_steps.reset();
        if (stop) job.stop_after = Cancelled{"c1", "ines", "", false};
        if (next == 1) job.next_steps = NextSteps{{{other_image()}}, ""};
        if (next == 2) job.next_steps = NextSteps{{}, "nothing fits"};
        add(Transmitting{t}, ActionId{1100});
        for (const Stage stage : {Stage::kReceived, Stage::kWorking, Stage::kSwitching, Stage::kVerifying})
          add(Installing{t, stage}, ActionId{1100});
        add(Restarting{t}, ActionId{1100});
        add(Cancelling{"c2", "ines", "", false, t, false}, ActionId{1100});
        add(Cancelling{"", "", "", true, t, true}, ActionId{1100});
      }
    if (terms.steps.size() > 1) add_second_steps(job, all);
  }
  return all;
}

std::vector<JobEvent> event_variants(const Job& job) {
  std::vector<JobEvent> all{Tick{},
                            FirstByte{},
                            AllSent{},
                            GoneFromPlan{},
                            Superseded{"r13"},
                            ArtifactLost{},
                            CancelFeedback{true},
                            CancelFeedback{false},
                            CancelAsked{"c9", "ines", "stocktaking"},
                            DeferralsChanged{at(100)},
                            DeferralsChanged{}};
  for (const auto kind : {AnswerKind::kReady, AnswerKind::kBusy, AnswerKind::kDefer, AnswerKind::kRefuse,
                          AnswerKind::kCancelled, AnswerKind::kDenied}) {
    all.push_back(Answered{kind, at(60), "", ""});
    for (const auto feedback : {FeedbackKind::kProceeding, FeedbackKind::kClosedFailure})
      all.push_back(Feedback{feedback, "", false, Answered{kind, {}, "", ""}});
  }
  for (const auto kind : {FeedbackKind::kProceeding, FeedbackKind::kDownloaded, FeedbackKind::kSwitching,
                          FeedbackKind::kClosedSuccess, FeedbackKind::kClosedFailure})
    for (const bool cut : {false, true}) all.push_back(Feedback{kind, "why", cut, {}});
  for (const char* boot : {"boot-1", "boot-2"})
    for (const char* os : {"26.10", "26.11"})
      for (const char* app : {"", "7"}) all.push_back(PowerOn{boot, runs(os, app)});
  JobTerms newer = job.terms;
  newer.planned_at = at(90);
  all.push_back(NewTerms{newer});
  newer.steps = {{other_image()}};
  all.push_back(NewTerms{newer});
  newer.incompatible = "nothing fits";
  newer.steps.clear();
  all.push_back(NewTerms{newer});
  return all;
}

std::vector<Given> given_variants() {
  std::vector<Given> all;
  for (const WallTime now : {at(10), at(21), at(60), at(300), at(500)})
    for (const char* os : {"26.10", "26.11"}) {
      all.push_back(given(now));
      all.back().running = runs(os);
    }
  all.push_back(given(at(21)));
  all.back().running = runs("26.10", "7");
  all.push_back(given(at(21)));
  all.back().sent = BytesSent::kNone;
  return all;
}

TEST(JobTable, HoldsExactlyTheChangesThatCanHappen) {
  std::set<Transition> taken;
  for (const Job& job : job_variants())
    for (const JobEvent& event : event_variants(job))
      for (const Given& g : given_variants()) {
        machine::Decision d{job, g, {}};
        if (const auto* report = std::get_if<PowerOn>(&event)) {
          d.given.running = report->running;
          d.given.boot_id = report->boot_id;
        }
        machine::step(d, event);  // asserts that the change is in the table
        if (job.phase.index() != d.job.phase.index())
          taken.insert({phase_name(job.phase), event_name(event), phase_name(d.job.phase)});
      }
  for (const Transition& row : job_transitions())
    EXPECT_TRUE(taken.contains(row)) << "no test takes " << row.from << " -" << row.event << "-> " << row.to;
}

TEST(JobTable, IsWhatTheDocumentSays) {
  std::string table;
  const auto rows = job_transitions();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool first = i == 0 || rows[i - 1].from != rows[i].from || rows[i - 1].event != rows[i].event;
    if (first)
      table += "\n| " + std::string{rows[i].from} + " | " + std::string{rows[i].event} + " | " +
               std::string{rows[i].to};
    else
      table += ", " + std::string{rows[i].to};
    const bool last =
        i + 1 == rows.size() || rows[i + 1].from != rows[i].from || rows[i + 1].event != rows[i].event;
    if (last) table += " |";
  }
  std::ifstream file{DRAY_SOURCE_DIR "/docs/job.md"};
  std::stringstream document;
  document << file.rdbuf();
  EXPECT_NE(document.str().find(table), std::string::npos) << "docs/job.md should hold:" << table;
}

TEST(JobTable, HasNoRowTwiceAndNoneOutOfAFinalPhase) {
  const auto rows = job_transitions();
  EXPECT_EQ(std::set<Transition>(rows.begin(), rows.end()).size(), rows.size());
  for (const Transition& row : rows)
    for (const char* end : {"Succeeded", "Failed", "Cancelled", "Expired", "Incompatible"})
      EXPECT_NE(row.from, end);
}

TEST(JobTable, EveryEventInEveryPhaseGivesAJobThatIsWhole) {
  for (const Job& job : job_variants())
    for (const JobEvent& event : event_variants(job))
      for (const Given& g : given_variants()) {
        const JobStep step = advance(job, event, g);
        const std::string what = std::string{phase_name(job.phase)} + " " + std::string{event_name(event)};
        ASSERT_TRUE(!is_final(job) || job.phase.index() == step.next.phase.index()) << what;
        ASSERT_TRUE(is_final(step.next) || step.next.step < step.next.terms.steps.size()) << what;
        ASSERT_LE(step.next.past.size(), kMostPastActions) << what;
        ASSERT_GE(step.next.attempt, 1) << what;
        ASSERT_TRUE(is_final(step.next) || !has_started(step.next) || !step.next.action.empty()) << what;
        const PublicState said = describe(step.next, g);
        ASSERT_FALSE(said.reason.empty() || said.sentence.empty()) << what;
      }
}

}  // namespace
}  // namespace dray::core

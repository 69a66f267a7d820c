#include "gateway/documents/job.h"

#include <gtest/gtest.h>

#include "core/update/job_samples.h"

namespace dray::gateway::documents {
namespace {

using namespace core;
namespace samples = core::samples;

const JobId kId{"r12-till-014"};

// Every phase, with something in each of its members.
std::vector<JobPhase> phases() {
  const WallTime at = samples::at(15, 3) + Duration{250};
  const Failure failure{FailureKind::kNoPowerOn, "silence \"\\ Köln"};
  return {Planned{},
          Asked{at},
          Deferred{DeferCause::kDeviceAsked, kWallMax, "ines", "stocktaking", true},
          Ready{at},
          Transmitting{at},
          Installing{at, Stage::kVerifying, "runs os 26.10", true},
          Restarting{at, "runs os 26.10"},
          Backoff{at, failure},
          Cancelling{"c2", "kim", "wrong", true, at, true},
          Succeeded{true},
          Failed{failure, true},
          Cancelled{"c2", "kim", "wrong", true},
          Expired{true, at, {"store_full", "while there was no room"}},
          Incompatible{"nothing fits"}};
}

Job full_job() {
  Job job = make_job(samples::terms(), {});
  job.terms.steps = {{samples::image(), samples::app()}, {samples::other_image()}};
  job.terms.delivery = Delivery::kPush;
  job.terms.fetch = Fetch::kHold;
  job.terms.expires_at = kWallMax;
  job.terms.retry.limit = 5;
  job.terms.place = 7;
  job.terms.priority = -3;
  job.terms.bytes_from = BytesFrom::kElsewhere;
  job.terms.closes_early = true;
  job.unproven = true;
  job.shown = {"app", "os"};
  job.went_back = "os 26.10 instead of 26.11";
  job.said_after = "no display";
  job.terms.held = Held{"paused", "The rollout is paused."};
  job.failed = Failure{FailureKind::kRolledBack, "no display"};
  job.begun_at = samples::at(17);
  job.deferred_by = "ines";
  job.deferred_why = "stocktaking";
  job.refused_by = "kim";
  job.refused_why = "wrong";
  job.next_steps = NextSteps{{{samples::app()}}, "why"};
  job.deferred_until = samples::at(90);
  job.step = 1;
  job.attempt = 4;
  job.action = ActionId{1101};
  job.boot_id = "boot-1";
  job.cancel_refused = "c1";
  job.past = {{ActionId{1099}, 0, ActionEnd::kFinished, true}, {ActionId{1100}, 1, ActionEnd::kError, false}};
  job.stop_after = Cancelled{"c1", "ines", "late", false};
  return job;
}

TEST(JobDocument, EveryPhaseComesBackAsItWas) {
  ASSERT_EQ(phases().size(), std::variant_size_v<JobPhase>);
  for (const JobPhase& phase : phases()) {
    const Job job = samples::with_phase(full_job(), phase);
    const auto again = read_job(kId, write_job(job));
    ASSERT_TRUE(again) << phase_name(phase) << ": " << again.error().message();
    EXPECT_TRUE(*again == job) << write_job(job);
  }
}

TEST(JobDocument, SaysItsFormatAndUsesWords) {
  const std::string text = write_job(samples::with_phase(full_job(), Installing{samples::at(0), Stage::kSwitching}));
  EXPECT_TRUE(text.starts_with(R"({"format":2,)")) << text;
  for (const char* words : {R"("is":"installing")", R"("stage":"switching")", R"("delivery":"push")", R"("fetch":"hold")",
                            R"("ask":"confirmation")", R"("ends_on":"power_on")", R"("end":"finished")",
                            R"("expires_at":"never")", R"("planned_at":"2026-11-24T22:15:00Z")"})
    EXPECT_NE(text.find(words), std::string::npos) << words << " in " << text;
}

// As programs wrote them before documents had a format: numbers for enumerators, milliseconds for times.
std::string old_document(const std::string& phase, const std::string& more = "") {
  return R"({"terms":{"id":"r12-till-014","device":"till-014","assignment":"r12-berlin","rollout":"r12","priority":0,)" + more +
         R"("delivery":1,"fetch":2,"planned_at":1795558500000,"expires_at":9223372036854775807,)"
         R"("update":[[1795557600000,1795572000000]],"retry_limit":null,"status_deferral":900,)"
         R"("steps":[[{"component":"os","version":"26.11","sha256":")" + std::string(64, 'c') + R"(","size":1000}]],)"
         R"("incompatible":"","ask":0,"ends_on":1,"power_on_within":600},"update_at":1795558500000,"deferred_until":null,)"
         R"("step":0,"attempt":1,"action":1101,"boot_id":"","cancel_refused":"",)"
         R"("past":[{"id":1100,"step":0,"end":2,"acknowledged":false}],"phase":{)" + phase + "}}";
}

TEST(JobDocument, EveryPhaseOfFormat1IsStillRead) {
  const WallTime at = samples::at(15);
  const std::string since = R"("since":1795558500000)", failure = R"("failure":{"kind":3,"why":"w"})";
  const std::vector<std::pair<std::string, JobPhase>> rows{
      {R"("is":0)", Planned{}},
      {since + R"(,"is":1)", Asked{at}},
      {R"("cause":1,"until":9223372036854775807,"by":"b","why":"w","is":2)", Deferred{DeferCause::kDeviceAsked, kWallMax, "b", "w"}},
      {since + R"(,"is":3)", Ready{at}},
      {since + R"(,"is":4)", Transmitting{at}},
      {since + R"(,"stage":1,"is":5)", Installing{at, Stage::kWorking}},
      {since + R"(,"is":6)", Restarting{at}},
      {R"("until":1795558500000,)" + failure + R"(,"is":7)", Backoff{at, {FailureKind::kNoPowerOn, "w"}}},
      {R"("id":"c","by":"b","why":"w","superseded":true,"installing":true,)" + since + R"(,"is":8)", Cancelling{"c", "b", "w", true, at, true}},
      {R"("late":true,"is":9)", Succeeded{true}},
      {failure + R"(,"late":true,"is":10)", Failed{{FailureKind::kNoPowerOn, "w"}, true}},
      {R"("id":"c","by":"b","why":"w","superseded":false,"is":11)", Cancelled{"c", "b", "w", false}},
      {R"("stopping":true,)" + since + R"(,"is":12)", Expired{true, at}},
      {R"("why":"w","is":13)", Incompatible{"w"}},
  };
  for (const auto& [text, phase] : rows) {
    const auto job = read_job(kId, old_document(text, R"("place":2,)"));
    ASSERT_TRUE(job) << text << ": " << job.error().message();
    EXPECT_TRUE(job->phase == phase) << text;
    EXPECT_EQ(job->terms.delivery, Delivery::kPush);
    EXPECT_EQ(job->terms.fetch, Fetch::kNow);
    EXPECT_EQ(job->terms.ask, Ask::kConfirmation);
    EXPECT_EQ(job->terms.ends_on, EndsOn::kClosed);
    EXPECT_EQ(job->terms.expires_at, kWallMax);
    EXPECT_EQ(job->terms.place, 2u);
    EXPECT_EQ(job->past.at(0).end, ActionEnd::kCanceled);
  }
}

TEST(JobDocument, WhatTheFirstProgramsWroteIsStillRead) {
  const std::string since = R"("since":1795558500000)";
  const auto begun = read_job(kId, old_document(since + R"(,"switching":true,"is":5)"));
  ASSERT_TRUE(begun) << begun.error().message();
  EXPECT_TRUE(begun->phase == JobPhase{(Installing{samples::at(15), Stage::kSwitching})});
  const auto not_begun = read_job(kId, old_document(since + R"(,"switching":false,"is":5)"));
  ASSERT_TRUE(not_begun);
  EXPECT_TRUE(not_begun->phase == JobPhase{(Installing{samples::at(15), Stage::kReceived})});
  EXPECT_TRUE(read_job(kId, old_document(R"("stopping":false,"is":12)")));
  EXPECT_TRUE(read_job(kId, old_document(R"("failure":{"kind":0,"why":""},"is":10)")));
  EXPECT_TRUE(read_job(kId, old_document(R"("id":"","by":"","why":"","superseded":false,)" + since + R"(,"is":8)")));
}

// A program that does not know when a mix began wrote one: it counts as begun.
TEST(JobDocument, AJobBetweenTwoStepsOfAnOlderProgramHasBegun) {
  Job job = full_job();
  job.begun_at.reset();
  std::string text = write_job(job);
  EXPECT_FALSE(read_job(kId, text)->begun_at) << "this program says that it has not";
  const std::string member = R"("begun_at":null,)";
  text.erase(text.find(member), member.size());
  EXPECT_EQ(read_job(kId, text)->begun_at, job.terms.planned_at);
}

// A program that did not keep it beside the phase wrote one: how it failed is told, and the device's own words are added.
TEST(JobDocument, AJobOfAnOlderProgramThatHasFailedKnowsHow) {
  const std::string failure = R"("failure":{"kind":1,"why":"w"})";
  auto job = read_job(kId, old_document(R"("until":1795558500000,)" + failure + R"(,"is":7)"));
  ASSERT_TRUE(job) << job.error().message();
  ASSERT_TRUE(job->failed);
  EXPECT_EQ(job->failed->why, "w");
  const Given given = samples::given(samples::at(16));
  ASSERT_TRUE(describe(*job, given).cause);
  EXPECT_NE(describe(*job, given).cause->sentence.find("w"), std::string::npos);
  job->past.back().end = ActionEnd::kError;
  const Job told = advance(*job, Echo{ActionId{1100}, "no display"}, given).next;
  EXPECT_EQ(told.failed->why, "w; the device says: no display");
  const auto ended = read_job(kId, old_document(failure + R"(,"late":true,"is":10)"));
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->failed);
  EXPECT_FALSE(read_job(kId, old_document(R"("is":0)"))->failed);
}

TEST(JobDocument, MembersThatCameLaterAreIgnored) {
  std::string text = write_job(full_job());
  text.insert(1, R"("mood":{"of":"the day"},)");
  text.insert(text.find("\"terms\":{") + 9, R"("weight":[1,2],)");
  EXPECT_TRUE(*read_job(kId, text) == full_job());
}

TEST(JobDocument, SaysWhatItCanNotRead) {
  const std::string good = write_job(full_job());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    const auto job = read_job(kId, text);
    return job ? std::string{"read"} : job.error().message();
  };
  EXPECT_NE(with(R"("format":2)", R"("format":3)").find("format"), std::string::npos);
  EXPECT_NE(with(R"("is":"planned")", R"("is":"dreaming")").find("phase.is"), std::string::npos);
  EXPECT_NE(with(R"("delivery":"push")", R"("delivery":"pigeon")").find("terms.delivery"), std::string::npos);
  EXPECT_NE(with(R"("delivery":"push")", R"("delivery":2)").find("terms.delivery"), std::string::npos);
  EXPECT_NE(with(R"("attempt":4)", R"("attempt":9007199254740993)").find("attempt"), std::string::npos);
  EXPECT_NE(with(R"("id":"r12-till-014")", R"("id":"r12-till-015")").find("terms.id"), std::string::npos);
  EXPECT_NE(with(R"("step":1)", R"("steps":1)").find("step: is missing"), std::string::npos);
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(read_job(kId, std::string_view{good}.substr(0, length))) << length;
  EXPECT_FALSE(read_job(kId, "[]"));
  EXPECT_FALSE(read_job(kId, std::string{"\0\0\0\0", 4}));
}

}  // namespace
}  // namespace dray::gateway::documents

// Whatever a plan says in numbers, times and texts, if it is taken the gateway can live with it: jobs are
// made of it, move at any time, are said, saved and read again. The undefined-behaviour sanitizer judges the
// arithmetic.
#include <gtest/gtest.h>

#include "core/schedule/deferral.h"
#include "core/schedule/rate.h"
#include "core/update/reconcile.h"
#include "gateway/device_state.h"
#include "gateway/documents/job.h"
#include "gateway/leases.h"
#include "gateway/plan_index.h"
#include "wire/gateway_api.h"
#include "wire/odd_values_testing.h"

namespace dray::gateway {
namespace {

using namespace core;
using namespace std::chrono_literals;

const std::string kNeeded(64, 'c');
const WallTime kAt = *parse_rfc3339("2026-11-24T21:40:00Z");

std::string plan_text() {
  Plan plan;
  plan.revision = 7;
  plan.action_ids = {{1101, 1'001'100}, {2'000'001, 3'000'000}};
  plan.limits = {{{kAt, kAt + 1h, 1'000'000}}, {{kAt, kAt + 1h, 1'000'000}}, 3, 32'000'000'000};
  plan.device_types = {{.name = "till",
                        .components = {"os"},
                        .order = {{"os"}},
                        .ask = Ask::kConfirmation,
                        .ends_on = EndsOn::kPowerOn}};
  plan.devices = {{DeviceId{"till-014"}, "till", "9f", {{"ort", "x"}}}};
  plan.artifacts = {{.sha256 = *Sha256::parse(kNeeded),
                     .size = 5,
                     .file = "i",
                     .component = "os",
                     .version = "2",
                     .module_id = 31}};
  Assignment a;
  a.id = AssignmentId{"r12-berlin"};
  a.planned_at = kAt;
  a.expires_at = kAt + 8h;
  a.transfer = a.update = {{kAt, kAt + 8h}};
  a.retry.limit = 3;
  a.jobs = {{JobId{"r12-till-014"}, DeviceId{"till-014"}, {{*Sha256::parse(kNeeded)}}}};
  plan.assignments = {a};
  plan.deferrals = {{"d5", {}, AssignmentId{"r12-berlin"}, kAt, "ines", "x"}};
  plan.cancels = {{"c2", JobId{"r12-till-099"}, "ines", "x"}};
  return wire::encode_plan({plan, kAt, {3, 881}});
}

void saved_and_said(const Job& job, const Given& given) {
  const auto again = documents::read_job(job.terms.id, documents::write_job(job));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, job);
  const PublicState said = describe(job, given);
  static_cast<void>(wake_at(job, given));
  static_cast<void>(offer(job, given));
  static_cast<void>(wants_bytes(job, given.now));
  wire::JobReport report{job.terms.id,
                         said.state,
                         said.reason,
                         said.sentence,
                         said.until,
                         job.update_at,
                         static_cast<std::int64_t>(job.step),
                         job.attempt,
                         0,
                         {},
                         is_late(job),
                         {}};
  EXPECT_TRUE(wire::decode_report(wire::encode_report({1, 1, given.now, report})));
}

// Every kind of event, at `now`.
void moved(const Job& job, Given given) {
  const std::vector<JobEvent> events{Tick{},
                                     Answered{AnswerKind::kReady, {}, "x", ""},
                                     Answered{AnswerKind::kBusy, kWrittenMax, "x", ""},
                                     Answered{AnswerKind::kDefer, kWrittenMin, "x", ""},
                                     Answered{AnswerKind::kBusy, {}, "x", ""},
                                     FirstByte{},
                                     AllSent{},
                                     Feedback{FeedbackKind::kClosedFailure, "x", false, {}},
                                     Feedback{FeedbackKind::kSwitching, "x", false, {}},
                                     Feedback{FeedbackKind::kClosedSuccess, "x", false, {}},
                                     PowerOn{"b", {{"os", {"2", ""}}}},
                                     DeferralsChanged{kWrittenMax},
                                     DeferralsChanged{kWrittenMin},
                                     CancelAsked{"c", "x", ""}};
  saved_and_said(job, given);
  for (const JobEvent& first : events) {
    const Job one = advance(job, first, given).next;
    saved_and_said(one, given);
    if (one.phase.index() != job.phase.index() && given.now == kWrittenMax)  // where sums are the largest
      for (const JobEvent& second : events) saved_and_said(advance(one, second, given).next, given);
  }
}

void lived_through(const Plan& plan) {
  const PlanIndex index{plan};
  Leases leases;
  leases.set_blocks(plan.action_ids);
  leases.take(leases.next());
  leases.doubt(0xFFFF'FFFF'FFFF'FFFF);
  leases.take(leases.next());
  leases.forget_blocks();
  static_cast<void>(leases.next());
  for (const JobChange& change : reconcile({}, plan)) {
    const auto* job = std::get_if<Job>(&change.what);
    if (job == nullptr) continue;
    for (const WallTime now : {kWrittenMin, kAt, kAt + 1h, kWrittenMax}) {
      Given given;
      given.now = given.up_since = now;
      given.stored = true;
      given.jitter = 0.999;
      given.next_action = ActionId{1101};
      moved(*job, given);
      WorkLeft work{.devices = 1, .concurrency = plan.limits.concurrency};
      for (const auto& step : job->terms.steps)
        for (const auto& artifact : step) work.wan_bytes = work.lan_bytes += artifact.size;
      static_cast<void>(
          to_rfc3339(latest_start(job->terms.update, job->terms.expires_at, time_needed(work))));
    }
  }
}

bool is_number(const boost::json::value& v) { return v.is_number(); }
bool is_text(const boost::json::value& v) { return v.is_string(); }

TEST(HostilePlan, WhatIsTakenCanBeLivedWith) {
  const std::string document = plan_text();
  int taken = 0;
  const auto live = [&](const std::string& text, const std::string& path) {
    SCOPED_TRACE(path);
    const auto plan = wire::decode_plan(text);
    if (!plan) return;
    ++taken;
    lived_through(plan->plan);
  };
  const auto save = [&](const std::string& text, const std::string& path) {
    SCOPED_TRACE(path);
    const auto plan = wire::decode_plan(text);
    if (!plan) return;
    Given given;
    given.now = kAt;
    for (const JobChange& change : reconcile({}, plan->plan))
      if (const auto* job = std::get_if<Job>(&change.what)) saved_and_said(*job, given);
  };
  live(document, "as it is");
  ASSERT_EQ(taken, 1);
  for (const std::string& number : wire::testing::hostile_numbers())
    wire::testing::with_each_leaf(document, is_number, number, live);
  for (const std::string& time : wire::testing::hostile_times())
    wire::testing::with_each_leaf(document, is_text, boost::json::serialize(boost::json::string{time}), live);
  for (const std::string& text : wire::testing::short_texts())
    wire::testing::with_each_leaf(document, is_text, boost::json::serialize(boost::json::string{text}), save);
  EXPECT_GT(taken, 200);
}

TEST(HostilePlan, AJobWithoutAnExpiryIsReadAgain) {
  Job job = make_job({}, {});
  ASSERT_EQ(job.terms.expires_at, kWallMax);
  const auto again = documents::read_job(job.terms.id, documents::write_job(job));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, job);
}

// What a device's link is said to do, at both ends of what is taken.
TEST(HostilePlan, RatesAreReckonedWith) {
  std::vector<HourRate> hours;
  for (const std::uint64_t rate :
       {std::uint64_t{0}, std::uint64_t{1}, static_cast<std::uint64_t>(wire::kMostRate)})
    for (const WallTime newest : {kWrittenMin, kAt, kWrittenMax}) {
      HourRate hour{.hour = 45, .newest = newest, .as_of = newest};
      hour.value = hour.low = rate;
      hour.samples = static_cast<double>(wire::kMostSamples);
      hours.push_back(hour);
    }
  for (const WallTime now : {kWrittenMin, kAt, kWrittenMax}) {
    const auto rate = estimate_rate(hours, 45, now);
    EXPECT_TRUE(!rate || !describe_rate(*rate, now).empty());
  }
}

// A device's document: whatever it said.
TEST(HostilePlan, EveryTextOfADeviceIsReadAgain) {
  for (const std::string& text : wire::testing::odd_texts()) {
    DeviceState device{DeviceId{"till-014"}};
    const std::string value = clean_characters(text, wire::kLongestAttribute);
    device.attributes = {{value, value},
                         {"dray.boot_id", value},
                         {"dray.version.os", value},
                         {"dray.sha256.os", value},
                         {"dray.busy", value}};
    device.auto_confirm = {true, clean_text(text, wire::kLongestBy), clean_text(text, wire::kLongestWhy),
                           kAt};
    device.installed_name = device.installed_version = value;
    read_dray_attributes(device);
    read_busy(device, kAt);
    const auto again = documents::read_device(documents::write_device(device));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->attributes, device.attributes);
    EXPECT_EQ(again->auto_confirm.remark, device.auto_confirm.remark);
  }
}

}  // namespace
}  // namespace dray::gateway

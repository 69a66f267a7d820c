// Loops that the server's words drive: none of them turns without waiting (docs/fault-model.md), and ordinary work is
// as quick as before.
#include "gateway/testing/hostile_world.h"
#include "wire/http_fields.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::LoopsTest;

HttpResponse with_text(int status, std::string body, Headers headers = {}) {
  HttpResponse out{status};
  out.headers = std::move(headers);
  out.body = std::move(body);
  return out;
}

HttpResponse plan_response(core::Plan plan, std::int64_t revision, WallTime now, core::ReportsSeen seen = {}, const std::string& prefix = "") {
  plan.revision = revision;
  HttpResponse out{200};
  out.headers.add("ETag", prefix + "\"" + std::to_string(revision) + "\"");
  out.body = wire::encode_plan({std::move(plan), now, seen});
  return out;
}

core::ReportsSeen newest_of(const std::string& body) {
  const auto batch = wire::decode_reports(body);
  return batch && !batch->empty() ? core::ReportsSeen{batch->back().epoch, batch->back().seq} : core::ReportsSeen{1, 0};
}

// --- what devices say, and the log ---

Task<> put_boot_ids(sim::World& world, sim::Node& node, int count, bool& done) {
  sim::SimHttpClient client{world.network(), node};
  Stop never;
  for (int i = 0; i < count; ++i) {
    HttpRequest request{Method::kPut, "http://gw/DEFAULT/controller/v1/dev-1/configData"};
    request.headers.set("Authorization", "TargetToken tok");
    request.headers.set("Content-Type", "application/json");
    std::string body = R"({"data":{"dray.boot_id":"boot-)" + std::to_string(i % 300) + R"(","dray.version.os":"1"}})";
    auto answer = co_await exchange(client, std::move(request), std::move(body), 1 << 20, never);
    EXPECT_TRUE(answer && (answer->status == 200 || answer->status == 429)) << i;  // it may say so much at once
    const SteadyTime next = node.clock().steady() + 1s;
    [[maybe_unused]] const auto slept = co_await node.clock().sleep_until(next, never);
  }
  done = true;
}

TEST_F(LoopsTest, ADeviceWithoutAJobThatSaysAThousandTimesThatItStartedDoesNotFillTheLog) {
  server.honest.publish(plan_of());
  gw.power_on();
  run_for(1min);
  bool done = false;
  people.spawn(put_boot_ids(world, people, 1'000, done));
  ASSERT_TRUE(world.run_until([&] { return done; }, 50min));
  EXPECT_LE(logged("power_on_reported device"), 10U);
  EXPECT_EQ(logged("line_left_out line=power_on_reported"), 1U);
  EXPECT_LE(logged(" info ") + logged(" warn "), 40U);
}

// --- the plan ---

TEST_F(LoopsTest, APlanThatIsAnsweredAtOnceByAProxyIsAskedForWithABrake) {
  server.instead["plan"] = [&](const HttpRequest&, const std::string&) { return plan_response(plan_of(), 7, world.true_time()); };
  expect_braked("plan");
  EXPECT_EQ(logged("loop_slowed"), 1U) << "once, not once a turn";
  EXPECT_NE(why_slow().find("Asking the server for the plan is slowed down"), std::string::npos) << why_slow();
  server.instead.clear();
  server.honest.publish(plan_of());
  run_for(20min);
  EXPECT_EQ(logged("loop_free_again"), 1U) << "and again when it ends";
  EXPECT_EQ(why_slow(), "");
}

TEST_F(LoopsTest, APlanWhoseRevisionChangesAtEachAnswerIsAskedForWithABrake) {
  std::int64_t revision = 0;
  server.instead["plan"] = [&](const HttpRequest&, const std::string&) { return plan_response(plan_of(), ++revision, world.true_time()); };
  expect_braked("plan");
}

TEST_F(LoopsTest, AnUnchangedPlanThatIsNotHeldIsAskedForOnceASecondAtMost) {
  server.honest.publish(plan_of());
  server.instead["plan"] = [&](const HttpRequest& request, const std::string&) -> std::optional<HttpResponse> {
    if (!request.headers.find("Prefer")) return {};
    return with_text(304, "");
  };
  gw.power_on();
  run_for(1h);
  EXPECT_LE(testing_world::most_in_a_minute(server.asked["plan"]), 60U);
}

TEST_F(LoopsTest, RefusalsOfThePlanGrowToFiveMinutes) {
  for (const int status : {400, 404, 409, 500, 503}) {
    server.asked.clear();
    lines.clear();
    server.instead["plan"] = [&](const HttpRequest&, const std::string&) { return with_text(status, "no"); };
    expect_braked("plan");
    EXPECT_EQ(logged("server_away"), 1U);
    EXPECT_NE(why_slow().find("status " + std::to_string(status)), std::string::npos) << why_slow();
    gw.power_off();
    run_for(1s);
  }
}

TEST_F(LoopsTest, AnAnswerThatIsNoPlanGrowsToFiveMinutes) {
  server.instead["plan"] = [&](const HttpRequest&, const std::string&) { return with_text(200, "<html>Please log in</html>"); };
  expect_braked("plan");
}

TEST_F(LoopsTest, APlanThatCanNotBeUsedIsSeldomFetchedAgainAndTheSiteIsToldWhy) {
  struct Case {
    std::string body, why;
  };
  const std::string large(wire::kMostPlanBytes + 1, ' ');
  for (const Case& one : {Case{large, "the answer is larger than 16777216 bytes"},
                          Case{R"({"revision": 7, "site": "berlin"})", "GET plan: "}}) {
    server.asked.clear();
    server.instead["plan"] = [&](const HttpRequest&, const std::string&) { return with_text(200, one.body); };
    gw.power_on();
    run_for(1min);
    EXPECT_LE(server.asked["plan"].size(), 20U) << "each costs the WAN a plan";
    run_for(2h);
    EXPECT_LE(server.asked["plan"].size(), 120U) << one.why;
    EXPECT_NE(why_slow().find(one.why), std::string::npos) << why_slow();
    gw.power_off();
    run_for(1s);
  }
}

TEST_F(LoopsTest, RetryAfterIsObeyedWithinAnHour) {
  struct Case {
    std::string says;
    std::size_t least, most;
  };
  const std::string in_ten_minutes = wire::to_http_date(world.true_time() + 10min);
  for (const Case& one : {Case{"0", 10, 100}, Case{"-1", 10, 100}, Case{"soon", 10, 100}, Case{in_ten_minutes, 6, 90}, Case{"600", 10, 14}, Case{"1000000000000000000", 2, 3}}) {
    server.asked.clear();
    server.instead["plan"] = [&](const HttpRequest&, const std::string&) {
      Headers headers;
      headers.add("Retry-After", one.says);
      return with_text(503, "", headers);
    };
    gw.power_on();
    run_for(2h);
    EXPECT_GE(server.asked["plan"].size(), one.least) << one.says;
    EXPECT_LE(server.asked["plan"].size(), one.most) << one.says;
    gw.power_off();
    run_for(1s);
  }
}

TEST_F(LoopsTest, APlanWithAWeakTagIsTaken) {
  const auto artifact = add(1000);
  server.instead["plan"] = [&](const HttpRequest& request, const std::string&) -> std::optional<HttpResponse> {
    if (request.headers.get("If-None-Match") == "\"7\"") return with_text(304, "");
    return plan_response(plan_of({artifact}), 7, world.true_time(), {}, "W/");
  };
  gw.power_on();
  run_for(1min);
  EXPECT_EQ(status().at("revision").as_int64(), 7);
  EXPECT_TRUE(is_stored(artifact));
}

TEST_F(LoopsTest, ABurstOfRealPlansIsTakenAtOnce) {
  server.honest.publish(plan_of());
  gw.power_on();
  run_for(5min);
  for (int i = 0; i < 15; ++i) {
    core::Plan next = plan_of();
    next.devices.push_back({.name = DeviceId{"new-" + std::to_string(i)}, .type = "board", .token_sha256 = ""});
    server.honest.publish(next);
    run_for(100ms);
    EXPECT_EQ(status().at("revision").as_int64(), server.honest.plan().revision) << i;
  }
}

// --- reports ---

TEST_F(LoopsTest, ResyncForEverIsAnsweredWithABrake) {
  server.honest.publish(plan_of({add(1000)}));
  server.instead["reports"] = [&](const HttpRequest&, const std::string& body) {
    return with_text(200, wire::encode_answer({newest_of(body), true}));
  };
  expect_braked("reports");
  EXPECT_EQ(logged("loop_slowed"), 1U);
  EXPECT_NE(why_slow().find("Sending reports to the server is slowed down"), std::string::npos) << why_slow();
}

TEST_F(LoopsTest, AnAcknowledgedEpochThatIsAlwaysAheadIsAnsweredWithABrake) {
  server.honest.publish(plan_of({add(1000)}));
  server.instead["reports"] = [&](const HttpRequest&, const std::string& body) {
    const auto newest = newest_of(body);
    return with_text(200, wire::encode_answer({{newest.epoch + 1, 5}, false}));
  };
  expect_braked("reports");
}

TEST_F(LoopsTest, AnAcknowledgementThatStaysBehindIsAnsweredWithABrake) {
  server.honest.publish(plan_of({add(1000)}));
  server.instead["reports"] = [&](const HttpRequest&, const std::string&) { return with_text(200, wire::encode_answer({{1, 0}, false})); };
  expect_braked("reports");
}

TEST_F(LoopsTest, RefusalsOfReportsGrowToFiveMinutes) {
  server.honest.publish(plan_of({add(1000)}));
  for (const int status : {403, 500, 503}) {
    server.asked.clear();
    lines.clear();
    server.instead["reports"] = [&](const HttpRequest&, const std::string&) { return with_text(status, ""); };
    expect_braked("reports");
    EXPECT_EQ(logged("reports_not_taken"), 1U) << status;
    gw.power_off();
    run_for(1s);
  }
}

// Each of them is news, so nothing is slowed: but they gather, and a device that talks all the time makes no storm.
TEST_F(LoopsTest, ADeviceThatSaysSomethingNewAllTheTimeIsReportedSixtyTimesAMinuteAtMost) {
  server.honest.publish(plan_of({add(1000)}));
  gw.power_on();
  run_for(1min);
  Site& site = gateway_life.lock()->gateway()->site();
  server.asked["reports"].clear();
  for (int i = 0; i < 3'000; ++i) {
    site.report(wire::LogReport{JobId{"r1-dev-1"}, i, {"line"}});
    run_for(60ms);
  }
  EXPECT_LE(server.asked["reports"].size(), 20U + 3 * 40U + 1U) << "in three minutes";
  EXPECT_GE(server.asked["reports"].size(), 100U);
  EXPECT_EQ(logged("loop_slowed"), 0U);
  run_for(2s);
  EXPECT_TRUE(site.outbox().empty()) << "and nothing is held back for longer than that";
  run_for(1min);
  server.asked["reports"].clear();
  site.report(wire::LogReport{JobId{"r1-dev-1"}, 1, {"line"}});
  run_for(100ms);
  EXPECT_EQ(server.asked["reports"].size(), 1U) << "what is seldom leaves at once";
}

// --- artifacts ---

TEST_F(LoopsTest, AnArtifactWhoseHashNeverMatchesIsFetchedEverMoreSeldom) {
  const auto artifact = add(300'000);
  server.honest.publish(plan_of({artifact}));
  server.instead["artifacts"] = [&](const HttpRequest&, const std::string&) { return with_text(200, bytes_of(300'000, 2)); };
  gw.power_on();
  run_for(1h);
  EXPECT_LE(server.asked["artifacts"].size(), 20U);
  run_for(5h);
  EXPECT_LE(server.asked["artifacts"].size(), 40U) << "each time costs the WAN all of it";
  EXPECT_EQ(logged("fetch_interrupted"), 1U);
  EXPECT_NE(why_slow().find("has failed"), std::string::npos) << why_slow();
  server.instead.clear();
  run_for(1h);
  EXPECT_TRUE(is_stored(artifact)) << "not for ever";
  EXPECT_EQ(why_slow(), "");
}

// Rollouts come and go for years; of what went wrong with them nothing may stay.
TEST_F(LoopsTest, NothingIsRememberedOfArtifactsThatNoJobWantsAnyMore) {
  int asked = 0;
  server.instead["artifacts"] = [&](const HttpRequest&, const std::string&) {
    return ++asked % 2 == 0 ? with_text(404, "") : with_text(200, bytes_of(3'000, 99));
  };
  gw.power_on();
  for (unsigned i = 1; i <= 12; ++i) {
    server.honest.publish(plan_of({add(3'000, i)}));
    run_for(3min);
  }
  ASSERT_GE(asked, 12);
  const auto life = gateway_life.lock();
  ASSERT_TRUE(life);
  EXPECT_GE(life->gateway()->fetcher().remembered(), 1U);
  server.honest.publish(plan_of());
  run_for(4h);  // a pause may last an hour, and then it is looked at again
  EXPECT_EQ(life->gateway()->fetcher().remembered(), 0U);
  EXPECT_EQ(why_slow(), "");
  EXPECT_GE(logged("fetch_interrupted_given_up"), 1U);
  EXPECT_EQ(logged("fetch_interrupted_over"), 0U) << "none of them ever came";
}

TEST_F(LoopsTest, AnswersThatBringNothingOfAnArtifactAreAskedForWithABrake) {
  const auto artifact = add(300'000);
  server.honest.publish(plan_of({artifact}));
  const auto partial = [](std::string body) {
    Headers headers;
    headers.add("Content-Range", "bytes 0-0/300000");
    return with_text(206, std::move(body), headers);
  };
  const std::vector<std::function<HttpResponse()>> answers{
      [&] { return partial(""); },
      [&] { return with_text(200, ""); },
      [&] { return with_text(200, "short"); },
      [&] { return with_text(200, bytes_of(300'001)); },
      [&] { return with_text(404, ""); },
      [&] { return with_text(416, ""); },
      [&] { return with_text(503, ""); },
      [&] { return with_text(302, ""); }};
  for (std::size_t i = 0; i < answers.size(); ++i) {
    SCOPED_TRACE(i);
    server.asked.clear();
    server.instead["artifacts"] = [&](const HttpRequest&, const std::string&) { return answers[i](); };
    expect_braked("artifacts");
    gw.power_off();
    run_for(1s);
  }
}

TEST_F(LoopsTest, AnArtifactThatComesByteByByteIsAskedForWithABrake) {
  const auto artifact = add(300'000);
  server.honest.publish(plan_of({artifact}));
  server.instead["artifacts"] = [&](const HttpRequest& request, const std::string&) {
    const auto range = request.headers.find("Range");
    const std::size_t from = range ? std::stoul(std::string{range->substr(6)}) : 0;
    Headers headers;
    headers.add("Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(from) + "/300000");
    return with_text(from > 0 ? 206 : 200, bytes_of(300'000).substr(from, 1), headers);
  };
  expect_braked("artifacts");
}

TEST_F(LoopsTest, AServerWithoutCapacityIsObeyedAndThenAsked) {
  const auto artifact = add(300'000);
  server.honest.publish(plan_of({artifact}));
  int refusals = 20;
  server.instead["artifacts"] = [&](const HttpRequest&, const std::string&) -> std::optional<HttpResponse> {
    if (--refusals < 0) return {};
    Headers headers;
    headers.add("Retry-After", "5");
    return with_text(503, "", headers);
  };
  gw.power_on();
  run_for(3min);
  EXPECT_TRUE(is_stored(artifact)) << "who is told when does not come later and later";
}

TEST_F(LoopsTest, ManyArtifactsAreFetchedOneAfterTheOtherWithoutPauses) {
  std::vector<core::Artifact> artifacts;
  for (unsigned i = 0; i < 80; ++i) artifacts.push_back(add(1'000 + i, i));
  server.honest.publish(plan_of(artifacts));
  gw.power_on();
  run_for(10s);
  for (const auto& artifact : artifacts) EXPECT_TRUE(is_stored(artifact));
  EXPECT_EQ(logged("loop_slowed"), 0U);
}

TEST_F(LoopsTest, ALineThatBreaksOftenIsTakenUpAgainAtOnceWhileBytesCome) {
  const auto artifact = add(4'000'000);
  server.honest.publish(plan_of({artifact}));
  server.instead["artifacts"] = [&](const HttpRequest& request, const std::string&) {
    const auto range = request.headers.find("Range");
    const std::size_t from = range ? std::stoul(std::string{range->substr(6)}) : 0;
    Headers headers;
    headers.add("Content-Range", "bytes " + std::to_string(from) + "-3999999/4000000");
    return with_text(from > 0 ? 206 : 200, bytes_of(4'000'000).substr(from, 100'000), headers);
  };
  gw.power_on();
  run_for(1min);
  EXPECT_TRUE(is_stored(artifact)) << server.asked["artifacts"].size();
}

TEST_F(LoopsTest, ACacheThatSendsWholeBlocksIsUnderstood) {
  const auto artifact = add(300'000);
  server.honest.publish(plan_of({artifact}));
  server.instead["artifacts"] = [&](const HttpRequest& request, const std::string&) {
    const auto range = request.headers.find("Range");
    const std::size_t asked = range ? std::stoul(std::string{range->substr(6)}) : 0, from = asked / 65'536 * 65'536;
    Headers headers;
    headers.add("Content-Range", "bytes " + std::to_string(from) + "-299999/300000");
    return with_text(asked > 0 ? 206 : 200, bytes_of(300'000).substr(from, 100'000), headers);
  };
  gw.power_on();
  run_for(1min);
  EXPECT_TRUE(is_stored(artifact));
}

TEST_F(LoopsTest, AProbeThatNeverEndsIsLeft) {
  core::Plan plan = plan_of({add(1'000'000)});
  plan.assignments[0].planned_at = world.true_time() + 40h;
  plan.assignments[0].fetch = core::Fetch::kAtUpdateTime;
  server.honest.publish(plan);
  server.instead["probe"] = [&](const HttpRequest&, const std::string&) { return with_text(200, std::string(30 << 20, 'p')); };
  gw.power_on();
  run_for(20h);
  EXPECT_LE(server.asked["probe"].size(), 4U);
}

}  // namespace
}  // namespace dray::gateway

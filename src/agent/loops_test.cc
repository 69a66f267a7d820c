// Loops that a gateway's, an installer's or a file's words drive: none of them turns without waiting
// (docs/fault-model.md), and an update is as quick as before.
#include "agent/agent_world_testing.h"

namespace dray::agent {
namespace {

using namespace std::chrono_literals;
using namespace testing;  // NOLINT(google-build-using-namespace): the rig is what this file is about

HttpResponse json_of(const std::string& text, const std::string& etag = "") {
  HttpResponse out{200};
  out.headers.set("Content-Type", "application/hal+json");
  if (!etag.empty()) out.headers.set("ETag", etag);
  out.body = text;
  return out;
}

std::string poll_of(const std::string& link, const std::string& href, const std::string& sleep = "00:05:00") {
  return R"({"config":{"polling":{"sleep":")" + sleep + R"("}},"_links":{")" + link + R"(":{"href":"http://gw/DEFAULT/controller/v1/dev-1/)" +
         href + R"("}}})";
}

class AgentLoops : public AgentTest {
 protected:
  using Answer = std::function<std::optional<HttpResponse>(const HttpRequest&, const std::string& path)>;

  void start(Answer answer) {
    set_up();
    server.sleep = "00:00:10";
    server.instead = [this, answer = std::move(answer)](const HttpRequest& request, const std::string& path) {
      const std::string first = path.substr(0, path.find('/', 1));
      asked[std::string{to_string(request.method)} + " " + first].push_back(world.now());
      return answer ? answer(request, path) : std::nullopt;
    };
    world.trace().on_line([this](std::string_view node, std::string_view line) {
      if (node == "dev") lines.emplace_back(line);
    });
    device.power_on();
  }
  void run_for(Duration time) {
    const Result<> ran = world.run_for(time);
    ASSERT_TRUE(ran) << ran.error().message();
  }
  std::size_t most_in_a_minute(const std::string& what) {
    const auto& times = asked[what];
    std::size_t most = 0;
    for (std::size_t i = 0, first = 0; i < times.size(); ++i) {
      while (times[i] - times[first] > 1min) ++first;
      most = std::max(most, i - first + 1);
    }
    return most;
  }
  void expect_polite() {
    run_for(1h);
    EXPECT_FALSE(asked.empty());
    for (const auto& [what, times] : asked) {
      EXPECT_LE(most_in_a_minute(what), 60U) << what;
      EXPECT_LE(times.size(), 200U) << what;
    }
    EXPECT_GE(asked["GET "].size(), 6U) << "it goes on asking";
  }
  std::size_t logged(const std::string& event) const {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [&](const auto& line) { return line.find(event) != line.npos; }));
  }

  std::map<std::string, std::vector<SteadyTime>> asked;
  std::vector<std::string> lines;
};

TEST_F(AgentLoops, ConfigDataThatIsShownForEverIsToldEverMoreSeldomAndTheRestGoesOn) {
  start([](const HttpRequest& request, const std::string& path) -> std::optional<HttpResponse> {
    if (!path.empty()) return {};
    return json_of(poll_of("configData", "configData", "00:00:01"), request.headers.get("If-None-Match").empty() ? "\"a\"" : "\"b\"");
  });
  expect_polite();
  EXPECT_LE(asked["PUT /configData"].size(), 40U);
  EXPECT_EQ(local(R"({"command":"status"})").find("\"slow\":[]"), std::string::npos);
}

// Also in its first minute, which has the polls of its start in it.
TEST_F(AgentLoops, ASleepOfASecondIsAtMostSixtyPollsInAnyMinute) {
  start([](const HttpRequest& request, const std::string& path) -> std::optional<HttpResponse> {
    if (!path.empty()) return {};
    if (request.headers.get("If-None-Match") == "\"a\"") return HttpResponse{304};
    return json_of(R"({"config":{"polling":{"sleep":"00:00:01"}}})", "\"a\"");
  });
  run_for(5min);
  EXPECT_LE(most_in_a_minute("GET "), 60U);
  EXPECT_GE(asked["GET "].size(), 280U);
  EXPECT_EQ(logged("loop_slowed"), 0U);
}

TEST_F(AgentLoops, ANewQuestionAtEachPollIsAnsweredWithABrake) {
  auto next = std::make_shared<int>(100);
  start([next](const HttpRequest&, const std::string& path) -> std::optional<HttpResponse> {
    if (path.empty()) {
      const std::string id = std::to_string(++*next);
      return json_of(poll_of("confirmationBase", "confirmationBase/" + id), "\"" + id + "\"");
    }
    if (path.starts_with("/confirmationBase")) return HttpResponse{200};
    return {};
  });
  expect_polite();
  EXPECT_LE(logged("loop_slowed"), 2U) << "the talk and the work, once each";
  EXPECT_NE(local(R"({"command":"status"})").find("Talking with the gateway is slowed down"), std::string::npos);
}

// Each second, so that no brake is needed; and now and then an order that nobody can read, or a cancel.
TEST_F(AgentLoops, QuestionsOrdersAndCancelsWithoutEndDoNotFillTheLog) {
  auto next = std::make_shared<int>(100);
  start([next](const HttpRequest& request, const std::string& path) -> std::optional<HttpResponse> {
    if (path == "/configData") return {};
    if (path.ends_with("/feedback") || request.method != Method::kGet) return HttpResponse{200};
    if (path.starts_with("/deploymentBase/")) return json_of(R"({"id":"9","deployment":{"chunks":7}})");
    if (path.starts_with("/cancelAction/")) return json_of(R"({"id":"7","cancelAction":{"stopId":")" + path.substr(14) + R"("}})");
    const int id = ++*next;
    const std::string kind = id % 3 == 0 ? "confirmationBase" : id % 3 == 1 ? "deploymentBase" : "cancelAction";
    return json_of(poll_of(kind, kind + "/" + std::to_string(id), "00:00:01"));
  });
  run_for(2h);
  EXPECT_GE(*next, 1'000) << "it has gone on";
  for (const char* event : {"offer_answered", "order_refused", "cancel_answered"}) EXPECT_LE(logged(" " + std::string{event} + " "), 25U) << event;
  EXPECT_GE(logged("line_left_out"), 1U);
  EXPECT_LE(logged(" info ") + logged(" warn ") + logged(" error "), 300U);
}

TEST_F(AgentLoops, ACancelThatIsShownForEverIsAnsweredWithABrake) {
  start([](const HttpRequest&, const std::string& path) -> std::optional<HttpResponse> {
    if (path.empty()) return json_of(poll_of("cancelAction", "cancelAction/7", "00:00:00"));
    if (path == "/cancelAction/7") return json_of(R"({"id":"7","cancelAction":{"stopId":"7"}})");
    if (path.starts_with("/cancelAction")) return HttpResponse{200};
    return {};
  });
  run_for(1h);
  for (const auto& [what, times] : asked) EXPECT_LE(most_in_a_minute(what), 60U) << what;
}

TEST_F(AgentLoops, LinksThatChangeAtEachPollAreFollowedWithABrake) {
  auto next = std::make_shared<int>(0);
  start([next](const HttpRequest&, const std::string& path) -> std::optional<HttpResponse> {
    if (!path.empty()) return HttpResponse{404};
    const std::string n = std::to_string(++*next);
    return json_of(poll_of("deploymentBase", "deploymentBase/" + n + "?c=" + n), "\"" + n + "\"");
  });
  expect_polite();
}

class AgentLoopsBy : public AgentLoops, public ::testing::WithParamInterface<int> {};

TEST_P(AgentLoopsBy, AnOrderThatIsNotThereIsLookedForWithABrake) {
  start([](const HttpRequest&, const std::string& path) -> std::optional<HttpResponse> {
    if (path.empty()) return json_of(poll_of("deploymentBase", "deploymentBase/9"), "\"9\"");
    if (path == "/configData") return {};
    return HttpResponse{GetParam()};
  });
  expect_polite();
}

TEST_P(AgentLoopsBy, FeedbackThatIsRefusedForEverIsSentWithABrake) {
  server.order(101, {new_os});
  start([](const HttpRequest&, const std::string& path) -> std::optional<HttpResponse> {
    if (path.ends_with("/feedback")) return HttpResponse{GetParam()};
    return {};
  });
  run_for(1h);
  for (const auto& [what, times] : asked) EXPECT_LE(most_in_a_minute(what), 60U) << what;
  EXPECT_LE(logged("report_failed"), 4U);
}

INSTANTIATE_TEST_SUITE_P(Statuses, AgentLoopsBy, ::testing::Values(404, 410, 400, 403, 500, 503, 200));

constexpr int kNoAnswer = 0;  // to this alone

class AgentPowerOn : public AgentLoops, public ::testing::WithParamInterface<int> {};

TEST_P(AgentPowerOn, ThatIsRefusedForEverKeepsNoEndFromBeingTold) {
  server.order(101, {new_os});
  start([](const HttpRequest&, const std::string& path) -> std::optional<HttpResponse> {
    if (path != "/configData") return {};
    HttpResponse out{GetParam() == kNoAnswer ? 200 : GetParam()};
    if (GetParam() == kNoAnswer) out.body = std::shared_ptr<BodySource>{std::make_shared<CutBody>("x")};
    return out;
  });
  EXPECT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
  const bool for_good = GetParam() == 400 || GetParam() == 404 || GetParam() == 409;
  EXPECT_EQ(saw("proceeding none switching"), for_good) << "a power-on report that comes later would fall into the switch-over";
  run_for(1h);
  EXPECT_LE(most_in_a_minute("PUT /configData"), 60U);
  EXPECT_LE(asked["PUT /configData"].size(), 120U) << "up to three ways to say it each time";
  EXPECT_GE(asked["PUT /configData"].size(), 8U) << "it stays due";
  EXPECT_GE(asked["GET "].size(), 100U) << "orders are looked for as ever";
  server.instead = {};
  EXPECT_TRUE(world.run_until([&] { return server.attributes["dray.version.os"] == "2"; }, 20min));
}

INSTANTIATE_TEST_SUITE_P(Statuses, AgentPowerOn, ::testing::Values(400, 404, 409, 401, 429, 500, 503, kNoAnswer));

TEST_F(AgentLoops, AServerThatIsBackHearsOfThePowerOnAtOnce) {
  start([](const HttpRequest&, const std::string&) { return HttpResponse{503}; });
  run_for(1h);
  server.instead = {};
  server.trail.clear();
  EXPECT_TRUE(world.run_until([&] { return server.attributes["dray.version.os"] == "1"; }, 6min)) << "its first sign of life";
  EXPECT_EQ(server.trail.size(), 1U) << "before any poll";
}

TEST_F(AgentLoops, AttributesThatDoNotFitAreOneLine) {
  start({});
  device.power_off();  // for a second
  for (int i = 0; i < 800; ++i) settings.attributes["viel-" + std::to_string(i)] = "x";
  run_for(10min);
  EXPECT_EQ(logged("attributes_left_out"), 1U);
}

TEST_F(AgentLoops, AnOrderThatCanNotBeTakenIsRefusedWithABrakeAndSaidOnce) {
  start([](const HttpRequest&, const std::string& path) -> std::optional<HttpResponse> {
    if (path.empty()) return json_of(poll_of("deploymentBase", "deploymentBase/9"), "\"9\"");
    if (path == "/deploymentBase/9") return json_of(R"({"id":"9","deployment":{"download":"forced","update":"forced","chunks":[{"part":"os"}]}})");
    if (path.ends_with("/feedback")) return HttpResponse{200};
    return {};
  });
  expect_polite();
  EXPECT_LE(logged("order_refused"), 1U);
}

TEST_F(AgentLoops, ATokenThatIsRefusedIsSaidWithTheNameThatWasTried) {
  start([](const HttpRequest&, const std::string&) { return HttpResponse{401}; });
  run_for(30min);
  EXPECT_GE(logged(" token_refused name"), 1U);
  EXPECT_LE(logged(" token_refused name"), 10U) << "an hour";
  EXPECT_NE(local(R"({"command":"status"})").find("token_refused: status 401 for the name 'dev-1'"), std::string::npos) << local(R"({"command":"status"})");
}

TEST_F(AgentLoops, AServerThatRefusesEverythingIsAskedWithGrowingPauses) {
  start([](const HttpRequest&, const std::string&) { return HttpResponse{503}; });
  expect_polite();
  EXPECT_EQ(logged("poll_failed"), 1U) << "once, not once a turn";
}

class AgentSleeps : public AgentLoops, public ::testing::WithParamInterface<const char*> {};

TEST_P(AgentSleeps, SleepsOfNothingOrOfNonsenseArePaced) {
  const std::string text = R"({"config":{"polling":{"sleep":")" + std::string{GetParam()} + R"("}},"_links":{}})";
  start([text](const HttpRequest&, const std::string& path) -> std::optional<HttpResponse> {
    if (path.empty()) return json_of(text);
    return {};
  });
  run_for(1h);
  EXPECT_LE(most_in_a_minute("GET "), 60U);
  EXPECT_GE(asked["GET "].size(), 12U);
}

INSTANTIATE_TEST_SUITE_P(Sleeps, AgentSleeps, ::testing::Values("00:00:00", "-1", "99999999:99:99", "soon", "00:00:01"));

TEST_F(AgentLoops, AnArtifactThatNeverIsWhatWasOrderedEndsTheAttempt) {
  server.order(101, {new_os});
  server.fault = [](const std::string&, std::uint64_t) { return BodyFault{BodyFault::Kind::kWrongBytes}; };
  start({});
  run_for(1h);
  EXPECT_TRUE(server.closed("failure"));
  EXPECT_LE(server.artifact_bytes, 3 * kSize);
}

TEST_F(AgentLoops, ADownloadThatIsRefusedForEverIsAskedForWithGrowingPauses) {
  server.order(101, {new_os});
  server.fault = [](const std::string&, std::uint64_t) { return BodyFault{BodyFault::Kind::kBusy}; };
  start({});
  run_for(1h);
  EXPECT_LE(most_in_a_minute("GET /softwaremodules"), 60U);
  EXPECT_LE(asked["GET /softwaremodules"].size(), 150U);
  EXPECT_EQ(logged("transfer_failed"), 1U);
}

TEST_F(AgentLoops, ABodyThatIsCutAfterAByteIsAskedForWithABrake) {
  server.order(101, {new_os});
  server.fault = [](const std::string&, std::uint64_t) { return BodyFault{BodyFault::Kind::kCut, 1}; };
  start({});
  run_for(1h);
  EXPECT_LE(most_in_a_minute("GET /softwaremodules"), 60U);
  EXPECT_LE(asked["GET /softwaremodules"].size(), 150U);
}

TEST_F(AgentLoops, ABusyFileThatFlapsIsLookedAtWithABrake) {
  server.order(101, {new_os});
  settings.busy_check = "flaps";
  start({});
  int n = 0;
  probe.on_asked = [&] { probe.next = ProbeAnswer{++n % 2 == 0, {}, "flaps"}; };
  run_for(1h);
  EXPECT_LE(probe.asked, 300);
  EXPECT_GE(probe.asked, 10);
  for (const auto& [what, times] : asked) EXPECT_LE(most_in_a_minute(what), 60U) << what;
}

TEST_F(AgentLoops, AnInstallerThatSaysLaterInNoTimeIsAskedOnceAMinute) {
  server.order(101, {new_os});
  settings.busy_file = "busy";
  start({});
  ASSERT_TRUE(replace_file(device.disk(), "busy", "retry_after=0\nin use\n"));
  run_for(1h);
  for (const auto& [what, times] : asked) EXPECT_LE(most_in_a_minute(what), 60U) << what;
  EXPECT_FALSE(server.closed("success"));
  ASSERT_TRUE(device.disk().unlink("busy"));
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 3min));
}

TEST_F(AgentLoops, AnOrdinaryUpdateIsNotSlowed) {
  server.order(101, {new_os, {"app", "8", image(40'000, 4)}});
  server.ask_first = true;
  start({});
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 1min));
  EXPECT_EQ(logged("loop_slowed"), 0U);
  EXPECT_NE(local(R"({"command":"status"})").find("\"slow\":[]"), std::string::npos);
}

}  // namespace
}  // namespace dray::agent

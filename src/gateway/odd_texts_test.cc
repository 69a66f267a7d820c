// Odd texts and times through every door of the gateway, whole: from the device, or somebody at the site,
// through reports as the server reads them, to the documents that it starts from again. One device's words
// once stopped a site.
#include "base/text.h"
#include "gateway/testing/door_world.h"
#include "wire/odd_values_testing.h"

namespace dray::gateway {
namespace {

using namespace testing_world;  // NOLINT(google-build-using-namespace): the rig is what this file is about

constexpr std::string_view kBad = "\xEF\xBF\xBD";

class OddTextsTest : public DoorWorld {
 protected:
  // As JSON can hold them: what ends a string of it is left out.
  static std::vector<std::string> texts() {
    using wire::testing::repeated;
    std::vector<std::string> out{"x" + repeated("ä", 256),
                                 "a" + repeated("é", 400),
                                 std::string(16'385, 'x'),
                                 "\\ud800 half",
                                 "\\udfff",
                                 "\\u0000"};
    for (const std::string& text : wire::testing::odd_bytes())
      if (text.find_first_of("\"\\") == std::string::npos && text.size() < 1'000) out.push_back(text);
    for (const std::size_t limit : {wire::kLongestAttribute, wire::kLongestWhy, wire::kLongestLine})
      for (const char* c : {"ä", "🛒"}) out.push_back("x" + repeated(c, limit / std::string{c}.size() + 1));
    return out;
  }
  // Starts from what is stored; another device must be heard after it.
  void lives_on(const std::string& proof) {
    restart();
    ASSERT_FALSE(gateway().failure()) << gateway().failure()->message();
    ASSERT_EQ(put("/configData", config(R"({"proof":")" + proof + "\"}"), {.device = "dev-2"}).status, 200);
    EXPECT_TRUE(until([&] {
      const auto report = server.device("dev-2");
      return report && report->attributes.contains("proof") && report->attributes.at("proof") == proof;
    })) << "the server hears nothing of another device";
  }
};

TEST_F(OddTextsTest, FeedbackOfAnyBytesAndLength) {
  settings.retry = {0s, 0s};
  begin();
  std::size_t logs = 0;
  for (const std::string& text : texts()) {
    ASSERT_TRUE(until([&] { return !(id_ = link("deploymentBase")).empty(); }));
    const std::string dray = R"(,"dray":{"why":")" + text + R"(","by":")" + text + "\"}";
    EXPECT_EQ(post(feedback_path(),
                   R"({"status":{"execution":"proceeding","result":{"finished":"none"},"details":[")" + text +
                       "\"]}" + dray + "}")
                  .status,
              200);
    EXPECT_EQ(post(feedback_path(),
                   R"({"status":{"execution":"closed","result":{"finished":"failure"},"details":[")" + text +
                       R"(",")" + text + "\"]}" + dray + "}")
                  .status,
              200)
        << text.substr(0, 100);
    ++logs;
    ASSERT_TRUE(until([&] {
      return static_cast<std::size_t>(std::count_if(
                 server.reports.begin(), server.reports.end(),
                 [](const auto& r) { return std::holds_alternative<wire::LogReport>(r.body); })) >= logs;
    })) << text.substr(0, 100);
  }
  lives_on("feedback");
}

TEST_F(OddTextsTest, ADevicesLastWordsAreTakenHoweverManyTheyAre) {
  begin();
  std::string details;
  for (int i = 0; i < 70; ++i) details += "\"line " + std::to_string(i) + "\",";
  details.pop_back();
  EXPECT_EQ(
      post(feedback_path(),
           R"({"status":{"execution":"closed","result":{"finished":"failure"},"details":[)" + details + "]}}")
          .status,
      200);
  ASSERT_TRUE(
      until([&] { return server.newest<wire::LogReport>([](const auto&) { return true; }).has_value(); }));
  const auto told = server.newest<wire::LogReport>([](const auto&) { return true; });
  EXPECT_EQ(told->lines.size(), wire::kMostDetails);
  EXPECT_EQ(told->lines.back(), "line 69");
}

TEST_F(OddTextsTest, WhatADeviceSaysOfItself) {
  begin_without_work();
  for (const std::string& text : texts()) {
    const Answer set =
        put("/configData", config(R"({")" + text + R"(":")" + text + R"(","dray.boot_id":")" + text +
                                      R"(","dray.version.os":")" + text + R"(","dray.sha256.os":")" + text +
                                      R"(","dray.busy":";)" + text.substr(0, 20) + "\"}",
                                  "\"replace\""));
    EXPECT_TRUE(set.status == 200 || set.status == 400) << set.status;
    EXPECT_TRUE(is_utf8(set.body));
    EXPECT_TRUE(set.status == 200 || error_code(set) == "hawkbit.server.error.repo.invalidTargetAttributes");
    EXPECT_EQ(put("/installedBase", R"({"name":")" + text + R"(","version":")" + text + "\"}").status, 404);
    post("/confirmationBase/deactivateAutoConfirm", "{}");
    EXPECT_EQ(post("/confirmationBase/activateAutoConfirm",
                   R"({"initiator":")" + text + R"(","remark":")" + text + "\"}")
                  .status,
              200);
    EXPECT_TRUE(is_utf8(get("/confirmationBase").body));
  }
  EXPECT_EQ(put("/configData", config(R"({"ort":"Köln","alt":"K)"
                                      "\xF6"
                                      R"(ln"})",
                                      "\"replace\""))
                .status,
            200);
  EXPECT_EQ(attributes().at("ort"), "Köln");
  EXPECT_EQ(attributes().at("alt"), "K" + std::string{kBad} + "ln");
  EXPECT_EQ(put("/configData", config(R"({"lang":")" + wire::testing::repeated("ö", 128) + "\"}")).status,
            200);
  EXPECT_EQ(put("/configData", config(R"({"lang":")" + wire::testing::repeated("ö", 129) + "\"}")).status,
            400);
  lives_on("config");
  EXPECT_EQ(attributes().at("ort"), "Köln");
}

TEST_F(OddTextsTest, NamesOfUnknownDevices) {
  settings.unknown_devices_token_sha256 = sha256_of(as_bytes("site-secret")).hex();
  begin_without_work();
  const auto named = [&](const std::string& spelled) {
    const Answer answer = get("", {.device = spelled, .token = "GatewayToken site-secret"});
    EXPECT_TRUE(is_utf8(answer.body)) << spelled;
    return answer;
  };
  EXPECT_EQ(named("kasse-%FCber").status, 200);
  EXPECT_NE(gateway().site().find_device("kasse-%FCber"), nullptr) << "typeable";
  const std::size_t known = gateway().site().devices().size();
  const Answer raw = named(
      "kasse-\xFC"
      "ber");  // as some client sends it
  EXPECT_EQ(raw.status, 200);
  EXPECT_NE(raw.body.find("/kasse-%FCber/configData"), std::string::npos) << raw.body;
  EXPECT_EQ(gateway().site().devices().size(), known) << "one device, however it is spelled";
  EXPECT_EQ(named("kasse-%C3%BCber").status, 200);
  EXPECT_NE(gateway().site().find_device("kasse-über"), nullptr) << "another one";
  const Answer literal = named("kasse-%25FCber");
  EXPECT_EQ(literal.status, 200);
  EXPECT_NE(gateway().site().find_device("kasse-%25FCber"), nullptr) << "and what only looks the same is another one";
  EXPECT_NE(literal.body.find("/kasse-%25FCber/configData"), std::string::npos) << "its addresses are its own: " << literal.body;
  HttpRequest proof{Method::kGet, "/DEFAULT/controller/v1/kasse-%25FCber"};
  proof.headers.add("Authorization", "GatewayToken site-secret");
  EXPECT_TRUE(gateway().knows(proof));
  for (const std::string spelled :
       {"a%00b", "a%0D%0Ab", "a%1B%5B2J", "%ED%A0%80", "%FF", "%E2%80%AEgnp", "a%22b"})
    EXPECT_EQ(named(spelled).status, 200) << spelled;
  EXPECT_EQ(named(wire::testing::repeated("%C3%A9", 128)).status, 200);
  const Answer longer = named(wire::testing::repeated("%C3%A9", 129));
  EXPECT_EQ(longer.status, 400);
  EXPECT_NE(longer.body.find("at most 256"), std::string::npos) << longer.body;
  EXPECT_EQ(named(wire::testing::repeated("%FF", 86)).status, 400) << "258 as it is written";
  Sent odd_host{.device = "kasse-%FCber", .token = "GatewayToken site-secret"};
  odd_host.headers.add("Host", "g\xFCw:80\"90");
  EXPECT_TRUE(is_utf8(get("", odd_host).body));
  lives_on("names");
  EXPECT_TRUE(until([&] {
    return server
        .newest<wire::RegisteredReport>([](const auto& r) { return r.device.value() == "kasse-%FCber"; })
        .has_value();
  }));
}

TEST_F(OddTextsTest, TimesOfADeviceAndOfTheSite) {
  begin(core::Ask::kConfirmation, core::EndsOn::kPowerOn);
  const std::string path = "/confirmationBase/" + id_ + "/feedback";
  for (const std::string& time : wire::testing::hostile_times()) {
    post(path, R"({"confirmation":"denied","dray":{"answer":"defer","until":")" + time + "\"}}");
    EXPECT_EQ(put("/configData", config(R"({"dray.busy":")" + time + ";till is in use\"}")).status, 200);
    const Answer local_answer =
        local(Method::kPost, "/api/v1/deferrals",
              R"({"device":"dev-2","until":")" + time + R"(","by":"ines","why":"x","accept_expiry":true})");
    EXPECT_TRUE(local_answer.status == 201 || local_answer.status == 400) << time << local_answer.body;
  }
  for (const std::string time : {"9999-12-31T23:59:59-10:00", "0000-01-01T00:00:00+10:00"}) {
    const Answer refused =
        local(Method::kPost, "/api/v1/deferrals", R"({"until":")" + time + R"(","by":"ines","why":"x"})");
    EXPECT_EQ(refused.status, 400);
    EXPECT_NE(refused.body.find("until: '" + time + "' is not an RFC 3339 time"), std::string::npos)
        << refused.body;
  }
  EXPECT_EQ(local(Method::kPost, "/api/v1/deferrals",
                  R"({"until":"9999-12-31T23:59:59Z","by":"ines","why":"x","accept_expiry":true})")
                .status,
            201);
  EXPECT_EQ(local(Method::kGet, "/api/v1/jobs").status, 200);
  lives_on("times");
}

TEST_F(OddTextsTest, TheLocalApiNamesTheFieldAndTheLimit) {
  begin();
  const auto defer = [&](const std::string& by, const std::string& why) {
    return local(Method::kPost, "/api/v1/deferrals",
                 R"({"until":")" + to_rfc3339(wall() + 1h) + R"(","by":")" + by + R"(","why":")" + why +
                     R"(","accept_expiry":true})");
  };
  const std::string most_by(128, 'x'), most_why(1'024, 'x');
  EXPECT_EQ(defer(most_by, most_why).status, 201);
  EXPECT_EQ(defer("Inés", "größer").status, 201);
  const std::vector<std::tuple<std::string, std::string, std::string>> rows{
      {most_by + "x", "", "by: is longer than 128 bytes"},
      {"", most_why + "x", "why: is longer than 1024 bytes"},
      {"a\\u001bb", "", "by: must not hold control characters"},
      {"", "\\u202egnp", "why: must not hold control characters"},
      {"\xFC", "", "not JSON"}};
  for (const auto& [by, why, said] : rows) {
    const Answer answer = defer(by, why);
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(answer.body.find(said), std::string::npos) << answer.body;
    EXPECT_TRUE(is_utf8(answer.body));
    EXPECT_EQ(
        local(Method::kPost, "/api/v1/jobs/r1-dev-1/cancel", R"({"by":")" + by + R"(","why":")" + why + "\"}")
            .status,
        400);
  }
  EXPECT_EQ(local(Method::kDelete, "/api/v1/deferrals/%FF%00").status, 404);
  EXPECT_EQ(local(Method::kPost, "/api/v1/jobs/%FF/cancel", "{}").status, 404);
  EXPECT_TRUE(until([&] {
    return server
        .newest<wire::DeferralReport>(
            [&](const auto& r) { return r.deferral.by == most_by && r.deferral.why == most_why; })
        .has_value();
  }));
  lives_on("local");
}

TEST_F(OddTextsTest, AStatusCheckThatPrintsLatin1) {
  plan_for(2);
  server.plan.device_types[0].probe = "printer";
  artifact_ = server.add_artifact("0123456789", "os", "2.0", 31);
  add_jobs({{artifact_.sha256}});
  probe.says.emplace("dev-1", ProbeAnswer{true, 3'600s,
                                          "druckt \xFC"
                                          "ber Nacht\n\x1b[1mund mehr"});
  probe.says.emplace("dev-2", Error{ErrorCode::kUnavailable, std::string(100'000, '\xFC')});
  start();
  EXPECT_TRUE(until([&] {
    const auto one = server.job("r1-dev-1"), two = server.job("r1-dev-2");
    return one &&
           one->sentence.find("druckt " + std::string{kBad} + "ber Nacht; ␛[1mund mehr") !=
               std::string::npos &&
           two && two->reason == "status_unknown";
  }));
  lives_on("checks");
}

}  // namespace
}  // namespace dray::gateway

// Which gateway this is: its name, what it does while another one answers for the site, and two agents under one name.
#include "gateway/identity.h"

#include "gateway/testing/gateway_test_rig.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::GatewayTest;

class IdentityTest : public GatewayTest {
 protected:
  bool plan_taken() {
    return until([&] { return gateway().site().time().contact() && gateway().site().plan().plan().revision == server.plan.revision; });
  }
  bool plan_taken_now() { return gateway().site().plan().plan().revision == server.plan.revision; }
  std::size_t others_asked() const {
    return static_cast<std::size_t>(std::count(server.requests.begin(), server.requests.end(), "POST /gateway/v1/reports"));
  }
  bool refused() { return !local(Method::kGet, "/api/v1/status").json().at("reason").is_null(); }
  std::size_t others() const {  // what else than plans is asked for
    return static_cast<std::size_t>(std::count_if(server.requests.begin(), server.requests.end(),
                                                  [](const auto& r) { return !r.starts_with("GET /gateway/v1/plan"); }));
  }
  std::string sentence() { return std::string{local(Method::kGet, "/api/v1/status").json().at("sentence").as_string()}; }
  std::string slow() { return boost::json::serialize(local(Method::kGet, "/api/v1/status").json().at("slow")); }
  bool set_aside(const std::string& document) {
    const auto status = local(Method::kGet, "/api/v1/status").json();
    for (const auto& one : status.at("unreadable").as_array())
      if (one.at("document").as_string() == document) return true;
    return false;
  }
  std::string reason(const std::string& job) {
    const boost::json::value all = local(Method::kGet, "/api/v1/jobs").json();
    for (const auto& one : all.at("jobs").as_array())
      if (one.at("id").as_string() == job) return std::string{one.at("reason").as_string()};
    return "";
  }
  std::string device_reason(const std::string& name = "dev-1") {
    const boost::json::value all = local(Method::kGet, "/api/v1/devices").json();
    for (const auto& one : all.at("devices").as_array())
      if (one.at("name").as_string() == name && !one.at("reason").is_null()) return std::string{one.at("reason").as_string()};
    return "";
  }
};

TEST_F(IdentityTest, EveryRequestCarriesANameThatStaysWithTheFolder) {
  one_artifact(1);
  start();
  ASSERT_TRUE(plan_taken());
  const std::string name = server.instance;
  EXPECT_EQ(name.size(), 36U);
  EXPECT_EQ(local(Method::kGet, "/api/v1/status").json().at("instance").as_string(), name);
  EXPECT_TRUE(until([&] { return asked_for("artifacts/") == 1 && gateway().site().outbox().empty(); }));
  EXPECT_EQ(server.instance, name);
  server.instance.clear();
  restart();
  EXPECT_TRUE(until([&] { return !server.instance.empty(); }));
  EXPECT_EQ(server.instance, name);
}

TEST_F(IdentityTest, FoundElsewhereItIsAnotherOneAndTakesANewEpoch) {
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && gateway().site().outbox().empty(); }));
  const std::string name = server.instance;
  stop();
  place.machine = "m2";
  server.reports.clear();
  server.instance.clear();
  start();
  EXPECT_TRUE(until([&] { return !server.reports.empty() && server.reports.back().epoch == 2; }));
  EXPECT_NE(server.instance, name);
  EXPECT_EQ(server.instance.size(), 36U);
  const std::string second = server.instance;
  EXPECT_TRUE(until([&] { return gateway().site().outbox().empty(); }));
  restart();
  server.publish();
  ASSERT_TRUE(plan_taken());
  EXPECT_EQ(server.instance, second);
  EXPECT_EQ(gateway().site().outbox().last().epoch, 2) << "once";
}

TEST_F(IdentityTest, WhileAnotherOneAnswersItOnlyAsksAgainWithABrake) {
  one_artifact(2);
  server.refuses = true;
  start();
  ASSERT_TRUE(until([&] { return refused(); }));
  EXPECT_EQ(server.requests, std::vector<std::string>{"GET /gateway/v1/plan"});
  for (int i = 0; i < 100; ++i) {
    clock.leap += 1min;
    until([] { return false; }, 2ms);
  }
  EXPECT_LE(server.requests.size(), 101U);
  EXPECT_TRUE(until([&] { clock.leap += 5min; return server.requests.size() >= 5; })) << "but it goes on asking";
  EXPECT_EQ(others(), 0U);
  server.refuses = false;
  EXPECT_TRUE(until([&] { clock.leap += 5min; return server.job("r1-dev-1").has_value(); }));
  EXPECT_FALSE(refused());
  EXPECT_FALSE(wait_link("deploymentBase").empty());
}

TEST_F(IdentityTest, ARefusedOneShowsNothingNewAndRemembersThatOverARestart) {
  one_artifact(2, 1 << 20, core::Ask::kConfirmation, core::EndsOn::kPowerOn);
  start();
  const std::string id = receive_with_confirmation();  // dev-1 is in the middle of it
  EXPECT_FALSE(wait_link("confirmationBase", "dev-2").empty());
  EXPECT_TRUE(until([&] { return gateway().site().outbox().empty(); }));
  server.refuses = true;
  server.publish();
  ASSERT_TRUE(until([&] { return refused(); }));
  server.requests.clear();
  EXPECT_EQ(link("confirmationBase", "dev-2"), "");
  EXPECT_EQ(reason("r1-dev-2"), "two_gateways");
  const auto confirmed = post("/confirmationBase/" + id + "/feedback", R"({"confirmation":"confirmed"})", {.device = "dev-2"});
  EXPECT_NE(confirmed.status, 200) << "another device's action";
  restart();
  EXPECT_TRUE(refused()) << "before the server has been asked";
  EXPECT_EQ(link("confirmationBase", "dev-2"), "");
  // What has begun may end, and is told when it is let in.
  EXPECT_EQ(post("/deploymentBase/" + id + "/feedback", feedback("closed", "success")).status, 200);
  power_on("2.0", "boot-2");
  EXPECT_EQ(reason("r1-dev-1"), "succeeded");
  EXPECT_EQ(others(), 0U);
  server.refuses = false;
  EXPECT_TRUE(until([&] { clock.leap += 5min; return state_of("r1-dev-1") == "succeeded"; }));
  EXPECT_FALSE(wait_link("confirmationBase", "dev-2").empty());
}

TEST_F(IdentityTest, AFetchEndsWhereAnotherOneAnswers) {
  one_artifact(1);
  server.cut_after = 100'000;
  server.on_cut = [&] { server.refuses = true; };
  start();
  ASSERT_TRUE(until([&] { return refused(); }));
  const auto asked = asked_for("artifacts/");
  for (int i = 0; i < 20; ++i) {
    clock.leap += 1min;
    until([] { return false; }, 2ms);
  }
  EXPECT_LE(asked_for("artifacts/"), asked);
}

TEST_F(IdentityTest, AnUnreadableNameIsANewInstance) {
  one_artifact(1);
  start();
  ASSERT_TRUE(plan_taken());
  EXPECT_TRUE(until([&] { return gateway().site().outbox().empty(); }));
  const std::string name = server.instance;
  stop();
  {
    auto store = *adapters::GatewayStore::open({.path = folder() + "/gateway.db"});
    ASSERT_TRUE(store->commit({{Write::put(kind::kMeta, "instance", "{\"format\": 2, \"name\": 7}")}}));
  }
  server.instance.clear();
  start();
  EXPECT_TRUE(until([&] { return !server.instance.empty(); }));
  const std::string second = server.instance;
  EXPECT_NE(second, name);
  EXPECT_TRUE(set_aside("meta/instance"));
  EXPECT_TRUE(until([&] { return !server.reports.empty() && server.reports.back().epoch == 2; })) << "whose numbers it had is not known";
  restart();
  EXPECT_FALSE(set_aside("meta/instance"));
  EXPECT_EQ(local(Method::kGet, "/api/v1/status").json().at("instance").as_string(), second);
}

TEST_F(IdentityTest, OnlyTheServersOwnWordIsARefusal) {
  one_artifact(2);
  start();
  ASSERT_TRUE(plan_taken());
  const std::string own = server.refusal_body;
  const std::vector<std::pair<std::string, std::string>> others{{"text/html", "<html>two_gateways</html>"},
                                                                {"application/json", own},
                                                                {"application/problem+json", R"({"status":409,"reason":"conflict"})"},
                                                                {"application/problem+json", "two_gateways"},
                                                                {"application/problem+json", "{\"a\":\"" + std::string(20'000, 'x') + "\"," + own.substr(1)}};
  for (const auto& [type, body] : others) {
    server.refusal_type = type;
    server.refusal_body = body;
    server.refuses = true;
    server.requests.clear();
    server.publish();
    power_on("1.0", "boot-" + std::to_string(body.size()));
    ASSERT_TRUE(until([&] { clock.leap += 100ms; return asked_for("plan") > 2 && others_asked() > 0; })) << body.substr(0, 80);
    EXPECT_FALSE(refused()) << type << " " << body.substr(0, 80);
    server.refuses = false;
    ASSERT_TRUE(until([&] { clock.leap += 1s; return plan_taken_now() && gateway().site().outbox().empty(); }));
  }
  server.refusal_type = "Application/Problem+JSON; charset=utf-8";
  server.refusal_body = own;
  server.refuses = true;
  server.publish();
  EXPECT_TRUE(until([&] { clock.leap += 1s; return refused(); }));
}

TEST_F(IdentityTest, WithoutAPlanItSaysWhatToTypeAndADeadLineIsSaidAsUsual) {
  server.refuses = true;
  start();
  ASSERT_TRUE(until([&] { return refused(); }));
  EXPECT_TRUE(sentence().ends_with("drayctl gateway replace SITE")) << sentence();
  EXPECT_EQ(slow(), "[]") << "it was answered";
  server.away = true;
  EXPECT_TRUE(until([&] { clock.leap += 1min; return slow().find("Asking the server for the plan") != std::string::npos; }));
  server.away = false;
  EXPECT_TRUE(until([&] { clock.leap += 1min; return slow() == "[]"; }));
}

// --- two agents ---

TEST_F(IdentityTest, TwoAgentsUnderOneNameAreSaidAndNothingNewIsShown) {
  one_artifact(2);
  start();
  EXPECT_FALSE(wait_link("deploymentBase").empty());
  for (const char* boot : {"a", "b", "c", "d"}) power_on("1.0", boot);
  EXPECT_EQ(device_reason(), "") << "new ids alone are a crash loop";
  EXPECT_FALSE(link("deploymentBase").empty());
  power_on("1.0", "c");
  EXPECT_EQ(device_reason(), "two_agents");
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_FALSE(wait_link("deploymentBase", "dev-2").empty()) << "one subject never stops another";
  EXPECT_TRUE(until([&] { return server.device("dev-1") && server.device("dev-1")->status == "two_agents"; }));
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && server.job("r1-dev-1")->reason == "two_agents"; }));
  restart();
  EXPECT_EQ(device_reason(), "two_agents");
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_EQ(link("configData"), "configData") << "it is asked who it is";
}

TEST_F(IdentityTest, TheDoubtEndsByAnswersOfOneAloneOrBySomebodysWord) {
  one_artifact(1);
  start();
  EXPECT_FALSE(wait_link("deploymentBase").empty());
  for (const char* boot : {"a", "b", "a"}) power_on("1.0", boot);
  int answers = 0;
  for (int i = 0; i < 12 && device_reason() == "two_agents"; ++i, ++answers) {
    EXPECT_TRUE(until([&] { clock.leap += 500ms; return link("configData") == "configData"; })) << "it is asked again";
    clock.leap += 15min;
    power_on("1.0", "a");
  }
  EXPECT_EQ(device_reason(), "");
  EXPECT_GE(answers, core::kAnswersAlone - 1);
  EXPECT_FALSE(wait_link("deploymentBase").empty());
  for (const char* boot : {"b", "a"}) power_on("1.0", boot);
  EXPECT_EQ(device_reason(), "two_agents") << "again";
  EXPECT_EQ(local(Method::kPost, "/api/v1/devices/dev-1/alone", R"({"by":"ines","wny":"x"})").status, 400);
  EXPECT_EQ(local(Method::kPost, "/api/v1/devices/dev-9/alone", "{}").status, 404);
  const auto refused = [&](const std::string& body) { return local(Method::kPost, "/api/v1/devices/dev-1/alone", body); };
  EXPECT_NE(refused(R"({"by":")" + std::string(129, 'x') + "\"}").body.find("by: is longer than 128 bytes"), std::string::npos);
  EXPECT_NE(refused(R"({"why":")" + std::string(1'025, 'x') + "\"}").body.find("why: is longer than 1024 bytes"), std::string::npos);
  EXPECT_NE(refused(R"({"by":"a\u0007b"})").body.find("by: must not hold control characters"), std::string::npos);
  EXPECT_EQ(refused(R"({"why":")" + std::string(70'000, 'x') + "\"}").status, 413);
  EXPECT_EQ(device_reason(), "two_agents") << "what was refused has changed nothing";
  EXPECT_EQ(local(Method::kPost, "/api/v1/devices/dev-1/alone", R"({"by":"ines","why":"the other one is off"})").status, 200);
  EXPECT_EQ(device_reason(), "");
  EXPECT_FALSE(wait_link("deploymentBase").empty());
}

}  // namespace
}  // namespace dray::gateway

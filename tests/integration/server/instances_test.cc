// Which gateway answers for a site: docs/gateway-api.md, "Instance", against the real server; then two real gateways
// with one token and one's data folder copied to the other.
#include <filesystem>

#include "base/time.h"
#include "program.h"
#include "support/gateway_process.h"
#include "support/gateway_site.h"

namespace dray::testing_support {
namespace {

namespace fs = std::filesystem;
using boost::json::array;
using boost::json::object;
using boost::json::value;

class InstanceDoor : public ServerProgram {
 protected:
  void SetUp() override {
    ServerProgram::SetUp();
    gateway_token = add_site();
  }
  Answer plan(const std::string& instance, std::map<std::string, std::string> headers = {}) {
    if (!instance.empty()) headers["Dray-Instance"] = instance;
    return gateway({.path = "/gateway/v1/plan", .headers = std::move(headers)}, gateway_token);
  }
  value site() { return get("sites/berlin").json(); }
  std::string reason() {
    const value now = site();
    return now.at("reason").is_null() ? "" : std::string{now.at("reason").as_string()};
  }
  std::string role(const std::string& instance) {
    const value now = site();
    for (const auto& one : now.at("gateways").as_array())
      if (one.at("instance").as_string() == instance) return std::string{one.at("role").as_string()};
    return "";
  }
  static std::size_t count(const Process& process, const std::string& text) {
    std::size_t n = 0;
    for (const std::string& line : process.lines()) n += line.find(text) != std::string::npos;
    return n;
  }

  std::string gateway_token;
};

TEST_F(InstanceDoor, TheOneThatHoldsIsAnsweredAndAnotherIsRefusedWhateverItAsks) {
  EXPECT_EQ(plan("one").status, 200);
  EXPECT_NE(reason(), "two_gateways");
  const auto refused = plan("two");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(refused.json().at("reason").as_string(), "two_gateways");
  EXPECT_NE(refused.detail().find("drayctl gateway replace berlin"), std::string::npos);
  for (const char* path : {"/gateway/v1/probe?bytes=1", "/gateway/v1/artifacts/00", "/gateway/v1/nonsense"})
    EXPECT_EQ(gateway({.path = path, .headers = {{"Dray-Instance", "two"}}}, gateway_token).status, 409) << path;
  const auto told = gateway({.method = "POST", .path = "/gateway/v1/reports", .body = "[]", .headers = {{"Dray-Instance", "two"}}}, gateway_token);
  EXPECT_EQ(told.status, 409);
  EXPECT_EQ(reason(), "two_gateways") << "as soon as it was refused";
  EXPECT_FALSE(site().at("until").is_null());
  EXPECT_EQ(role("one"), "holds");
  EXPECT_EQ(role("two"), "waits");
  EXPECT_EQ(plan("one").status, 200);
  EXPECT_TRUE(server->wait_for(" two_gateways "));
  EXPECT_EQ(count(*server, " two_gateways "), 1u) << "said once";
}

TEST_F(InstanceDoor, WhenEachWasHeardIsFreshWhereItIsLookedAt) {
  EXPECT_EQ(plan("one").status, 200);
  EXPECT_EQ(plan("two").status, 409);
  for (int i = 0; i < 3; ++i) {
    const auto before = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    EXPECT_EQ(plan("one").status, 200);
    EXPECT_EQ(plan("two").status, 409);
    const value now = site();
    ASSERT_EQ(now.at("gateways").as_array().size(), 2u);
    for (const auto& one : now.at("gateways").as_array()) {
      EXPECT_GE(parse_rfc3339(std::string{one.at("heard_at").as_string()})->time_since_epoch(), before.time_since_epoch()) << one;
      EXPECT_EQ(one.at("state").as_string(), one.at("instance").as_string() == "one" ? "in_use" : "refused");
      EXPECT_LT(one.at("age").to_number<int>(), 60);
    }
  }
}

TEST_F(InstanceDoor, WhoHoldsSurvivesAKill) {
  EXPECT_EQ(plan("one").status, 200);
  kill();
  start();
  EXPECT_EQ(plan("two").status, 409) << "what it could not hear is nobody's silence";
  EXPECT_EQ(plan("one").status, 200);
}

TEST_F(InstanceDoor, AnOperatorLetsTheOtherIn) {
  EXPECT_EQ(plan("one").status, 200);
  const std::string tag = plan("one").headers.at("etag");
  const auto early = drayctl({"gateway", "replace", "berlin"});
  EXPECT_NE(early.first, 0) << "nobody else asks";
  EXPECT_EQ(plan("two").status, 409);
  const auto [status, words] = drayctl({"gateway", "replace", "berlin", "--by", "ines", "--why", "new hardware"});
  EXPECT_EQ(status, 0) << words;
  EXPECT_EQ(plan("two").status, 200);
  EXPECT_NE(reason(), "two_gateways") << "the old one is silent";
  EXPECT_EQ(plan("one", {{"If-None-Match", tag}, {"Prefer", "wait=50"}}).status, 409);
  EXPECT_EQ(reason(), "two_gateways") << "one that was replaced speaks again";
  EXPECT_EQ(role("one"), "replaced");
  const auto listed = drayctl({"gateway", "list", "berlin"});
  EXPECT_NE(listed.second.find("replaced"), std::string::npos) << listed.second;
  EXPECT_NE(listed.second.find("in_use"), std::string::npos) << listed.second;
  EXPECT_NE(listed.second.find("refused"), std::string::npos) << listed.second;
  EXPECT_NE(listed.second.find(" s ago"), std::string::npos) << listed.second;
  const auto why = drayctl({"site", "why", "berlin"});
  EXPECT_NE(why.second.find("two_gateways"), std::string::npos) << why.second;
  EXPECT_EQ(post("sites/berlin/gateway/replace", object{{"instance", "three"}}).status, 404);
  EXPECT_EQ(post("sites/berlin/gateway/replace", object{{"instanse", "one"}}).status, 400);
  EXPECT_EQ(post("sites/lyon/gateway/replace", object{}).status, 404);
}

TEST_F(InstanceDoor, APlanThatIsHeldForOneThatIsReplacedEnds) {
  const std::string tag = plan("one").headers.at("etag");
  EXPECT_EQ(plan("two").status, 409);
  Connection held{gateway_port};
  held.send({.path = "/gateway/v1/plan", .token = gateway_token, .headers = {{"Dray-Instance", "one"}, {"If-None-Match", tag}, {"Prefer", "wait=50"}}});
  EXPECT_EQ(post("sites/berlin/gateway/replace", object{}).status, 200);
  EXPECT_EQ(held.receive().status, 409);
}

TEST_F(InstanceDoor, ARequestWithoutANameIsOneInstanceAndGivesWayToTheFirstWithOne) {
  EXPECT_EQ(plan("").status, 200);
  EXPECT_EQ(plan("").status, 200);
  EXPECT_EQ(plan("one").status, 200);
  EXPECT_EQ(plan("").status, 409);
  EXPECT_EQ(role("unnamed"), "replaced");
  EXPECT_EQ(plan("two").status, 409);
  EXPECT_EQ(plan("a b").status, 400);
  EXPECT_EQ(plan(std::string(65, 'a')).status, 400);
}

TEST_F(InstanceDoor, TwoGatewaysWithOneTokenAndCopiedDataDoNotFightForTheSite) {
  add_type();
  add_device("till-1");
  const std::string url = "http://127.0.0.1:" + std::to_string(gateway_port);
  GatewayProcess first{folder / "one", url, gateway_token};
  ASSERT_TRUE(first.process().wait_for("plan_received"));
  first.kill();
  fs::create_directories(folder / "two");
  fs::copy(folder / "one/data", folder / "two/data", fs::copy_options::recursive);
  first.start();
  ASSERT_TRUE(first.process().wait_for("plan_received"));
  GatewayProcess second{folder / "two", url, gateway_token};
  ASSERT_TRUE(second.process().wait_for("copied_data"));
  ASSERT_TRUE(second.process().wait_for(" two_gateways "));
  const auto said = [&](GatewayProcess& one) { return boost::json::parse(http_get(one.local_url() + "/api/v1/status")); };
  EXPECT_EQ(said(second).at("reason").as_string(), "two_gateways");
  EXPECT_TRUE(said(first).at("reason").is_null());
  EXPECT_EQ(reason(), "two_gateways");
  // It asks again, more seldom than once a second, and nothing comes of it.
  const auto asked = [&](const char* role) {
    const value now = site();
    for (const auto& one : now.at("gateways").as_array())
      if (one.at("role").as_string() == role) return std::string{one.at("heard_at").as_string()};
    return std::string{};
  };
  EXPECT_FALSE(asked("waits").empty());
  EXPECT_LE(site().at("reports_seen").at("epoch").to_number<int>(), 1) << "no war of epochs";
  EXPECT_TRUE(server->wait_for(" two_gateways "));
  EXPECT_EQ(count(*server, " two_gateways "), 1u);
  EXPECT_EQ(count(second.process(), " two_gateways "), 1u);

  ASSERT_EQ(post("sites/berlin/gateway/replace", object{{"by", "ines"}}).status, 200);
  EXPECT_TRUE(first.process().wait_for(" two_gateways "));
  EXPECT_TRUE(second.process().wait_for("holds_again", std::chrono::seconds{120}));
  EXPECT_TRUE(second.process().wait_for("epoch_began"));
  EXPECT_TRUE(eventually([&] { return site().at("reports_seen").at("epoch").to_number<int>() >= 2; }));
  EXPECT_LE(site().at("reports_seen").at("epoch").to_number<int>(), 2) << "the copy's own, once";
  EXPECT_EQ(said(first).at("reason").as_string(), "two_gateways");
}

}  // namespace
}  // namespace dray::testing_support

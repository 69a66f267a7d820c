// A device that says another type than its entry, as an operator sees it and ends it.
#include "program.h"

namespace dray::testing_support {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

class OtherTypes : public ServerProgram {
 protected:
  void SetUp() override {
    ServerProgram::SetUp();
    gateway_token_ = add_site();
    add_type("till-t3");
    add_type("scale-s2");
    add_device("till-1", "berlin", "till-t3");
    says("scale-s2");
  }
  void says(const std::string& type) {
    const object told{{"epoch", 1}, {"seq", ++seq_}, {"at", in_seconds(0)}, {"kind", "device"}, {"device", "till-1"},
                      {"seen_at", in_seconds(0)}, {"boot_id", "b1"}, {"running", object{}}, {"attributes", {{"dray.type", type}}}};
    EXPECT_EQ(report(gateway_token_, array{told}).status, 200);
  }
  value device() { return get("devices/till-1").json(); }
  Answer patch(const std::string& path, const std::string& body) { return admin({.method = "PATCH", .path = "/api/v1/" + path, .body = body}); }

  std::string gateway_token_;
  int seq_ = 0;
};

TEST_F(OtherTypes, AnOperatorSeesItAndMovesTheDevice) {
  EXPECT_EQ(device().at("reason").as_string(), "type_differs");
  const auto says_type = [&] { return gateway({.path = "/gateway/v1/plan"}, gateway_token_).json().at("devices").at(0); };
  EXPECT_EQ(says_type().at("says_type").as_string(), "scale-s2") << "another gateway in its place knows it by that";
  says("till-t3");
  EXPECT_FALSE(says_type().as_object().contains("says_type"));
  says("scale-s2");
  const auto shown = drayctl({"device", "show", "till-1"});
  EXPECT_NE(shown.second.find("says that it is of type 'scale-s2', and is entered as 'till-t3'"), std::string::npos) << shown.second;
  const auto why = drayctl({"device", "why", "till-1"});
  EXPECT_NE(why.second.find("type_differs"), std::string::npos) << why.second;
  EXPECT_NE(why.second.find("drayctl device set NAME --type TYPE"), std::string::npos) << why.second;
  EXPECT_EQ(drayctl({"device", "set", "till-1"}).first, 2) << "without a type";
  const auto ghost = drayctl({"device", "set", "till-1", "--type", "ghost"});
  EXPECT_EQ(ghost.first, 1);
  EXPECT_NE(ghost.second.find("type: no such device type: 'ghost'"), std::string::npos) << ghost.second;
  EXPECT_EQ(drayctl({"device", "set", "till-9", "--type", "scale-s2"}).first, 1);
  const auto moved = drayctl({"device", "set", "till-1", "--type", "scale-s2"});
  EXPECT_EQ(moved.first, 0) << moved.second;
  EXPECT_EQ(device().at("type").as_string(), "scale-s2");
  EXPECT_TRUE(device().at("reason").is_null());
  kill();
  start();
  EXPECT_EQ(device().at("type").as_string(), "scale-s2") << "it is on the disk";
}

TEST_F(OtherTypes, AnOperatorAcceptsTheOtherName) {
  const auto taken = drayctl({"type", "set", "till-t3", "--also-called", "scale-s2"});
  EXPECT_EQ(taken.first, 1);
  EXPECT_NE(taken.second.find("also_called: 'scale-s2' is a device type itself"), std::string::npos) << taken.second;
  says("till-t3b");
  EXPECT_EQ(device().at("reason").as_string(), "type_differs");
  const auto set = drayctl({"type", "set", "till-t3", "--also-called", "till-t3b", "--also-called", "Kasse 3"});
  EXPECT_EQ(set.first, 0) << set.second;
  EXPECT_TRUE(device().at("reason").is_null());
  const value plan = gateway({.path = "/gateway/v1/plan"}, gateway_token_).json();
  const value names{"till-t3b", "Kasse 3"};
  EXPECT_EQ(plan.at("device_types").at(0).at("also_called"), names);
  kill();
  start();
  EXPECT_EQ(get("device-types/till-t3").json().at("also_called"), names);
  EXPECT_EQ(drayctl({"type", "set", "till-t3", "--also-called", "none"}).first, 0);
  EXPECT_EQ(device().at("reason").as_string(), "type_differs");
  EXPECT_EQ(drayctl({"type", "set", "till-t3"}).first, 2);
}

// An address of a gateway that nothing is asked of would be taken for granted.
TEST_F(OtherTypes, AGatewayIsRefusedByCommandsOfTheServerAndATypeIsOfOurAgent) {
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"rollout", "list"}, {"device", "why", "till-1"}, {"deferral", "list"}})
    for (const bool joined : {false, true}) {
      std::vector<std::string> words = joined ? std::vector<std::string>{"--gateway=http://127.0.0.1:1"} : std::vector<std::string>{"--gateway", "http://127.0.0.1:1"};
      words.insert(words.end(), command.begin(), command.end());
      const auto refused = drayctl(words);
      EXPECT_EQ(refused.first, 2);
      EXPECT_NE(refused.second.find("--gateway is for jobs, deferrals"), std::string::npos) << refused.second;
    }
  EXPECT_EQ(drayctl({"type", "create", "panel", "--component", "os"}).first, 0);
  const value panel = get("device-types/panel").json();
  EXPECT_EQ(panel.at("client").as_string(), "dray");
  EXPECT_EQ(panel.at("ask").as_string(), "confirmation");
}

TEST_F(OtherTypes, ListsShowTheDeferralsThatStand) {
  EXPECT_EQ(drayctl({"device", "defer", "till-1", "--for", "2h", "--by", "ines", "--accept-expiry"}).first, 0);
  EXPECT_EQ(drayctl({"device", "defer", "till-1", "--for", "3h", "--by", "kim", "--accept-expiry"}).first, 0);
  EXPECT_EQ(drayctl({"deferral", "withdraw", "d1"}).first, 0);
  const std::string stands = drayctl({"deferral", "list"}).second, all = drayctl({"deferral", "list", "--all"}).second;
  EXPECT_EQ(stands.find("ines"), std::string::npos) << stands;
  EXPECT_NE(stands.find("kim"), std::string::npos) << stands;
  EXPECT_NE(all.find("ines"), std::string::npos) << all;
  EXPECT_NE(all.find("STANDS"), std::string::npos) << all;
}

TEST_F(OtherTypes, WhatIsWrongIsNamedAndChangesNothing) {
  const std::string long_name(129, 'x');
  for (const auto& [body, why] : std::vector<std::pair<std::string, std::string>>{
           {R"({"also_called": "x"})", "also_called"}, {R"({"also_called": [")" + long_name + R"("]})", "also_called[0]: is longer than 128 characters"},
           {R"({"ask": "poll"})", "ask"}, {"{}", "also_called: is missing"}, {"[]", ""}, {"", ""}}) {
    const auto refused = patch("device-types/till-t3", body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_NE(refused.detail().find(why), std::string::npos) << refused.detail();
  }
  for (const auto& [body, why] : std::vector<std::pair<std::string, std::string>>{
           {R"({"type": "a b"})", "type: "}, {R"({"type": null})", "type"}, {R"({"type": "till-t3", "site": "lyon"})", "site"}, {"{}", "type: is missing"}}) {
    const auto refused = patch("devices/till-1", body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_NE(refused.detail().find(why), std::string::npos) << refused.detail();
  }
  EXPECT_EQ(patch("device-types/ghost", R"({"also_called": []})").status, 404);
  EXPECT_EQ(patch("devices/ghost", R"({"type": "till-t3"})").status, 404);
  EXPECT_EQ(device().at("type").as_string(), "till-t3");
  EXPECT_EQ(device().at("reason").as_string(), "type_differs");
}

}  // namespace
}  // namespace dray::testing_support

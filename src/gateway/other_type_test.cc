// A device that says it is of another type than its entry: nothing is sent to it, and it is said why.
#include <gtest/gtest.h>

#include "gateway/testing/door_world.h"
#include "gateway/testing/stored.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::DoorWorld;
using testing_world::kFile;

class OtherTypeTest : public DoorWorld {
 protected:
  // Of the device, in the local API.
  std::string shown(const char* member, const std::string& name = "dev-1") {
    const boost::json::value all = local(Method::kGet, "/api/v1/devices").json();
    for (const auto& one : all.at("devices").as_array())
      if (one.at("name").as_string() == name && !one.at(member).is_null()) return std::string{one.at(member).as_string()};
    return "";
  }
  int says(const std::string& type) { return put("/configData", config(R"({"dray.boot_id":"b1","dray.type":")" + type + R"("})", R"("merge")")).status; }
  std::string job_reason() {
    const auto job = server.job("r1-dev-1");
    return job ? job->reason : "";
  }
};

TEST_F(OtherTypeTest, NothingIsSentToItAndBothNamesAreSaid) {
  begin();
  EXPECT_EQ(get(kFile, {.take = 10}).status, 200);
  EXPECT_EQ(says("scale-s2"), 200);
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_EQ(get(kFile).status, 404);
  EXPECT_EQ(shown("reason"), "type_differs");
  EXPECT_NE(shown("sentence").find("'scale-s2'"), std::string::npos) << shown("sentence");
  EXPECT_NE(shown("sentence").find("'" + server.plan.device_types[0].name + "'"), std::string::npos) << shown("sentence");
  EXPECT_TRUE(until([&] { return job_reason() == "type_differs"; }));
  EXPECT_TRUE(until([&] { return server.device("dev-1") && server.device("dev-1")->attributes.contains("dray.type"); })) << "the server hears it";
  EXPECT_EQ(shown("reason", "dev-2"), "");
  restart();
  EXPECT_TRUE(until([&] { return get("").status == 200; }));
  EXPECT_EQ(link("deploymentBase"), "") << "it is kept";
  EXPECT_EQ(shown("reason"), "type_differs");
}

TEST_F(OtherTypeTest, AnotherNameOfItsTypeOrAMoveEndsIt) {
  begin();
  EXPECT_EQ(says("scale-s2"), 200);
  EXPECT_EQ(link("deploymentBase"), "");
  server.plan.device_types[0].also_called = {"scale-s2"};
  server.publish();
  EXPECT_EQ(wait_link("deploymentBase"), id_) << "the same action";
  EXPECT_EQ(shown("reason"), "");
  server.plan.device_types[0].also_called.clear();
  core::DeviceType scale = server.plan.device_types[0];
  scale.name = "scale-s2";
  server.plan.device_types.push_back(scale);
  server.publish();
  ASSERT_TRUE(until([&] { return shown("reason") == "type_differs"; }));
  EXPECT_EQ(link("deploymentBase"), "");
  server.plan.devices[0].type = "scale-s2";
  server.publish();
  EXPECT_FALSE(wait_link("deploymentBase").empty());
  EXPECT_EQ(shown("reason"), "");
}

TEST_F(OtherTypeTest, ItIsNotAskedAndWhoSaysNoTypeIsServed) {
  begin(core::Ask::kConfirmation, core::EndsOn::kPowerOn);
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b1"})", R"("replace")")).status, 200);
  EXPECT_EQ(link("confirmationBase"), id_);
  EXPECT_EQ(says("scale-s2"), 200);
  EXPECT_EQ(link("confirmationBase"), "");
  EXPECT_EQ(says(server.plan.device_types[0].name), 200);
  EXPECT_EQ(link("confirmationBase"), id_);
}

// More attributes than a device may have: what they say is not taken, but its type is.
TEST_F(OtherTypeTest, TheTypeIsHeardAmongTooManyAttributes) {
  begin();
  std::string first, second;
  for (int i = 0; i < 100; ++i) first += ",\"a" + std::to_string(i) + "\":\"1\"";
  for (int i = 0; i < 101; ++i) second += ",\"b" + std::to_string(i) + "\":\"2\"";
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b1")" + first + "}", R"("replace")")).status, 200);
  EXPECT_EQ(put("/configData", config(R"({"dray.boot_id":"b2","dray.type":"scale-s2")" + second + "}", R"("replace")")).status, 200);
  EXPECT_EQ(attributes().at("dray.type"), "scale-s2");
  EXPECT_EQ(attributes().size(), 101U) << "a hundred of its owner, and the boot id";
  EXPECT_FALSE(attributes().contains("b1"));
  EXPECT_EQ(link("deploymentBase"), "");
}

// What it said before is gone, and it is asked only after it would have fetched.
TEST_F(OtherTypeTest, AGatewayThatTookThePlaceOfAnotherKnowsItFromTheServer) {
  begin();
  EXPECT_EQ(says("scale-s2"), 200);
  ASSERT_TRUE(until([&] { return server.device("dev-1") && server.device("dev-1")->attributes.contains("dray.type"); }));
  stop();
  std::filesystem::remove(folder() + "/gateway.db");
  server.plan.devices[0].says_type = "scale-s2";
  server.publish();
  start();
  ASSERT_TRUE(until([&] { return gateway().site().outbox().last().epoch > 1; }));
  server.plan.action_ids.push_back({2'000'001, 3'000'000});
  server.publish();
  ASSERT_TRUE(until([&] { return shown("reason") == "type_differs"; }));
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_EQ(get(kFile).status, 404);
  EXPECT_EQ(put("/configData", config(R"({"serial":"7"})", R"("replace")")).status, 200);
  EXPECT_EQ(link("deploymentBase"), "") << "it has said nothing else of its type";
  EXPECT_EQ(says(server.plan.device_types[0].name), 200);
  EXPECT_FALSE(wait_link("deploymentBase").empty()) << "its newest word counts, whatever the plan still has";
}

TEST_F(OtherTypeTest, ATypeIsNotTakenBackByWhatDoesNotNameIt) {
  begin();
  EXPECT_EQ(says("scale-s2"), 200);
  EXPECT_EQ(put("/configData", config(R"({"serial":"7"})", R"("replace")")).status, 200);
  EXPECT_EQ(put("/configData", config(R"({"dray.type":"scale-s2"})", R"("remove")")).status, 200);
  EXPECT_EQ(put("/configData", config(R"({"dray.type":null})", R"("merge")")).status, 200);
  EXPECT_EQ(attributes().at("dray.type"), "scale-s2");
  EXPECT_EQ(link("deploymentBase"), "");
}

// Its document can't be read: what it said is not known, and so not whether the order is for it.
class LostDeviceTest : public OtherTypeTest {
 protected:
  LostDeviceTest() { settings.poll_sleep = 60s; }
  void lose() {
    stop();
    testing_world::Stored{folder()}.put(kind::kDevice, "dev-1", "{\"form");
    start();
    ASSERT_TRUE(until([&] { return get("").status == 200; }));
  }
};

TEST_F(LostDeviceTest, ItGetsNothingBeforeItSaysAgainWhatItIs) {
  begin();
  EXPECT_EQ(get(kFile, {.take = 10}).status, 200);
  EXPECT_EQ(post(feedback_path(), feedback("proceeding", "none")).status, 200);
  lose();
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_NE(link("configData"), "");
  EXPECT_EQ(get(kFile).status, 404) << "what has begun, neither";
  EXPECT_EQ(shown("reason"), "stored_unreadable");
  EXPECT_TRUE(until([&] { return job_reason() == "stored_unreadable"; }));
  EXPECT_EQ(put("/configData", config(R"({"dray.busy":";inventory"})")).status, 200);
  EXPECT_EQ(get(kFile).status, 404) << "that says nothing of what it is";
  restart();
  ASSERT_TRUE(until([&] { return get("").status == 200; }));
  EXPECT_EQ(get(kFile).status, 404) << "it is kept";
  EXPECT_NE(link("configData"), "") << "and asked";
  EXPECT_EQ(says(server.plan.device_types[0].name), 200);
  EXPECT_EQ(shown("reason"), "");
  EXPECT_EQ(wait_link("deploymentBase"), id_);
  EXPECT_EQ(get(kFile).status, 200);
}

TEST_F(LostDeviceTest, OneThatIsOfAnotherTypeGetsNothingAtAll) {
  begin();
  EXPECT_EQ(says("scale-s2"), 200);
  lose();
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_EQ(says("scale-s2"), 200);
  EXPECT_EQ(link("deploymentBase"), "");
  EXPECT_EQ(shown("reason"), "type_differs");
}

TEST_F(LostDeviceTest, AClientThatNeverSaysAnythingIsServedInTheEnd) {
  begin();
  lose();
  int polls = 0;
  while (link("deploymentBase").empty() && polls < 20) {
    EXPECT_EQ(link("deploymentBase"), "") << "polls that come at once are no ten";
    clock.leap += 31s;
    ++polls;
  }
  EXPECT_EQ(polls, 10);
  EXPECT_EQ(get(kFile).status, 200);
  restart();
  EXPECT_FALSE(wait_link("deploymentBase").empty()) << "for good";
}

}  // namespace
}  // namespace dray::gateway

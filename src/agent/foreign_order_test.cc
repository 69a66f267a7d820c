// Orders that are not for this device, and what it says it is.
#include <gtest/gtest.h>

#include "agent/agent_world_testing.h"

namespace dray::agent {
namespace {

using namespace std::chrono_literals;
using testing::AgentTest;
using testing::TestPart;

// What the agent says of each component that it does not have: a failed attempt, and no byte of it.
TEST_F(AgentTest, AnOrderForAComponentThatItDoesNotHaveIsAFailedAttempt) {
  for (const bool asked : {false, true}) {
    if (!asked) set_up();
    server.ask_first = asked;
    server.feedback.clear();
    server.sentences.clear();
    const std::uint64_t before = server.artifact_bytes;
    server.order(asked ? 102 : 101, {new_os, {"scale", "3", "of another device"}});
    if (!asked) device.power_on();
    ASSERT_TRUE(world.run_until([&] { return server.closed("failure"); }, 10min)) << asked;
    EXPECT_NE(server.sentences.back().find("no component 'scale', only app, os"), std::string::npos) << server.sentences.back();
    EXPECT_EQ(server.artifact_bytes, before);
  }
  server.ask_first = false;
  server.order(103, {new_os});
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 30min)) << "the next one is taken";
}

TEST_F(AgentTest, AComponentThatItsOwnerListsMayComeForTheFirstTime) {
  set_up();
  settings.components = {"os", "app", "scale"};
  server.order(101, {{"scale", "3", "the first one"}});
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 30min));
  EXPECT_EQ(server.attributes["dray.version.scale"], "3");
}

// Whoever sends it something must know what it is.
TEST_F(AgentTest, TheTypeIsToldAlsoWhereItsOwnerHasTooMuchToSay) {
  set_up();
  for (int i = 0; i < 150; ++i) settings.attributes["a" + std::to_string(i)] = "1";
  server.knows_replace = true;
  device.power_on();
  ASSERT_TRUE(world.run_until([&] { return !server.attributes.empty(); }, 1min));
  EXPECT_EQ(server.attributes["dray.type"], "till-t3");
  EXPECT_EQ(server.attributes.size(), 100U);
}

}  // namespace
}  // namespace dray::agent

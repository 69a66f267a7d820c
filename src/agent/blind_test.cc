// While nobody can say what runs on a device: it polls, it says why nothing begins, and it goes on when it can.
#include "agent/agent_world_testing.h"

namespace dray::agent {
namespace {

using namespace std::chrono_literals;
using namespace testing;  // NOLINT(google-build-using-namespace): the rig is what this file is about

class BlindAgent : public AgentTest {
 protected:
  void lead(const Path& where) {
    ASSERT_TRUE(device.disk().unlink("device/current"));
    ASSERT_TRUE(device.disk().symlink(where, "device/current"));
    ASSERT_TRUE(device.disk().sync_dir("device"));
  }
  // The installer's "installed" fails from the start on.
  void start() {
    set_up();
    const auto now = device.disk().read_link("device/current");
    ASSERT_TRUE(now);
    right = *now;
    lead("elsewhere");
    server.order(101, {new_os});
    device.power_on();
  }
  std::size_t polls() const {
    return static_cast<std::size_t>(std::count(server.trail.begin(), server.trail.end(), "GET /DEFAULT/controller/v1/dev-1"));
  }
  Path right;
};

TEST_F(BlindAgent, AnswersThatItCanNotTellWhatRunsAndGoesOnWhenItCan) {
  server.ask_first = true;
  start();
  ASSERT_TRUE(world.run_until([&] { return !server.confirmations.empty(); }, 5min));
  const auto said = wire::parse_json(server.confirmations[0]);
  ASSERT_TRUE(said);
  const std::string why{said->at("dray").at("why").as_string()};
  EXPECT_NE(why.find("can't tell what runs here"), std::string::npos) << why;
  EXPECT_NE(why.find("leads to elsewhere"), std::string::npos) << "and why: " << why;
  EXPECT_EQ(said->at("dray").at("answer").as_string(), "busy");
  const std::string status = local(R"({"command":"status"})");
  EXPECT_NE(status.find("can't tell what runs here"), std::string::npos) << status;
  EXPECT_NE(local(R"({"command":"cancel"})").find("\"ok\":false"), std::string::npos);
  const std::size_t before = polls();
  ASSERT_TRUE(world.run_for(1h));
  EXPECT_GE(polls(), before + 12);
  EXPECT_LE(polls(), before + 60 * 60);
  EXPECT_LE(server.confirmations.size(), 13U) << "said again after five minutes";
  EXPECT_TRUE(server.boot_ids.empty()) << "a power-on report says what runs";
  EXPECT_EQ(server.artifact_bytes, 0U);
  lead(right);
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 15min)) << phase();
  EXPECT_EQ(server.attributes["dray.version.os"], "2");
}

TEST_F(BlindAgent, BeginsNoOrderThatIsShownAndSaysWhy) {
  start();
  ASSERT_TRUE(world.run_until([&] { return !server.sentences.empty(); }, 5min));
  EXPECT_NE(server.sentences[0].find("can't tell what runs here"), std::string::npos) << server.sentences[0];
  ASSERT_TRUE(world.run_for(4min));
  EXPECT_EQ(server.feedback, (std::vector<std::string>{"proceeding none"}));
  EXPECT_EQ(server.artifact_bytes, 0U);
  server.cancel();
  ASSERT_TRUE(world.run_until([&] { return server.feedback.size() > 1; }, 5min));
  EXPECT_EQ(server.feedback.back(), "cancel closed success") << "nothing was begun";
}

// The update is in its last step when the installer goes blind: what was written is not judged, and not lost.
TEST_F(BlindAgent, LeavesAVersionOnTrialAloneUntilItCanTell) {
  set_up();
  server.order(101, {new_os});
  const auto first = device.disk().read_link("device/current");
  device.power_on();
  ASSERT_TRUE(world.run_until(
      [&] {
        const auto now = device.disk().read_link("device/current");
        return now && *now != *first;
      },
      10min));
  right = *device.disk().read_link("device/current");
  device.power_off();  // for a second
  ASSERT_TRUE(world.run_for(1ms));
  lead("elsewhere");
  const std::size_t before = polls();
  ASSERT_TRUE(world.run_for(20min));
  EXPECT_GT(polls(), before + 3);
  EXPECT_FALSE(server.closed("failure") || server.closed("success"));
  lead(right);
  EXPECT_TRUE(world.run_until([&] { return server.closed("success"); }, 15min)) << phase();
}

}  // namespace
}  // namespace dray::agent

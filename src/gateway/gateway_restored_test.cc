// Either side has lost what it knew: a gateway from an older state, a server that has forgotten.
#include "gateway/gateway.h"

#include "gateway/testing/gateway_test_rig.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::GatewayTest;

TEST_F(GatewayTest, AResyncSendsEverySubjectAgain) {
  one_artifact(2);
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-2") && gateway().site().outbox().empty(); }));
  server.reports.clear();
  server.resync = true;
  get("");  // a device is seen: something is reported
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && server.job("r1-dev-2") && server.device("dev-2"); }));
}

TEST_F(GatewayTest, AServerThatForgotWhatItAcknowledgedIsToldEverythingAgain) {
  one_artifact(2);
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-2") && gateway().site().outbox().empty(); }));
  stop();  // what was acknowledged is known over a restart
  const auto before = server.seen;
  server.reports.clear();
  server.seen = {1, 1};  // restored from a backup
  server.publish();
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && server.job("r1-dev-2") && server.device("dev-2"); }));
  EXPECT_TRUE(until([&] { return gateway().site().outbox().empty(); }));
  EXPECT_GT(server.seen, before) << "numbers go on";
  const auto told = server.reports.size();
  server.publish();
  EXPECT_TRUE(until([&] { return gateway().site().plan().plan().revision == server.plan.revision; }));
  EXPECT_EQ(server.reports.size(), told) << "once";
}

TEST_F(GatewayTest, ANewGatewayBeforeANewServerSaysNothingOfForgetting) {
  std::vector<std::string> forgotten;
  log = Log{Level::kWarn, [] { return WallTime{}; }, [&](Level, std::string_view line) {
              if (line.find("server_has_forgotten") != std::string_view::npos) forgotten.emplace_back(line);
            }};
  one_artifact(1);
  server.seen = {0, 0};  // nobody has ever reported to it
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && gateway().site().outbox().empty(); }));
  EXPECT_TRUE(forgotten.empty()) << forgotten.front();
  stop();
  server.seen = {0, 0};  // another one in its place
  server.publish();
  start();
  EXPECT_TRUE(until([&] { return forgotten.size() == 1; })) << "and where it is true, it is said";
  stop();
  log = Log{};
}

TEST_F(GatewayTest, AGatewayFromAnOlderStateTakesANewEpochAndWaitsForFreshActionIds) {
  one_artifact(1);
  server.seen = {3, 881};
  start();
  EXPECT_TRUE(until([&] { return !server.reports.empty() && server.reports.back().epoch == 4; }));
  EXPECT_TRUE(until([&] { return gateway().site().link.wan == bytes_.size(); }));
  EXPECT_EQ(link("deploymentBase"), "");
  server.plan.action_ids.push_back({1'001'101, 2'001'100});
  server.publish();
  EXPECT_EQ(wait_link("deploymentBase"), "1001101");
}

// What was only numbered while the server could not be heard says nothing of what it has seen (dray-sim --seed 196).
TEST_F(GatewayTest, AGatewayFromAnOlderStateLearnsOfItAlsoAfterALongTimeAlone) {
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && gateway().site().outbox().empty(); }));
  stop();
  server.seen.seq += 20;  // behind the backup
  server.away = true;
  start();
  for (int n = 0; gateway().site().outbox().last() <= server.seen; ++n) power_on("1.0", "boot-" + std::to_string(n));
  server.away = false;
  EXPECT_TRUE(until([&] { return !server.reports.empty() && server.reports.back().epoch == 2; }));
}

// Another machine with its token has spoken for the site meanwhile.
TEST_F(GatewayTest, AGatewayAlsoLearnsByTheAnswerToItsReportsThatTheServerHasSeenMore) {
  one_artifact(1);
  start();
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && gateway().site().outbox().empty(); }));
  server.seen = {3, 881};
  server.reports.clear();
  server.requests.clear();
  get("");  // a device is seen: something is reported
  EXPECT_TRUE(until([&] { return server.job("r1-dev-1") && server.reports.back().epoch == 4; }));
  const auto posts = std::count_if(server.requests.begin(), server.requests.end(),
                                   [](const std::string& r) { return r.starts_with("POST /gateway/v1/reports"); });
  EXPECT_LE(posts, 4) << "not in a tight loop";
}

}  // namespace
}  // namespace dray::gateway

// Before another server, which refuses a whole batch for one entry.
#include "gateway/reporter.h"

#include "gateway/testing/gateway_test_rig.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;
using testing_world::Answer;
using testing_world::GatewayTest;

TextResponse refused_with(int status, std::string detail, std::string type = "application/problem+json") {
  TextResponse out;
  out.status = status;
  out.headers.add("Content-Type", type);
  out.body = wire::problem(status, "No", detail);
  return out;
}

class ReporterTest : public GatewayTest {
 protected:
  // A server that can't take what is said of one device.
  void refuse(const std::string& device, std::string type = "application/problem+json",
              bool empty_too = false) {
    server.answers_reports = [this, device, type,
                              empty_too](const std::string& body) -> std::optional<TextResponse> {
      if (body.find("\"" + device + "\"") == std::string::npos && !(empty_too && body == "[]")) return {};
      ++refused_;
      return refused_with(400, device + ": no such thing", type);
    };
  }
  void start_with_devices(int devices) {
    one_artifact(devices);
    server.resync = true;  // all is told once more, that of the devices too
    start();
  }
  bool is_aside(const std::string& subject) { return gateway().site().outbox().aside().contains(subject); }

  int refused_ = 0;
};

TEST_F(ReporterTest, OneEntryThatIsRefusedIsKeptBesideAndTheOthersAreTold) {
  refuse("dev-3");
  start_with_devices(8);
  EXPECT_TRUE(until([&] { return is_aside("device/dev-3") && gateway().site().outbox().empty(); }));
  for (const int other : {1, 2, 4, 8}) EXPECT_TRUE(server.device("dev-" + std::to_string(other))) << other;
  EXPECT_EQ(gateway().site().outbox().aside().size(), 1u);
  EXPECT_LE(refused_, 8);
  const Answer status = local(Method::kGet, "/api/v1/status");
  EXPECT_NE(status.body.find("dev-3: no such thing"), std::string::npos) << status.body;

  stop();
  start();
  EXPECT_TRUE(is_aside("device/dev-3")) << "it is kept, not deleted";
  server.answers_reports = nullptr;
  server.resync = true;
  get("");
  EXPECT_TRUE(until([&] { return server.device("dev-3").has_value(); }));
  EXPECT_TRUE(until([&] { return !is_aside("device/dev-3"); })) << "told by now";
}

TEST_F(ReporterTest, WhetherTheServerCanBeToldIsNotSaidBeforeItWasTried) {
  server.away = true;
  plan_for(1);
  start();
  const Answer ready = local(Method::kGet, "/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_NE(ready.body.find(R"("can_tell_server":null,"why":"not tried yet")"), std::string::npos) << ready.body;
}

TEST_F(ReporterTest, AProxysRefusalIsALineThatDoesNotWorkAndNothingIsDropped) {
  int asked = 0, status = 400;
  server.answers_reports = [&](const std::string&) {
    ++asked;
    return refused_with(status, "nginx", "text/html");
  };
  start_with_devices(2);
  for (const int next : {413, 422, 400}) {
    const int before = asked;
    EXPECT_TRUE(until([&] { return asked >= before + 3; }));
    EXPECT_TRUE(gateway().site().outbox().aside().empty());
    EXPECT_FALSE(gateway().site().outbox().empty());
    const Answer ready = local(Method::kGet, "/readyz");
    EXPECT_EQ(ready.status, 200) << "the doors stay open";
    EXPECT_NE(ready.body.find("\"can_tell_server\":false"), std::string::npos) << ready.body;
    status = next;
  }
  server.answers_reports = nullptr;
  EXPECT_TRUE(until([&] { return server.device("dev-2") && gateway().site().outbox().empty(); }));
  EXPECT_NE(local(Method::kGet, "/readyz").body.find("\"can_tell_server\":true"), std::string::npos);
}

TEST_F(ReporterTest, WhereAnEmptyBatchIsRefusedTooNothingIsDropped) {
  refuse("dev-1", "application/problem+json", true);
  start_with_devices(2);
  EXPECT_TRUE(until([&] { return refused_ > 8; }));
  EXPECT_TRUE(gateway().site().outbox().aside().empty());
  server.answers_reports = nullptr;
  EXPECT_TRUE(until([&] { return server.device("dev-1").has_value() && gateway().site().outbox().empty(); }));
}

}  // namespace
}  // namespace dray::gateway

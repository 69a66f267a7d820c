// The link to a device that says it knows the probe, before its first update (M5, M11).
#include "gateway/lan_prober.h"

#include "gateway/testing/gateway_test_rig.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;

class LanProberTest : public testing_world::GatewayTest {
 protected:
  void plan_later(int devices) {
    one_artifact(devices);
    server.plan.assignments[0].planned_at = wall() + 2h;
    start();
    EXPECT_TRUE(until([&] { return gateway().site().jobs().size() == static_cast<std::size_t>(devices); }));
  }
  void declare(const std::string& device) {
    const std::string body = R"({"mode":"merge","data":{"dray.boot_id":"b","dray.probes":"1"}})";
    EXPECT_EQ(put("/configData", body, {.device = device}).status, 200);
    gateway().site().work_changed.notify();  // else it is looked at ten minutes later
  }
  bool is_shown(const std::string& device = "dev-1") { return !link("drayProbe", device).empty(); }
  std::optional<wire::RateReport> told() const {
    return server.newest<wire::RateReport>([](const auto& r) { return r.link == "lan"; });
  }
};

TEST_F(LanProberTest, AskedForByAJobToComeAndMeasuredByTheDevice) {
  plan_later(1);
  EXPECT_FALSE(is_shown()) << "it has not said that it knows this";
  declare("dev-1");
  EXPECT_TRUE(until([&] { return is_shown(); }));
  const auto got = get("/drayProbe?bytes=65536");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body.size(), 65536u);
  clock.leap += 1s;
  EXPECT_EQ(post("/drayProbe", R"({"bytes":65536,"ms":1000})").status, 200);
  EXPECT_FALSE(is_shown()) << "something fresh is known";
  EXPECT_TRUE(until([&] { return told().has_value(); }));
  EXPECT_NEAR(static_cast<double>(told()->rate), 65536, 6554);
  EXPECT_EQ(told()->device, DeviceId{"dev-1"});
  EXPECT_EQ(gateway().site().link.lan, 0u) << "no artifact's bytes";
}

TEST_F(LanProberTest, OnlyOneDeviceOfASiteAtATime) {
  plan_later(2);
  for (const char* device : {"dev-1", "dev-2"}) declare(device);
  EXPECT_TRUE(until([&] { return is_shown("dev-1") && is_shown("dev-2"); }));
  EXPECT_EQ(get("/drayProbe?bytes=65536", {.device = "dev-1"}).status, 200);
  EXPECT_EQ(get("/drayProbe?bytes=65536", {.device = "dev-2"}).status, 503);
  EXPECT_EQ(post("/drayProbe", R"({"bytes":65536,"ms":10})", {.device = "dev-2"}).status, 409);
  EXPECT_TRUE(is_shown("dev-2")) << "it has measured nothing";
  EXPECT_EQ(post("/drayProbe", R"({"bytes":65536,"ms":10})", {.device = "dev-1"}).status, 200);
  EXPECT_EQ(get("/drayProbe?bytes=65536", {.device = "dev-2"}).status, 200);
}

TEST_F(LanProberTest, RefusesWhatIsNoProbe) {
  plan_later(1);
  EXPECT_EQ(get("/drayProbe?bytes=65536").status, 404) << "not shown";
  declare("dev-1");
  EXPECT_TRUE(until([&] { return is_shown(); }));
  for (const char* query : {"", "?bytes=0", "?bytes=-1", "?bytes=x", "?bytes=1048577", "?bytes=99999999999999999999"})
    EXPECT_EQ(get(std::string{"/drayProbe"} + query).status, 400) << query;
  EXPECT_EQ(get("/drayProbe?bytes=1").status, 200);
  for (const char* body : {"{", R"({"bytes":-1,"ms":1})", R"({"bytes":1})", R"({"bytes":1,"ms":-5})"})
    EXPECT_EQ(post("/drayProbe", body).status, 400) << body;
  EXPECT_EQ(put("/drayProbe", R"({"bytes":1,"ms":1})").status, 405);
  EXPECT_EQ(post("/drayProbe", R"({"bytes":1000000000,"ms":1})").status, 200) << "more than was sent: says nothing";
  EXPECT_FALSE(told());
}

// A device may lie, and may hammer.
TEST_F(LanProberTest, TwoFetchesAreAllAndWhatCanNotBeTrueIsIgnored) {
  plan_later(2);
  for (const char* device : {"dev-1", "dev-2"}) declare(device);
  EXPECT_TRUE(until([&] { return is_shown("dev-1") && is_shown("dev-2"); }));
  for (const int status : {200, 200, 404, 404}) EXPECT_EQ(get("/drayProbe?bytes=1048576").status, status);
  EXPECT_FALSE(is_shown("dev-1"));
  EXPECT_EQ(post("/drayProbe", R"({"bytes":1048576,"ms":1})").status, 409) << "it is over";
  EXPECT_EQ(get("/drayProbe?bytes=1", {.device = "dev-2"}).status, 200);
  EXPECT_EQ(post("/drayProbe", R"({"bytes":1048576,"ms":1})", {.device = "dev-2"}).status, 200);
  EXPECT_FALSE(is_shown("dev-2"));
  clock.leap += 6h;
  server.plan.assignments[0].planned_at = wall() + 2h;
  server.publish();
  EXPECT_TRUE(until([&] { return is_shown("dev-2"); }));
  EXPECT_EQ(get("/drayProbe?bytes=65536", {.device = "dev-2"}).status, 200);
  EXPECT_EQ(post("/drayProbe", R"({"bytes":1,"ms":86400000})", {.device = "dev-2"}).status, 200) << "longer than since it asked";
  EXPECT_FALSE(told());
}

TEST_F(LanProberTest, NothingIsMeasuredUnderACapOrBehindTheUpdateTime) {
  plan_later(1);
  declare("dev-1");
  EXPECT_TRUE(until([&] { return is_shown(); }));
  server.plan.limits.lan = {{wall() - 1h, wall() + 24h, 1'000'000}};
  server.publish();
  EXPECT_TRUE(until([&] { return !is_shown(); }));
  server.plan.limits.lan.clear();
  server.publish();
  EXPECT_TRUE(until([&] { return is_shown(); }));
  clock.leap += 2h;  // the transfer measures
  EXPECT_TRUE(until([&] { return !link("deploymentBase").empty(); }));
  EXPECT_FALSE(is_shown());
}

}  // namespace
}  // namespace dray::gateway

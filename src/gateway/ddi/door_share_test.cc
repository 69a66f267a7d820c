// What one device may take of a gateway at a time, and whom the gateway knows.
#include "gateway/testing/door_world.h"

namespace dray::gateway::ddi {
namespace {

using testing_world::kFile;

class DoorShare : public testing_world::DoorWorld {
 protected:
  HttpRequest request(const std::string& rest, const std::string& token) {
    HttpRequest out{Method::kGet, "/DEFAULT/controller/v1/dev-1" + rest};
    out.headers.add("Host", "gw:8090");
    out.headers.add("Authorization", token);
    return out;
  }
  static Task<> hold(HttpHandler& door, HttpRequest request, Stop& stop, std::optional<HttpResponse>& out) {
    HttpResponse response = co_await door.handle(std::move(request), stop);
    out.emplace(std::move(response));
  }
  // The running body, as long as it is held.
  HttpResponse ask() {
    std::optional<HttpResponse> response;
    Stop stop;
    TaskGroup group{io.get_executor()};
    group.spawn(hold(gateway().door(), request(kFile, "TargetToken tok-dev-1"), stop, response));
    EXPECT_TRUE(until([&] { return response.has_value() && group.running() == 0; }));
    return std::move(*response);
  }
};

TEST_F(DoorShare, AnActionHasSixteenBodiesAtATime) {
  begin();
  std::vector<HttpResponse> running;
  for (int i = 0; i < 16; ++i) {
    running.push_back(ask());
    ASSERT_EQ(running.back().status, 200);
  }
  const HttpResponse refused = ask();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.get("Retry-After"), "5");
  running.pop_back();
  EXPECT_EQ(ask().status, 200);
}

TEST_F(DoorShare, ARequestProvesItsDeviceByItsTokenOnly) {
  begin();
  EXPECT_TRUE(gateway().knows(request("", "TargetToken tok-dev-1")));
  EXPECT_TRUE(gateway().knows(request(kFile, "TargetToken tok-dev-1")));
  EXPECT_FALSE(gateway().knows(request("", "TargetToken tok-dev-2")));
  EXPECT_FALSE(gateway().knows(request("", "GatewayToken nobody's")));
  HttpRequest other{Method::kGet, "/elsewhere"};
  other.headers.add("Authorization", "TargetToken tok-dev-1");
  EXPECT_FALSE(gateway().knows(other));
}

}  // namespace
}  // namespace dray::gateway::ddi

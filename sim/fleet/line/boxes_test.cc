// Each box does what its name says, on the line of its gateway and on no other, until it is taken away.
#include "sim/fleet/line/boxes.h"

#include <gtest/gtest.h>

#include "sim/world.h"
#include "wire/gateway_api.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

const std::string kPoll = "/DEFAULT/controller/v1/d1";

// Answers what a server would: a plan with an ETag, a part of a file, an acknowledgement.
class Server final : public HttpHandler {
 public:
  explicit Server(Disk& disk) : disk_{disk} {}
  Task<HttpResponse> handle(HttpRequest request, Stop& /*stop*/) override {
    prefer = request.headers.get("Prefer");
    body.clear();
    if (request.body) {
      auto all = co_await read_all(*request.body, 1 << 20);
      body = all ? std::move(*all) : std::string{};
    }
    HttpResponse out{200};
    if (request.target == kPoll || request.target.ends_with("/feedback")) {
      out.headers.set("ETag", "\"7\"");
      out.body = "{}";
    } else if (request.target == "/gateway/v1/reports") {
      out.body = wire::encode_answer({{3, 17}, false});
    } else if (request.target == "/gateway/v1/plan") {
      out.headers.set("ETag", "\"7\"");
      out.body = "{}";
    } else {
      auto file = disk_.open("file", Mode::kRead);
      out.status = 206;
      out.headers.set("Content-Range", "bytes 5000-9999/10000");
      out.body = FileSlice{std::move(*file), 5'000, 5'000, nullptr};
    }
    co_return out;
  }
  std::string prefer, body;

 private:
  Disk& disk_;
};

class BoxesTest : public testing::Test {
 protected:
  BoxesTest() {
    for (Node* node : {&server_node, &gateway, &other}) node->power_on();
    auto file = server_node.disk().open("file", Mode::kWrite);
    EXPECT_TRUE((*file)->write(0, as_bytes(std::string(10'000, 'x'))));
    world.network().serve(server_node, "server", server);
    world.network().set_middlebox(boxes);
  }

  TextResponse ask(Node& client, const std::string& path, std::string body = {}) {
    TextResponse out;
    bool done = false;
    SimHttpClient http{world.network(), client};
    client.spawn(ask(http, path, std::move(body), out, done));
    EXPECT_TRUE(world.run_until([&] { return done; }, 5min));
    return out;
  }
  TextResponse ask(const std::string& path, std::string body = {}) { return ask(gateway, path, std::move(body)); }
  void put(Box box) { boxes.put(box, "gw1", kSteadyMax); }

  static Task<> ask(SimHttpClient& http, std::string path, std::string body, TextResponse& out, bool& done) {
    Stop never;
    const bool whole = path.starts_with('/');
    HttpRequest request{body.empty() ? Method::kGet : Method::kPost, "http://server" + (whole ? path : "/gateway/v1/" + path)};
    if (path == "plan" || path == kPoll) {
      request.headers.set("If-None-Match", "\"6\"");
      request.headers.set("Prefer", "wait=55");
    }
    auto answer = co_await exchange(http, std::move(request), std::move(body), 1 << 20, never);
    if (answer) out = std::move(*answer);
    done = true;
  }

  World world{11};
  Node &server_node = world.add("server"), &gateway = world.add("gw1"), &other = world.add("gw2"), &people = world.add("people");
  Server server{server_node.disk()};
  HostileNumbers numbers{world, people, SimRandom{1}};
  Boxes boxes{[this] { return world.now(); }, numbers};
};

TEST_F(BoxesTest, APortalAnswersWhateverIsAskedUntilItIsTakenAway) {
  put(Box::kPortal);
  EXPECT_EQ(ask("plan").status, 200);
  EXPECT_NE(ask("plan").body.find("<h1>"), std::string::npos);
  EXPECT_EQ(ask(other, "plan").body, "{}") << "another line";
  boxes.heal();
  EXPECT_EQ(ask("plan").body, "{}");
}

TEST_F(BoxesTest, FiltersRefuseReportsWithoutAProblemDocument) {
  put(Box::kSizeFilter);
  EXPECT_EQ(ask("reports", std::string(401, ' ')).status, 413);
  EXPECT_EQ(ask("reports", "[]").status, 200);
  put(Box::kSyntaxFilter);
  const TextResponse refused = ask("reports", "[]");
  EXPECT_EQ(refused.status, 400);
  EXPECT_TRUE(refused.headers.get("Content-Type").starts_with("text/html"));
}

TEST_F(BoxesTest, ACacheSaysThatNothingIsNew) {
  put(Box::kStaleCache);
  const TextResponse answer = ask("plan");
  EXPECT_EQ(answer.status, 304);
  EXPECT_EQ(answer.headers.get("ETag"), "\"6\"");
}

TEST_F(BoxesTest, AnEtagIsWeakenedAndAPollIsNotHeld) {
  put(Box::kWeakEtags);
  put(Box::kPollsNotHeld);
  EXPECT_EQ(ask("plan").headers.get("ETag"), "W/\"7\"");
  EXPECT_EQ(server.prefer, "wait=0");
}

TEST_F(BoxesTest, APartBecomesTheWholeOrBeginsEarlier) {
  put(Box::kAlignedParts);
  const TextResponse earlier = ask("artifacts/x");
  EXPECT_EQ(earlier.status, 206);
  EXPECT_EQ(earlier.headers.get("Content-Range"), "bytes 4096-9999/10000");
  EXPECT_EQ(earlier.body.size(), 10'000U - 4'096U);
  put(Box::kNoParts);
  const TextResponse whole = ask("artifacts/x");
  EXPECT_EQ(whole.status, 200);
  EXPECT_FALSE(whole.headers.find("Content-Range"));
  EXPECT_EQ(whole.body.size(), 10'000U);
}

TEST_F(BoxesTest, TheAnswerToReportsIsAheadOrAsksForEverything) {
  put(Box::kAcksAhead);
  put(Box::kAlwaysResync);
  const auto answer = wire::decode_answer(ask("reports", "[]").body);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->acknowledged, (core::ReportsSeen{4, 1'017}));
  EXPECT_TRUE(answer->resync);
}

TEST_F(BoxesTest, BetweenADeviceAndItsGatewayTheyDoTheSame) {
  Node& device = world.add("d1");
  device.power_on();
  const auto on_device = [&](Box box) { boxes.put(box, "d1", kSteadyMax); };
  const std::string feedback = kPoll + "/deploymentBase/7/feedback";
  on_device(Box::kWeakEtags);
  on_device(Box::kPollsNotHeld);
  EXPECT_EQ(ask(device, kPoll).headers.get("ETag"), "W/\"7\"");
  EXPECT_EQ(server.prefer, "wait=0");
  on_device(Box::kAlignedParts);
  EXPECT_EQ(ask(device, kPoll + "/softwaremodules/1/artifacts/x").headers.get("Content-Range"), "bytes 4096-9999/10000");
  on_device(Box::kStaleCache);
  EXPECT_EQ(ask(device, kPoll).status, 304);
  EXPECT_EQ(ask(device, feedback, "{}").status, 200) << "a cache keeps no posts";
  on_device(Box::kSyntaxFilter);
  EXPECT_EQ(ask(device, feedback, "{}").status, 400);
  on_device(Box::kPortal);
  EXPECT_EQ(ask(device, feedback, "{}").status, 200);
  EXPECT_NE(ask(device, feedback, "{}").body.find("<h1>"), std::string::npos);
  EXPECT_EQ(ask("plan").body, "{}") << "another line";
}

TEST_F(BoxesTest, NumbersAreSpoiledOnlyWhereTheirLossHarmsNobody) {
  put(Box::kHostileNumbers);
  ask("reports", R"([{"kind":"rate","age":3},{"kind":"job","attempt":1}])");
  EXPECT_EQ(server.body, R"([{"kind":"rate","age":9223372036854775807},{"kind":"job","attempt":1}])");
}

}  // namespace
}  // namespace dray::sim::fleet

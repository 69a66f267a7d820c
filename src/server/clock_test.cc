// The server whose machine's wall clock leaps: nothing that it plans, ends or says moves with it.
#include <gtest/gtest.h>

#include "adapters/sqlite/server_store_testing.h"
#include "server/server.h"
#include "sim/world.h"

namespace dray::server {
namespace {

using namespace std::chrono_literals;
using adapters::server_testing::kNow;
using adapters::server_testing::must;

class LeapingClock : public adapters::server_testing::StoreFixture {
 protected:
  struct Program {
    Program(sim::Node& node, Store& store, Lists& lists, const Log& log)
        : time{node.clock(), node.clock()},
          server{Parts{node.executor(), time, node.random(), node.disk(), node.worker("store"), node.worker("store"),
                       node.worker("bytes"), store, lists, log},
                 {}} {}
    ServerTime time;
    Server server;
    Stop stop;
  };
  void SetUp() override {
    StoreFixture::SetUp();
    must(store->set_site_token("berlin", sha256_hex("secret")));
    node.set_program([this](sim::Node& n) {
      const Log log{Level::kInfo, [] { return WallTime{}; },
                    [this](Level, std::string_view line) { lines.emplace_back(line); }};
      auto made = std::make_shared<Program>(n, *store, lists, log);
      program = made.get();
      return made;
    });
    boot();
  }
  void boot() {
    node.power_on();
    node.spawn(run());
    pass(5s);
  }
  Task<> run() { [[maybe_unused]] auto ended = co_await program->server.run(program->stop); }
  void pass(Duration time) { ASSERT_TRUE(world.run_for(time)); }

  Task<> ask(HttpRequest request, std::optional<HttpResponse>& out) {
    HttpResponse response = co_await program->server.both().handle(std::move(request), never_);
    out = std::move(response);
  }
  std::string call(Method method, std::string target, const std::string& token = "", std::string body = "") {
    HttpRequest request{method, std::move(target)};
    request.headers.add("Authorization", "Bearer " + token);
    if (!body.empty()) {
      request.length = body.size();
      request.body = text_body(body);
    }
    std::optional<HttpResponse> out;
    node.spawn(ask(std::move(request), out));
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, 1min));
    return out ? std::get<std::string>(out->body) : "";
  }
  std::string admin(Method method, const std::string& path, std::string body = "") {
    const auto token = read_file(node.disk(), "admin-token", 1'000);
    return call(method, "/api/v1/" + path, token ? token->substr(0, token->size() - 1) : "", std::move(body));
  }
  std::string ready() { return call(Method::kGet, "/readyz"); }
  // As gateways hear it.
  WallTime told() {
    const auto plan = wire::decode_plan(call(Method::kGet, "/gateway/v1/plan", "secret"));
    EXPECT_TRUE(plan);
    return plan ? plan->server_time : WallTime{};
  }
  WallTime contact_of_berlin() {
    adapters::Statement find{store->db(), "SELECT contact_at FROM site WHERE name='berlin'"};
    must(find.step());
    return WallTime{Duration{find.integer(0)}};
  }
  std::int64_t said(std::string_view event) const {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(" " + std::string{event} + " ") != line.npos; });
  }

  sim::World world{9};
  sim::Node& node = world.add("server");
  Program* program = nullptr;
  std::vector<std::string> lines;
  Stop never_;
};

// Found with a real server, thirty days ahead for 14 seconds.
TEST_F(LeapingClock, ALeapOfThirtyDaysEndsNoRolloutAndMovesNoTimeThatIsSaidOrKept) {
  roll_out();
  pass(15s);
  for (const Duration leap : {Duration{30 * 24h}, Duration{-30 * 24h}}) {
    node.set_wall_error(leap, false);
    pass(14s);
    EXPECT_LE(std::chrono::abs(told() - world.true_time()), 1s);
    pass(10s);
    EXPECT_EQ(rollout_state("r1"), "scheduled");
    EXPECT_LE(std::chrono::abs(contact_of_berlin() - world.true_time()), 20s);
    EXPECT_NE(ready().find("ok\nclock_leapt: the machine's wall clock says "), std::string::npos);
    node.set_wall_error(0s, false);
    pass(10s);
    EXPECT_EQ(ready(), "ok\n");
    EXPECT_EQ(rollout_state("r1"), "scheduled");
  }
  EXPECT_EQ(said("clock_leapt"), 2) << "once each";
  EXPECT_EQ(said("clock_followed_again"), 2);
}

TEST_F(LeapingClock, IsFollowedWhenSomebodyConfirmsItAndWhatIsDueIsDueAtOnce) {
  roll_out();
  pass(15s);
  node.set_wall_error(24h, false);
  pass(10s);
  const std::string shown = admin(Method::kGet, "clock");
  EXPECT_NE(shown.find(R"("reason":"clock_leapt")"), std::string::npos) << shown;
  EXPECT_NE(shown.find("24 h ahead"), std::string::npos) << shown;
  EXPECT_NE(admin(Method::kPost, "clock/confirm", R"({"by":7})").find("by: "), std::string::npos);
  EXPECT_EQ(rollout_state("r1"), "scheduled");
  const std::string after = admin(Method::kPost, "clock/confirm", R"({"by":"ines","why":"the old clock was wrong"})");
  EXPECT_NE(after.find(R"("reason":null)"), std::string::npos) << after;
  pass(1s);
  EXPECT_EQ(rollout_state("r1"), "finished") << "its expiry is over";
  EXPECT_LE(std::chrono::abs(told() - (world.true_time() + 24h)), 2s);
  EXPECT_EQ(said("clock_confirmed"), 1);
}

TEST_F(LeapingClock, IsFollowedWhenATimeServiceKeepsTheClock) {
  node.set_wall_error(3h, false);
  pass(1min);
  EXPECT_LE(std::chrono::abs(told() - world.true_time()), 1s);
  node.set_wall_error(3h, true);
  pass(70s);
  EXPECT_LE(std::chrono::abs(told() - (world.true_time() + 3h)), 2s);
}

// The newest stored time counts, not what an unsynchronised clock says after a start.
TEST_F(LeapingClock, AStartWithAClockThatIsThirtyDaysAheadOrBehindEndsNothing) {
  roll_out();
  pass(15s);
  for (const Duration error : {Duration{30 * 24h}, Duration{-30 * 24h}}) {
    node.power_off();
    node.set_wall_error(error, false);
    pass(5s);
    boot();
    pass(20s);
    EXPECT_LE(std::chrono::abs(told() - world.true_time()), 30s);
    EXPECT_EQ(rollout_state("r1"), "scheduled");
    EXPECT_EQ(said("clock_leapt"), error > 0s ? 1 : 2);
    EXPECT_NE(ready().find("clock_leapt"), std::string::npos);
  }
}

}  // namespace
}  // namespace dray::server

// Deferrals as the admin API shows them, in time.
#include <gtest/gtest.h>

#include "adapters/sqlite/server_store.h"
#include "server/server.h"
#include "sim/world.h"

namespace dray::server {
namespace {

using namespace std::chrono_literals;
using wire::json::value;

struct DeferralServer {
  std::unique_ptr<adapters::SqliteServerStore> store;
  std::unique_ptr<adapters::SqliteServerLists> lists;
  std::unique_ptr<ServerTime> time;
  std::unique_ptr<Server> server;
  Stop stop;
};

Task<> run_deferral_server(DeferralServer& program) { [[maybe_unused]] auto ended = co_await program.server->run(program.stop); }

class DeferralsInTime : public ::testing::Test {
 protected:
  void SetUp() override {
    server.set_program([this](sim::Node& node) -> std::shared_ptr<void> {
      auto program = std::make_shared<DeferralServer>();
      auto store = adapters::SqliteServerStore::open({.path = "server.db", .vfs = node.vfs()});
      if (!store) return program;
      program->store = std::move(*store);
      store_ = program->store.get();
      program->lists = std::make_unique<adapters::SqliteServerLists>(program->store->db());
      Worker& worker = node.worker("store");
      program->time = std::make_unique<ServerTime>(node.clock(), node.clock());
      program->server = std::make_unique<Server>(
          Parts{node.executor(), *program->time, node.random(), node.disk(), worker, worker, node.worker("bytes"),
                *program->store, *program->lists, node.log()},
          Options{});
      world.network().serve(node, "server", program->server->both());
      node.spawn(run_deferral_server(*program));
      return program;
    });
    client.power_on();
    server.power_on();
    pass(5s);
  }
  void pass(Duration time) {
    const Result<> ran = world.run_for(time);
    ASSERT_TRUE(ran) << ran.error().message();
  }
  Task<> ask(Method method, std::string target, std::string body, std::optional<value>& out) {
    auto token = read_file(server.disk(), "admin-token", 1000);
    HttpRequest request{method, "http://server/api/v1/" + target};
    request.headers.add("Authorization", "Bearer " + (token ? token->substr(0, token->size() - 1) : ""));
    auto answer = co_await exchange(http_, std::move(request), body, 1 << 20, never_);
    auto parsed = answer ? wire::parse_json(answer->body) : wire::parse_json("{}");
    out = parsed ? *parsed : value{};
  }
  value call(Method method, const std::string& target, const std::string& body = "") {
    std::optional<value> out;
    client.spawn(ask(method, target, body, out));
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, 1min));
    return out.value_or(value{});
  }
  // id -> stands, as the list and each by itself.
  std::map<std::string, bool> standing() {
    std::map<std::string, bool> out;
    const value all = call(Method::kGet, "deferrals");
    for (const value& one : all.at("items").as_array()) {
      const std::string id{one.at("id").as_string()};
      out[id] = one.at("stands").as_bool();
      if (one.at("from").as_string() != "server") continue;
      EXPECT_EQ(call(Method::kGet, "deferrals/" + id).at("stands").as_bool(), out[id]);
    }
    return out;
  }

  sim::World world{7};
  sim::Node& server = world.add("server");
  sim::Node& client = world.add("client");
  sim::SimHttpClient http_{world.network(), client};
  Stop never_;
  adapters::SqliteServerStore* store_ = nullptr;
};

TEST_F(DeferralsInTime, OneThatIsOverStandsNoMoreWhoeverAskedForIt) {
  call(Method::kPost, "sites", R"({"name":"berlin"})");
  const WallTime now = server.clock().wall();
  const std::string until = to_rfc3339(now + 1h);
  const value made = call(Method::kPost, "deferrals", R"({"site":"berlin","until":")" + until + R"(","by":"ines","why":"x"})");
  ASSERT_TRUE(made.at("stands").as_bool());
  const core::Deferral own{"l1", DeviceId{}, AssignmentId{}, now + 2h, "anna", "stocktaking"};
  const ReportBatch batch{"berlin", {{1, 1, now, wire::DeferralReport{own, false}}}, now};
  ASSERT_TRUE(store_->ingest({&batch}));
  EXPECT_EQ(standing(), (std::map<std::string, bool>{{"d1", true}, {"l1", true}}));
  pass(61min);
  EXPECT_EQ(standing(), (std::map<std::string, bool>{{"d1", false}, {"l1", true}}));
  pass(61min);
  EXPECT_EQ(standing(), (std::map<std::string, bool>{{"d1", false}, {"l1", false}}));
}

}  // namespace
}  // namespace dray::server

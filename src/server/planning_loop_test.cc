// The server's own loops over a real store: what nobody asks for must happen all the same.
#include <gtest/gtest.h>

#include "adapters/sqlite/server_store_testing.h"
#include "server/server.h"
#include "sim/world.h"

namespace dray::server {
namespace {

using namespace std::chrono_literals;
using adapters::server_testing::kNow;
using adapters::server_testing::must;

class Loops : public adapters::server_testing::StoreFixture {
 protected:
  struct Program {
    Program(sim::Node& node, Store& store, Lists& lists)
        : time{node.clock(), node.clock()},
          server{Parts{node.executor(), time, node.random(), node.disk(), node.worker("store"),
                       node.worker("store"), node.worker("bytes"), store, lists, node.log()},
                 {}} {}
    ServerTime time;
    Server server;
    Stop stop;
  };
  void start() {
    node.set_program([this](sim::Node& n) {
      auto made = std::make_shared<Program>(n, *store, lists);
      program = made.get();
      return made;
    });
    node.power_on();
    node.spawn(run());
  }
  Task<> run() {
    [[maybe_unused]] auto ended = co_await program->server.run(program->stop);
  }
  Task<> ask_plan() {
    HttpRequest request{Method::kGet, "/gateway/v1/plan"};
    request.headers.add("Authorization", "Bearer secret");
    const HttpResponse response = co_await program->server.both().handle(std::move(request), never_);
    status = response.status;
  }
  // Nothing may begin before its expiry.
  bool is_held() {
    const core::Plan plan = must(store->load_plan("berlin"));
    return plan.assignments.empty() || plan.assignments[0].planned_at >= plan.assignments[0].expires_at;
  }
  void execute(const std::string& sql) { must(store->db().execute(sql)); }
  std::int64_t count(std::string_view sql) {
    adapters::Statement find{store->db(), sql};
    must(find.step());
    return find.integer(0);
  }

  sim::World world{5};
  sim::Node& node = world.add("server");
  Program* program = nullptr;
  int status = 0;
  Stop never_;
};

TEST_F(Loops, TimesThatCanNotBeReadAreComputedAnewAfterAStart) {
  roll_out();
  start();
  ASSERT_TRUE(world.run_for(5s));
  ASSERT_FALSE(is_held());
  node.power_off();
  ASSERT_TRUE(world.run_for(1s));
  execute("UPDATE assignment SET transfer='[[oops' WHERE plan_seen > 0");
  ASSERT_TRUE(is_held());
  start();
  ASSERT_TRUE(world.run_for(5s));
  EXPECT_FALSE(is_held());
}

TEST_F(Loops, TimesThatCanNotBeReadAreComputedAnewWhereAPlanShowsIt) {
  must(store->set_site_token("berlin", sha256_hex("secret")));
  roll_out();
  start();
  ASSERT_TRUE(world.run_for(5s));
  ASSERT_FALSE(is_held());
  execute("UPDATE assignment SET shares='{', look_at=NULL");
  ASSERT_TRUE(world.run_for(1min));
  ASSERT_TRUE(is_held()) << "nobody has looked";
  node.spawn(ask_plan());
  ASSERT_TRUE(world.run_for(3s));
  EXPECT_EQ(status, 200);
  EXPECT_FALSE(is_held());
}

TEST_F(Loops, NewDevicesAreLookedAtWithoutAPause) {
  start();
  ASSERT_TRUE(world.run_for(2s));
  execute(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 50001) INSERT INTO device(name, "
      "site_id, type, token_sha256, attributes, reported, running, created_at, fresh) SELECT 'x-'||i, 1, 'till', "
      "printf('%064x', i), '{}', '{}', '{}', 0, 1 FROM n");
  ASSERT_TRUE(world.run_for(11s));  // the loop looks every ten seconds
  EXPECT_EQ(count("SELECT count(*) FROM device WHERE fresh=1"), 0) << "ten batches and one device";
}

}  // namespace
}  // namespace dray::server

// The gateway door over a real store: who gets how much of it at a time.
#include "server/gateway_api.h"

#include <gtest/gtest.h>

#include "adapters/sqlite/server_store_testing.h"
#include "server/http.h"
#include "sim/world.h"

namespace dray::server {
namespace {

using namespace std::chrono_literals;
using adapters::server_testing::must;
using adapters::server_testing::sha;

class GatewayDoor : public adapters::server_testing::StoreFixture {
 protected:
  struct Program {
    Program(sim::Node& node, Store& store, Lists& lists, const Options& options,
            std::vector<std::string>& lines)
        : time{node.clock(), node.clock()},
          parts{node.executor(),      time,                 node.random(), node.disk(), node.worker("store"),
                node.worker("store"), node.worker("bytes"), store,         lists,
                Log{Level::kInfo, [] { return WallTime{}; },
                    [&lines](Level, std::string_view line) { lines.emplace_back(line); }}},
          sites{parts, timetable},
          artifacts{parts, options},
          tasks{node.executor()},
          instances{parts, sites, tasks},
          door{parts, options, sites, artifacts, instances, tasks, timetable} {}
    ServerTime time;
    Parts parts;
    Signal timetable;
    Sites sites;
    Artifacts artifacts;
    TaskGroup tasks;
    Instances instances;
    GatewayApi door;
  };

  void start() {
    for (const std::string site : {"berlin", "lyon"})
      must(store->set_site_token(site, sha256_hex("secret-" + site)));
    roll_out();
    must(node.disk().make_dir("blobs"));
    must(
        must(node.disk().open("blobs/" + sha('a').hex(), Mode::kTruncate))->write(0, as_bytes("0123456789")));
    node.set_program([this](sim::Node& n) {
      auto made = std::make_shared<Program>(n, *store, lists, options, lines_);
      program = made.get();
      return made;
    });
    node.power_on();
    node.spawn(load());
    ASSERT_TRUE(world.run_until([this] { return loaded; }, 1min));
  }
  Task<> load() {
    const auto artifacts = co_await program->artifacts.load();
    const auto sites = co_await program->sites.load();
    loaded = artifacts && sites;
  }
  // The running download, as long as it is held.
  HttpResponse get(const std::string& site) {
    std::optional<HttpResponse> out;
    node.spawn(ask(site, out));
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, 1min));
    return out ? std::move(*out) : HttpResponse{0};
  }
  int post(const std::string& site, std::string body) {
    std::optional<int> status;
    node.spawn(send(site, std::move(body), status));
    EXPECT_TRUE(world.run_until([&] { return status.has_value(); }, 1min));
    return status.value_or(0);
  }
  Task<> send(std::string site, std::string body, std::optional<int>& status) {
    HttpRequest request{Method::kPost, "/gateway/v1/reports"};
    request.headers.add("Authorization", "Bearer secret-" + site);
    request.length = body.size() + 2;
    request.body = text_body("[" + body + "]");
    const HttpResponse response = co_await program->door.handle(std::move(request), never_);
    status = response.status;
  }
  Task<> ask(std::string site, std::optional<HttpResponse>& out) {
    HttpRequest request{Method::kGet, "/gateway/v1/artifacts/" + sha('a').hex()};
    request.headers.add("Authorization", "Bearer secret-" + site);
    EXPECT_TRUE(program->door.knows(request));
    HttpResponse response = co_await program->door.handle(std::move(request), never_);
    out.emplace(std::move(response));
  }

  std::vector<std::string> lines_;  // of the log

  Options options;
  sim::World world{3};
  sim::Node& node = world.add("server");
  Program* program = nullptr;
  bool loaded = false;
  Stop never_;
};

TEST_F(GatewayDoor, GivesOneSiteAnEighthOfTheDownloads) {
  options.most_downloads = 16;
  start();
  std::vector<HttpResponse> running;
  for (int i = 0; i < 2; ++i) {
    running.push_back(get("berlin"));
    EXPECT_EQ(running.back().status, 200);
  }
  const HttpResponse refused = get("berlin");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.get("Retry-After"), "5");
  EXPECT_EQ(get("lyon").status, 200) << "one site does not take the places of others";
  running.pop_back();
  EXPECT_EQ(get("berlin").status, 200);
  HttpRequest unknown{Method::kGet, "/gateway/v1/plan"};
  unknown.headers.add("Authorization", "Bearer secret-oslo");
  EXPECT_FALSE(program->door.knows(unknown));
}

TEST_F(GatewayDoor, OneMessageHidesNoneOfAnotherKindInTheLog) {
  start();
  const auto said = [this](const std::string& what) {
    return std::count_if(lines_.begin(), lines_.end(),
                         [&](const std::string& line) { return line.find(what) != std::string::npos; });
  };
  const auto report = [](int epoch, const std::string& attempt) {
    return "{\"epoch\":" + std::to_string(epoch) + ",\"seq\":1,\"at\":\"2026-11-24T00:00:00Z\",\"kind\":\"job\",\"job\":\"r1-till-1\",\"state\":\"downloading\",\"attempt\":" +
           attempt + "}";
  };
  EXPECT_EQ(post("berlin", report(1, "-7")), 200);
  EXPECT_EQ(said("report_refused"), 1);
  for (int epoch = 2; epoch < 8; ++epoch) post("berlin", report(epoch, "1"));
  EXPECT_EQ(said(" epoch_waits site"), 1) << "and once for all of them";
  post("berlin", report(8, "1"));
  EXPECT_EQ(said(" epoch_waits site"), 1);
}

}  // namespace
}  // namespace dray::server

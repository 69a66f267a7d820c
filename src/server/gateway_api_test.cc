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
    if (!damage.empty()) must(store->db().execute(damage));
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
  // The plan as a gateway gets it that has the revision `has`.
  HttpResponse get_plan(const std::string& site, const std::string& has = "") {
    std::optional<HttpResponse> out;
    node.spawn(ask_plan(site, has, out));
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, 1min));
    return out ? std::move(*out) : HttpResponse{0};
  }
  Task<> ask_plan(std::string site, std::string has, std::optional<HttpResponse>& out) {
    HttpRequest request{Method::kGet, "/gateway/v1/plan"};
    request.headers.add("Authorization", "Bearer secret-" + site);
    if (!has.empty()) request.headers.add("If-None-Match", has);
    HttpResponse response = co_await program->door.handle(std::move(request), never_);
    out.emplace(std::move(response));
  }
  wire::SiteView view(const std::string& name) {
    wire::SiteView site = must(lists.site(name));
    program->sites.show(site);
    wire::describe_site(site, world.true_time());
    return site;
  }
  std::ptrdiff_t said(const std::string& what) const {
    return std::count_if(lines_.begin(), lines_.end(),
                         [&](const std::string& line) { return line.find(what) != std::string::npos; });
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
  std::string damage;  // SQL, done before the program starts
  sim::World world{3};
  sim::Node& node = world.add("server");
  Program* program = nullptr;
  bool loaded = false;
  Stop never_;
};

// The blob of these tests never had the SHA-256 that it is called by.
TEST_F(GatewayDoor, AFileThatAGatewayGotWrongIsHashedAgainAndSentToNobody) {
  start();
  node.spawn(program->artifacts.check(never_));
  const HttpResponse running = get("berlin");
  ASSERT_EQ(running.status, 200);
  const std::string hostile = R"({"epoch":1,"seq":1,"at":"2026-11-24T00:00:00Z","kind":"storage","artifacts":[],"used":0,"quota":0,"damaged":[{"sha256":")";
  EXPECT_EQ(post("berlin", hostile + sha('e').hex() + R"(","times":1}]})"), 200);
  ASSERT_TRUE(world.run_for(1min));
  EXPECT_EQ(program->artifacts.damage(sha('a')), nullptr) << "nothing that this site is to have";
  const std::string said = R"({"epoch":1,"seq":2,"at":"2026-11-24T00:00:00Z","kind":"storage","artifacts":[],"used":0,"quota":0,"damaged":[{"sha256":")";
  EXPECT_EQ(post("berlin", said + sha('a').hex() + R"(","times":1}]})"), 200);
  ASSERT_TRUE(world.run_until([&] { return program->artifacts.damage(sha('a')) != nullptr; }, 1min));
  EXPECT_TRUE(std::get<FileSlice>(running.body).transfer->stopped()) << "not another byte of it";
  const HttpResponse refused = get("berlin");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.get("Retry-After"), "60");
  EXPECT_NE(std::get<std::string>(refused.body).find("\"reason\":\"artifact_damaged\""), std::string::npos);
}

TEST_F(GatewayDoor, AFileThatItsDiskDidNotGiveIsHashedAgain) {
  start();
  node.spawn(program->artifacts.check(never_));
  const HttpResponse running = get("berlin"), other = get("berlin");
  ASSERT_EQ(running.status, 200);
  std::get<FileSlice>(other.body).transfer->on_end(Error{ErrorCode::kUnavailable, "the client has gone"});
  ASSERT_TRUE(world.run_for(1min));
  EXPECT_EQ(program->artifacts.damage(sha('a')), nullptr);
  std::get<FileSlice>(running.body).transfer->on_end(Error{ErrorCode::kCorrupt, "the file can't be read"});
  ASSERT_TRUE(world.run_for(1min));
  EXPECT_NE(program->artifacts.damage(sha('a')), nullptr);
}

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

TEST_F(GatewayDoor, ATokenOfNoSiteIsSaidOnce) {
  start();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get_plan("oslo").status, 401);
  EXPECT_EQ(said(" token_refused door"), 1) << "once an hour for each that tries";
}

TEST_F(GatewayDoor, APlanThatNoGatewayCouldTakeIsNotGiven) {
  start();
  const std::string before = std::string{get_plan("berlin").headers.get("ETag")};
  must(store->db().execute("UPDATE device_type SET components='[\"" + std::string(300, 'x') + "\"]' WHERE name='odd'"));
  program->sites.apply(must(store->add_deferral({.site = "berlin", .until = adapters::server_testing::kNow + 1h}, adapters::server_testing::kNow, {})).made.changed);
  EXPECT_EQ(get_plan("berlin", before).status, 503) << "it goes on with the one that it has";
  EXPECT_EQ(get_plan("lyon").status, 200);
  EXPECT_EQ(view("berlin").plan_trouble, "plan_not_loaded");
  EXPECT_NE(view("berlin").sentence.find("components[0]: is longer than 256 bytes (device_type odd)"), std::string::npos) << view("berlin").sentence;
  EXPECT_EQ(said("plan_not_loaded"), 1);
  EXPECT_EQ(get("berlin").status, 200) << "and fetches what that needs";
  must(store->db().execute("UPDATE device_type SET components='[\"fw\"]' WHERE name='odd'"));
  program->sites.apply(must(store->set_device_token("till-1", std::string(64, 'd'))));
  EXPECT_EQ(get_plan("berlin", before).status, 200);
  EXPECT_EQ(view("berlin").plan_trouble, "");
}

TEST_F(GatewayDoor, SaysThatAGatewayDoesNotTakeWhatItIsGiven) {
  start();
  const std::string tag = std::string{get_plan("berlin").headers.get("ETag")};
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(get_plan("berlin", "\"0\"").status, 200);
    EXPECT_TRUE(world.run_for(1min));
  }
  EXPECT_EQ(view("berlin").plan_trouble, "plan_not_taken");
  EXPECT_EQ(view("lyon").plan_trouble, "");
  EXPECT_EQ(said(" plan_not_taken site"), 1);
  EXPECT_EQ(get_plan("berlin", tag).status, 304);
  EXPECT_EQ(view("berlin").plan_trouble, "");
}

TEST_F(GatewayDoor, StartsWithFilesAndTokensThatCantBeRead) {
  damage = "PRAGMA foreign_keys=OFF; UPDATE blob SET sha256='x' WHERE sha256 LIKE 'b%';"
           "INSERT INTO upload(sha256, size, touched_at, durable) VALUES('x', 1, 1, 1)";
  must(store->add_site({.name = "oslo"}, "x", adapters::server_testing::kNow, {}));
  start();
  EXPECT_EQ(said("row_set_aside"), 2);
  EXPECT_EQ(said("site_token_unreadable site=oslo"), 1);
  EXPECT_EQ(get_plan("berlin").status, 503);
  EXPECT_NE(view("berlin").sentence.find("drayctl artifact push"), std::string::npos) << view("berlin").sentence;
  EXPECT_NE(view("oslo").sentence.find("drayctl row replace site oslo token_sha256"), std::string::npos) << view("oslo").sentence;
  must(store->add_blob({sha('b'), 10, std::string(40, '1'), std::string(32, '2')}, adapters::server_testing::kNow));
  EXPECT_EQ(get_plan("berlin").status, 200);
  EXPECT_EQ(get("berlin").status, 200);
}

TEST_F(GatewayDoor, EverySaveThatFailsIsSaidOnceAndAnyThatWorksEndsIt) {
  start();
  EXPECT_TRUE(program->sites.can_save());
  must(store->db().execute("PRAGMA max_page_count=1"));  // that is: as many as there are
  const auto defer = [this] {
    return store->add_deferral({.site = "berlin", .until = adapters::server_testing::kNow + 1h, .why = std::string(1 << 20, 'x')},
                               adapters::server_testing::kNow, {}).has_value();
  };
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(defer());
  EXPECT_FALSE(program->sites.can_save()) << "whoever asked for the save";
  bool flushed = false;
  const auto flush = [this](bool& done) -> Task<> {
    co_await program->sites.flush_contacts();
    done = true;
  };
  node.spawn(flush(flushed));
  EXPECT_TRUE(world.run_until([&] { return flushed; }, 1min));
  EXPECT_EQ(said("saves_fail"), 1);
  EXPECT_NE(lines_.back().find("disk is full"), std::string::npos) << lines_.back();
  EXPECT_TRUE(program->sites.can_save()) << "that one had room";
  EXPECT_FALSE(store->set_site_token("nowhere", std::string(64, '0'))) << "refused, not failed";
  EXPECT_TRUE(program->sites.can_save());
}

TEST(AdminAnswers, AreUtf8WhateverARowHolds) {
  const HttpResponse out = json_response(200, wire::json::object{{"why", "K\xf6ln"}});
  EXPECT_EQ(std::get<std::string>(out.body), "{\"why\":\"K\xef\xbf\xbdln\"}\n");
}

}  // namespace
}  // namespace dray::server

// The server whole, in a simulated world: an operator and a gateway that repeat what was not answered, and a
// server that may lose power at any write. Whatever it has acknowledged must hold.
#include "server/server.h"

#include <gtest/gtest.h>

#include "adapters/sqlite/server_store.h"
#include "sim/world.h"

namespace dray::server {
namespace {

using namespace std::chrono_literals;
using wire::json::array;
using wire::json::object;
using wire::json::value;

std::string image(std::size_t size) {
  std::string out(size, '\0');
  std::uint64_t x = 12345;
  for (char& c : out) {
    x = x * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>(x >> 56);
  }
  return out;
}

struct Program {
  std::unique_ptr<adapters::SqliteServerStore> store;
  std::unique_ptr<adapters::SqliteServerLists> lists;
  std::unique_ptr<ServerTime> time;
  std::unique_ptr<Server> server;
  Stop stop;
};

Task<> run_server(Program& program) {
  // Start-up fails only where the power goes in the middle of it.
  [[maybe_unused]] auto ended = co_await program.server->run(program.stop);
}

std::shared_ptr<void> boot(sim::World& world, sim::Node& node, const Options& options = {}) {
  auto program = std::make_shared<Program>();
  auto store = adapters::SqliteServerStore::open({.path = "server.db", .vfs = node.vfs()});
  if (!store) return program;
  program->store = std::move(*store);
  program->lists = std::make_unique<adapters::SqliteServerLists>(program->store->db());
  Worker& worker = node.worker("store");
  program->time = std::make_unique<ServerTime>(node.clock(), node.clock());
  program->server = std::make_unique<Server>(
      Parts{node.executor(), *program->time, node.random(), node.disk(), worker, worker, node.worker("bytes"),
            *program->store, *program->lists, node.log()},
      options);
  world.network().serve(node, "server", program->server->both());
  node.spawn(run_server(*program));
  return program;
}

// Operator and gateway in one: each call is repeated until it is answered as expected.
class Story {
 public:
  // computed: the server computes the times.
  Story(sim::World& world, sim::Node& me, sim::Node& server, bool computed)
      : computed_{computed}, me_{me}, server_{server}, http_{world.network(), me} {}

  bool done = false;
  std::int64_t acknowledged = 0;
  std::string received;  // the artifact, as the gateway got it
  value rollout;
  const std::string bytes = image(70'000);

  Task<> run() {
    const std::string sha = sha256_of(as_bytes(bytes)).hex();
    const value type{{"name", "till"}, {"components", array{"os"}}, {"client", "dray"}};
    co_await post("device-types", type);
    co_await upload(sha);
    const value artifact{{"sha256", sha},     {"name", "image"}, {"file", "image.img"},
                         {"component", "os"}, {"version", "2"},  {"device_types", array{"till"}}};
    co_await post("artifacts", artifact);
    co_await make_site();
    const value device{{"name", "till-1"}, {"site", "berlin"}, {"type", "till"}};
    co_await post("devices", device);
    const value release{{"name", "tills"}, {"version", "2"}, {"artifacts", array{sha}}};
    co_await post("releases", release);
    const WallTime now = me_.clock().wall();
    object wanted{{"release", "tills/2"}, {"delivery", "push"}, {"expires_at", to_rfc3339(now + 24h)}};
    if (!computed_) {
      wanted["transmit_at"] = to_rfc3339(now + 20s);
      wanted["update_at"] = to_rfc3339(now + 30s);
    }
    const value asked(std::move(wanted));
    co_await post("rollouts", asked);
    co_await await_transmission();
    transmit_at_ = now + 20s;
    if (computed_) co_await read_times();
    EXPECT_GE(me_.clock().wall(), transmit_at_) << "the server alone decides the instant, and not before it";
    co_await fetch(sha);
    co_await report();
    rollout = co_await get("/api/v1/rollouts/r1");
    done = true;
  }

 private:
  std::string admin_token() {
    auto text = read_file(server_.disk(), "admin-token", 1000);
    return text ? text->substr(0, text->size() - 1) : "";
  }

  // The first answer that is none of 401, 404 (for a moment after a crash) and 5xx.
  Task<TextResponse> call(Method method, std::string target, std::string body, Headers headers,
                          std::string token) {
    for (;;) {
      HttpRequest request{method, "http://server" + target};
      for (const auto& header : headers) request.headers.add(header.name, header.value);
      request.headers.add("Authorization", "Bearer " + (token.empty() ? admin_token() : token));
      auto answer = co_await exchange(http_, std::move(request), body, 1 << 20, never_);
      if (answer && answer->status < 500 && answer->status != 401) co_return std::move(*answer);
      [[maybe_unused]] auto slept = co_await me_.clock().sleep_until(me_.clock().steady() + 500ms, never_);
    }
  }

  Task<value> post(std::string what, value body) {
    Headers headers;
    headers.add("Idempotency-Key", what);
    std::string text = wire::to_text(body);
    auto answer = co_await call(Method::kPost, "/api/v1/" + what, std::move(text), std::move(headers), "");
    EXPECT_TRUE(answer.status == 200 || answer.status == 201)
        << what << ": " << answer.status << " " << answer.body;
    auto parsed = wire::parse_json(answer.body);
    co_return parsed ? *parsed : value{};
  }

  Task<value> get(std::string target) {
    Headers headers;
    auto answer = co_await call(Method::kGet, std::move(target), "", std::move(headers), "");
    EXPECT_EQ(answer.status, 200) << answer.body;
    auto parsed = wire::parse_json(answer.body);
    co_return parsed ? *parsed : value{};
  }

  Task<> read_times() {
    const value sites = co_await get("/api/v1/rollouts/r1/sites");
    const value& times = sites.at("items").at(0);
    EXPECT_TRUE(times.at("fits").as_bool());
    EXPECT_EQ(times.at("bytes").to_number<std::size_t>(), bytes.size());
    transmit_at_ = parse_rfc3339(std::string{times.at("transmit_at").as_string()}).value();
    EXPECT_EQ(times.at("update_at").as_string(), to_rfc3339(planned_at_)) << "what the gateway was told";
    EXPECT_GE(planned_at_, transmit_at_ + 1min) << "with a margin";
  }

  // The token is shown once; where that answer was lost, another is asked for.
  Task<> make_site() {
    const value site{{"name", "berlin"}};
    value made = co_await post("sites", site);
    if (!made.at("token").is_string()) made = co_await post("sites/berlin/token", value{});
    if (!made.at("token").is_string()) co_return;
    token_ = std::string{made.at("token").as_string()};
  }

  Task<> upload(std::string sha) {
    for (;;) {
      const value wanted{{"sha256", sha}, {"size", bytes.size()}};
      Headers none;
      std::string text = wire::to_text(wanted);
      auto begun = co_await call(Method::kPost, "/api/v1/uploads", std::move(text), std::move(none), "");
      if (begun.headers.get("Upload-Complete") == "?1") co_return;
      EXPECT_TRUE(begun.status == 200 || begun.status == 201)
          << "bytes that were not safe were taken for good: " << begun.status << " " << begun.body;
      if (begun.headers.get("Upload-Offset").empty()) co_return;
      const std::size_t offset = std::stoul(std::string{begun.headers.get("Upload-Offset")} + " ");
      Headers headers;
      headers.add("Upload-Offset", std::to_string(offset));
      std::string piece = bytes.substr(offset, 30'000);
      [[maybe_unused]] auto sent =
          co_await call(Method::kPatch, "/api/v1/uploads/" + sha, std::move(piece), std::move(headers), "");
    }
  }

  // Polls as a gateway does, and looks at every plan: the revision never falls, and names one content only.
  Task<> await_transmission() {
    std::string tag;
    std::map<std::int64_t, std::string> contents;
    std::int64_t newest = 0;
    for (;;) {
      Headers headers;
      headers.add("Prefer", "wait=10");
      if (!tag.empty()) headers.add("If-None-Match", tag);
      auto answer = co_await call(Method::kGet, "/gateway/v1/plan", "", std::move(headers), token_);
      if (answer.status != 200) continue;
      tag = std::string{answer.headers.get("ETag")};
      auto message = wire::decode_plan(answer.body);
      EXPECT_TRUE(message);
      if (!message) co_return;
      message->server_time = {};
      message->reports_seen = {};
      EXPECT_GE(message->plan.revision, newest);
      newest = message->plan.revision;
      const auto known = contents.emplace(newest, wire::encode_plan(*message)).first;
      EXPECT_EQ(known->second, wire::encode_plan(*message)) << "one revision, one content";
      const auto& assignments = message->plan.assignments;
      if (!assignments.empty()) planned_at_ = assignments[0].planned_at;
      if (!assignments.empty() && assignments[0].fetch == core::Fetch::kNow) co_return;
      Headers no;
      if (!assignments.empty()) {
        auto held = co_await call(Method::kGet, "/gateway/v1/artifacts/" + sha256_of(as_bytes(bytes)).hex(),
                                  "", std::move(no), token_);
        if (held.status == 200 && !computed_) {
          EXPECT_GE(me_.clock().wall(), assignments[0].planned_at - 10s)
              << "bytes before the transmission time";
        }
      }
    }
  }

  Task<> fetch(std::string sha) {
    while (received.size() < bytes.size()) {
      Headers headers;
      headers.add("Range", "bytes=" + std::to_string(received.size()) + "-");
      auto answer =
          co_await call(Method::kGet, "/gateway/v1/artifacts/" + sha, "", std::move(headers), token_);
      EXPECT_EQ(answer.status, 206) << answer.body;
      if (answer.status != 206) co_return;
      received += answer.body;
    }
  }

  Task<> report() {
    for (const std::string state : {"downloading", "installing", "succeeded"}) {
      const std::int64_t seq = acknowledged + 1;
      const object entry{{"epoch", 1},    {"seq", seq},         {"at", "2026-11-24T00:00:00Z"},
                         {"kind", "job"}, {"job", "r1-till-1"}, {"state", state},
                         {"reason", ""},  {"sentence", ""},     {"step", 0},
                         {"attempt", 1},  {"bytes", 70'000},    {"running", {{"os", "2"}}}};
      array body;
      body.push_back(entry);
      Headers none;
      std::string text = wire::to_text(body);
      auto answer =
          co_await call(Method::kPost, "/gateway/v1/reports", std::move(text), std::move(none), token_);
      EXPECT_EQ(answer.status, 200) << answer.body;
      const auto decoded = wire::decode_answer(answer.body);
      EXPECT_TRUE(decoded);
      if (!decoded) co_return;
      EXPECT_EQ(decoded->acknowledged, (core::ReportsSeen{1, seq}));
      acknowledged = decoded->acknowledged.seq;
    }
  }

  bool computed_;
  WallTime transmit_at_, planned_at_;
  sim::Node& me_;
  sim::Node& server_;
  sim::SimHttpClient http_;
  Stop never_;
  std::string token_;
};

class ServerInTheWorld {
 public:
  explicit ServerInTheWorld(std::uint64_t seed, bool worst_disk, bool computed = false) : world{seed} {
    world.set_crash_options({.lose_all_unsynced = worst_disk});
    server.set_program([this](sim::Node& node) { return boot(world, node); });
    world.on_crashed([this](sim::Node& node) {
      crashes += 1;
      world.after(2s, [&node] { node.power_on(); });
    });
    client.power_on();
    server.power_on();
    story = std::make_unique<Story>(world, client, server, computed);
    client.spawn(story->run());
  }
  void run() {
    const auto done = world.run_until([this] { return story->done; }, 30min);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(story->received, story->bytes);
    EXPECT_EQ(story->rollout.at("state").as_string(), "finished");
    EXPECT_EQ(story->rollout.at("succeeded").to_number<int>(), 1);
  }

  sim::World world;
  sim::Node& server = world.add("server");
  sim::Node& client = world.add("client");
  std::unique_ptr<Story> story;
  int crashes = 0;
};

TEST(Server, LeadsFromAnUploadToAFinishedRollout) {
  ServerInTheWorld all{1, false};
  all.run();
  EXPECT_EQ(all.crashes, 0);
}

TEST(Server, ComputesTheTimesOfARolloutThatGivesNone) {
  ServerInTheWorld all{1, false, true};
  all.run();
  EXPECT_EQ(all.crashes, 0);
}

// At each so many writes; before it or after it, by turns where nothing is given.
void lose_power_everywhere(bool computed, std::uint64_t every, std::optional<sim::Power> only = {}) {
  std::uint64_t made = 0, points = 0;
  {
    ServerInTheWorld all{2, false, computed};
    made = all.server.disk().ops();  // the database, which is there before the hook below is
    all.run();
    points = all.server.disk().ops();
  }
  ASSERT_GT(points, made + 50);
  std::uint64_t crashes = 0;
  for (std::uint64_t at = made + 1; at <= points; at += every) {
    for (const sim::Power power : {sim::Power::kLostBefore, sim::Power::kLostAfter}) {
      if (only ? power != *only : (at / every % 2 == 0) == (power == sim::Power::kLostAfter)) continue;
      SCOPED_TRACE("power lost at write " + std::to_string(at) +
                   (power == sim::Power::kLostAfter ? ", after it" : ", before it"));
      ServerInTheWorld all{at, at % 2 == 0, computed};
      all.server.disk().on_op(
          [at, power](std::uint64_t n, const std::string&) { return n == at ? power : sim::Power::kStays; });
      all.run();
      crashes += static_cast<std::uint64_t>(all.crashes);
      if (::testing::Test::HasFailure()) return;
    }
  }
  // The writes of another seed are about as many, and each cut is a crash.
  EXPECT_GT(crashes, (points - made) / every * 9 / 10);
}

TEST(Server, LosesNothingThatItAcknowledgedBeforeWhichWriteThePowerGoes) { lose_power_everywhere(false, 1, sim::Power::kLostBefore); }
TEST(Server, LosesNothingThatItAcknowledgedAfterWhichWriteThePowerGoes) { lose_power_everywhere(false, 1, sim::Power::kLostAfter); }

TEST(Server, ComputesTimesWhereverThePowerGoes) { lose_power_everywhere(true, 3); }

TEST(Server, GoesOnWhileGatewaysAnswersAreLost) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ServerInTheWorld all{seed, false};
    sim::SimRandom chance{seed};
    all.world.network().on_request([&chance](const std::string&, const std::string&, const HttpRequest&) {
      const auto roll = random_unit(chance);
      return sim::Fault{.kind = roll < 0.1   ? sim::Fault::Kind::kLoseRequest
                                : roll < 0.2 ? sim::Fault::Kind::kLoseAnswer
                                             : sim::Fault::Kind::kNone,
                        .after = 0};
    });
    all.run();
  }
}

// One upload, piece by piece, by hand.
struct Uploader {
  sim::Node& me;
  sim::Node& server;
  sim::SimHttpClient http;
  Stop never{};
  std::vector<int> statuses{};
  std::string offset{};  // of the last answer

  Uploader(sim::World& world, sim::Node& m, sim::Node& s) : me{m}, server{s}, http{world.network(), m} {}

  Task<> call(Method method, std::string path, std::string body, std::string at) {
    auto token = read_file(server.disk(), "admin-token", 1000);
    HttpRequest request{method, "http://server" + (path.starts_with("/") ? path : "/api/v1/" + path)};
    request.headers.add("Authorization", "Bearer " + (token ? token->substr(0, token->size() - 1) : ""));
    request.headers.add("Upload-Offset", at);
    auto answer = co_await exchange(http, std::move(request), std::move(body), 1 << 20, never);
    statuses.push_back(answer ? answer->status : 0);
    if (answer) offset = std::string{answer->headers.get("Upload-Offset")};
  }
};

class UploadInTheWorld : public ::testing::Test {
 protected:
  UploadInTheWorld() {
    options.upload_kept = 2h;
    server.set_program([this](sim::Node& node) { return boot(world, node, options); });
    client.power_on();
    server.power_on();
    EXPECT_TRUE(world.run_for(5s));
    uploader = std::make_unique<Uploader>(world, client, server);
  }
  int call(Method method, const std::string& path, const std::string& body, const std::string& at = "0") {
    const std::size_t before = uploader->statuses.size();
    client.spawn(uploader->call(method, path, body, at));
    EXPECT_TRUE(world.run_until([&] { return uploader->statuses.size() > before; }, 5min));
    return uploader->statuses.back();
  }
  void begin() {
    const value wanted{{"sha256", sha}, {"size", bytes.size()}};
    EXPECT_EQ(call(Method::kPost, "uploads", wire::to_text(wanted)), 201);
  }

  Options options;
  sim::World world{7};
  sim::Node& server = world.add("server");
  sim::Node& client = world.add("client");
  std::unique_ptr<Uploader> uploader;
  const std::string bytes = image(3'000'000), sha = sha256_of(as_bytes(bytes)).hex();
};

TEST_F(UploadInTheWorld, ThatFindsTheDiskFullGoesOnWhenThereIsRoom) {
  begin();
  server.disk().set_capacity(1'500'000);
  EXPECT_EQ(call(Method::kPatch, "uploads/" + sha, bytes), 507);
  EXPECT_EQ(call(Method::kHead, "uploads/" + sha, ""), 200);
  const std::string at = uploader->offset;
  EXPECT_GT(std::stoul(at), 0u);
  EXPECT_LT(std::stoul(at), 1'500'000u);
  server.disk().set_capacity(1'000'000'000);
  EXPECT_EQ(call(Method::kPatch, "uploads/" + sha, bytes.substr(std::stoul(at)), at), 200);
  EXPECT_EQ(read_file(server.disk(), "blobs/" + sha, 4'000'000).value(), bytes);
}

using ReadyInTheWorld = UploadInTheWorld;
TEST_F(ReadyInTheWorld, OnlyWhereSomethingCanBeSaved) {
  EXPECT_EQ(call(Method::kGet, "/readyz", ""), 200);
  server.disk().set_capacity(1);
  EXPECT_TRUE(world.run_for(10s));
  EXPECT_EQ(call(Method::kGet, "/readyz", ""), 503);
  EXPECT_EQ(call(Method::kGet, "/healthz", ""), 200);
  server.disk().set_capacity(1'000'000'000);
  EXPECT_TRUE(world.run_for(10s));
  EXPECT_EQ(call(Method::kGet, "/readyz", ""), 200);
}

TEST_F(UploadInTheWorld, ThatNobodyTouchesIsSwept) {
  begin();
  EXPECT_EQ(call(Method::kPatch, "uploads/" + sha, bytes.substr(0, 1000)), 200);
  EXPECT_TRUE(world.run_for(1h));
  EXPECT_EQ(call(Method::kHead, "uploads/" + sha, ""), 200);
  EXPECT_TRUE(world.run_for(3h));
  EXPECT_EQ(call(Method::kHead, "uploads/" + sha, ""), 404);
  EXPECT_FALSE(server.disk().exists("uploads/" + sha));
  begin();  // and may be begun anew
  EXPECT_EQ(uploader->offset, "0");
}

}  // namespace
}  // namespace dray::server

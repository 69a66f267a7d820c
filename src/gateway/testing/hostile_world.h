// For tests of loops: one gateway in virtual time before a server that follows its contract, except where a test says
// what it answers instead. Counts what the gateway asks.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/site/gateway_life.h"
#include "sim/site/plan_server.h"
#include "sim/world.h"

namespace dray::gateway::testing_world {

using namespace std::chrono_literals;

inline std::size_t most_in_a_minute(const std::vector<SteadyTime>& times) {
  std::size_t most = 0;
  for (std::size_t i = 0, first = 0; i < times.size(); ++i) {
    while (times[i] - times[first] > 1min) ++first;
    most = std::max(most, i - first + 1);
  }
  return most;
}

class HostileServer final : public HttpHandler {
 public:
  explicit HostileServer(sim::Node& node) : honest{node, "token"}, node_{node} {}

  sim::PlanServer honest;
  // What is answered instead; nothing: what the contract says.
  using Instead = std::function<std::optional<HttpResponse>(const HttpRequest& request, const std::string& body)>;
  std::map<std::string, Instead> instead;                 // by "plan", "reports", "artifacts", "probe"
  std::map<std::string, std::vector<SteadyTime>> asked;  // by the same

  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override {
    std::string what = request.target.substr(request.target.find("/v1/") + 4);
    what = what.substr(0, what.find_first_of("/?"));
    asked[what].push_back(node_.clock().steady());
    std::string body;
    if (request.body) {
      auto read = co_await read_all(*request.body, 16 << 20);
      if (read) body = std::move(*read);
    }
    if (const auto hook = instead.find(what); hook != instead.end())
      if (auto answer = hook->second(request, body)) co_return std::move(*answer);
    if (request.body) request.body = text_body(std::move(body));
    co_return co_await honest.handle(std::move(request), stop);
  }

 private:
  sim::Node& node_;
};

class LoopsTest : public ::testing::Test {
 protected:
  LoopsTest() {
    settings.server_url = "http://server";
    settings.token = "token";
    settings.poll_sleep = 60s;
    settings.local_names = {"local.gw"};
    settings.store_reserve = 0;
    server_node.power_on();
    world.network().serve(server_node, "server", server);
    world.trace().on_line([this](std::string_view node, std::string_view line) {
      if (node == "gw") lines.emplace_back(line);
    });
    gw.set_program([this](sim::Node& node) {
      auto life = std::make_shared<sim::GatewayLife>(world, node, settings, watch);
      gateway_life = life;
      return life;
    });
    people.power_on();
  }

  // One device and, where there are artifacts, one job that wants them all at once.
  core::Plan plan_of(const std::vector<core::Artifact>& artifacts = {}) {
    core::Plan plan;
    plan.site = SiteId{"berlin"};
    plan.action_ids = {{1101, 1'001'100}};
    plan.device_types = {{.name = "board", .components = {"os"}, .order = {{"os"}}, .parts = {}}};
    plan.devices = {{.name = DeviceId{"dev-1"}, .type = "board", .token_sha256 = sha256_of(as_bytes("tok")).hex()}};
    plan.artifacts = artifacts;
    if (artifacts.empty()) return plan;
    core::Assignment assignment;
    assignment.id = AssignmentId{"r1-berlin"};
    assignment.rollout = RolloutId{"r1"};
    assignment.planned_at = world.true_time() - 1s;
    assignment.expires_at = assignment.planned_at + 100h;
    core::Step step;
    for (const auto& artifact : artifacts) step.push_back(artifact.sha256);
    assignment.jobs.push_back({JobId{"r1-dev-1"}, DeviceId{"dev-1"}, {step}});
    plan.assignments = {assignment};
    return plan;
  }
  static std::string bytes_of(std::size_t size, unsigned seed = 1) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
    return out;
  }
  core::Artifact add(std::size_t size, unsigned seed = 1) {
    return server.honest.add_artifact(bytes_of(size, seed), "os", "2");
  }

  void run_for(Duration time) {
    const Result<> ran = world.run_for(time);
    ASSERT_TRUE(ran) << ran.error().message();
  }
  // The gateway asks for it without end, and is braked: an hour of it.
  void expect_braked(const std::string& what) {
    gw.power_on();
    run_for(1h);
    const auto& times = server.asked[what];
    EXPECT_LE(most_in_a_minute(times), 60U) << what;
    EXPECT_LE(times.size(), 150U) << what;
    EXPECT_GE(times.size(), 6U) << what << " is still asked for";
    Duration longest{0};
    for (std::size_t i = 1; i < times.size(); ++i) longest = std::max<Duration>(longest, times[i] - times[i - 1]);
    EXPECT_GE(longest, 100s) << "pauses have grown";
    EXPECT_LE(longest, 305s) << "and not for ever";
  }
  std::size_t logged(const std::string& event) const {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [&](const auto& line) { return line.find(event) != line.npos; }));
  }
  bool is_stored(const core::Artifact& artifact) { return gw.disk().exists(Blobs::path_of(artifact.sha256)); }

  // The local API's answer.
  boost::json::value status() {
    std::optional<std::string> out;
    people.spawn(get_status(out));
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, 1min));
    return boost::json::parse(out.value_or("{}"));
  }
  std::string why_slow() {
    std::string out;
    const boost::json::value all = status();
    for (const auto& sentence : all.at("slow").as_array()) out += std::string{sentence.as_string()} + "\n";
    return out;
  }

  sim::World world{1};
  sim::Node& server_node = world.add("server");
  sim::Node& gw = world.add("gw");
  sim::Node& people = world.add("people");
  HostileServer server{server_node};
  Settings settings;
  Watch watch;
  std::weak_ptr<sim::GatewayLife> gateway_life;
  std::deque<std::string> lines;

 private:
  Task<> get_status(std::optional<std::string>& out) {
    sim::SimHttpClient client{world.network(), people};
    Stop never;
    HttpRequest request{Method::kGet, "http://local.gw/api/v1/status"};
    auto answer = co_await exchange(client, std::move(request), "", 1 << 20, never);
    out = answer ? answer->body : "{}";
  }
};

}  // namespace dray::gateway::testing_world

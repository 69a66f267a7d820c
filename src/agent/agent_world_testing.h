// For tests: the agent whole, in a simulated world, on a device that may lose power at any write, before a
// server that does what it is told.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/ab_dir.h"
#include "agent/agent.h"
#include "agent/agent_testing.h"
#include "agent/boot.h"
#include "agent/single_file.h"
#include "sim/world.h"

namespace dray::agent::testing {

using namespace std::chrono_literals;

// Not compressible to nothing, and different for every seed.
inline std::string image(std::size_t size, unsigned seed) {
  std::string out(size, '\0');
  std::uint64_t x = seed * 2654435761U + 1;
  for (char& c : out) {
    x = x * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>(x >> 56);
  }
  return out;
}

inline std::unique_ptr<Installer> make(const std::string& kind, Disk& disk, Worker& worker) {
  if (kind == "ab-dir") return std::make_unique<AbDirInstaller>(disk, "device", disk, worker);
  return std::make_unique<SingleFileInstaller>(
      disk, "device", disk, worker, std::map<std::string, Path>{{"os", "os.img"}, {"app", "app.img"}});
}

// A process device: its supervisor's decision, then the agent; a restart is a new boot id.
struct Program {
  Program(sim::World& world, sim::Node& n, std::string k)
      : node{n}, http{world.network(), n}, kind{std::move(k)} {}
  sim::Node& node;
  sim::SimHttpClient http;
  std::string kind;
  std::unique_ptr<Installer> installer;
  std::unique_ptr<Agent> agent;
  Stop stop;
  int crash_starts = 0;  // so many starts of a trial end before the agent does anything
  int starts = 0;
  Probe* probe = nullptr;
};

// A busy command's part.
struct ScriptedProbe : Probe {
  ProbeAnswer next;
  int asked = 0;
  std::function<void()> on_asked;  // before it answers
  bool knows(const std::string&) const override { return true; }
  Task<Result<ProbeAnswer>> run(std::string, ProbeSubject, Stop&) override {
    ++asked;
    if (on_asked) on_asked();
    co_return next;
  }
};

inline Task<> run_device(Program& p, AgentSettings settings) {
  for (;;) {
    p.starts += 1;
    p.installer = make(p.kind, p.node.disk(), p.node.worker("bytes"));
    BootParts boot{p.node.disk(), p.node.worker("bytes"), *p.installer, p.node.log()};
    [[maybe_unused]] auto counted = co_await before_start(std::move(boot), p.stop);
    if (!load_boot(p.node.disk()).trial.empty() && p.crash_starts > 0) {
      p.crash_starts -= 1;
      continue;
    }
    AgentParts parts{p.node.clock(),
                     p.node.random(),
                     p.node.disk(),
                     p.node.worker("bytes"),
                     p.http,
                     *p.installer,
                     random_uuid(p.node.random()),
                     p.node.log(),
                     {},
                     p.probe,
                     {}};
    p.agent = std::make_unique<Agent>(settings, std::move(parts));
    const Exit exit = co_await p.agent->run(p.stop);
    if (exit == Exit::kStopped) co_return;
  }
}

inline Task<> put_version(sim::Node& node, std::string kind, std::vector<TestPart> parts, bool& done) {
  const auto installer = make(kind, node.disk(), node.worker("bytes"));
  Stop never;
  InstallerEnv order;
  for (const TestPart& part : parts) order.order.push_back(part.component);
  for (const TestPart& part : parts) {
    EXPECT_TRUE(replace_file(node.disk(), "payload", part.bytes));
    InstallerEnv env{part.component,    part.version, sha256_of(as_bytes(part.bytes)),
                     part.bytes.size(), "payload",    order.order};
    auto wrote = co_await installer->run(InstallerVerb::kDownload, std::move(env), never);
    EXPECT_TRUE(wrote && wrote->exit == InstallerExit::kOk);
  }
  for (const InstallerVerb verb : {InstallerVerb::kInstall, InstallerVerb::kCommit}) {
    InstallerEnv env = order;
    auto answer = co_await installer->run(verb, std::move(env), never);
    EXPECT_TRUE(answer && answer->exit == InstallerExit::kOk) << (answer ? answer->words : "");
  }
  done = true;
}

class AgentTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kSize = 300'000;

  explicit AgentTest(std::uint64_t seed = 1) : world{seed} {}

  void set_up(const std::string& kind = "ab-dir",
              std::vector<TestPart> parts = {{"os", "1", image(5000, 1)}, {"app", "7", image(3000, 2)}}) {
    server_node.power_on();
    world.network().serve(server_node, "gw", server);
    bool done = false;
    device.power_on();
    device.spawn(put_version(device, kind, std::move(parts), done));
    ASSERT_TRUE(world.run_until([&] { return done; }, 1min));
    device.power_off();
    ASSERT_TRUE(world.run_for(1s));
    device.set_program([this, kind](sim::Node& node) {
      auto program = std::make_shared<Program>(world, node, kind);
      program->crash_starts = crash_starts;
      program->probe = &probe;
      current = program.get();
      node.spawn(run_device(*program, settings));
      return program;
    });
    settings.url = "http://gw";
    settings.id = "dev-1";
    settings.busy_file = "busy";
    settings.attributes = {{"dray.type", "till-t3"}};
    world.on_crashed([this](sim::Node& node) { world.after(1s, [&node] { node.power_on(); }); });
  }
  std::string phase() const {
    const auto* attempt = current != nullptr && current->agent ? current->agent->attempt() : nullptr;
    return attempt != nullptr ? std::string{core::attempt::phase_name(attempt->phase)} : "";
  }
  bool saw(const std::string& what) const {
    return std::find(server.feedback.begin(), server.feedback.end(), what) != server.feedback.end();
  }
  static Task<> call_locally(Agent& agent, std::string line, std::optional<std::string>& out) {
    auto answer = co_await agent.local_call(std::move(line), "alex");
    out = std::move(answer);
  }
  // What the agent's local socket would answer.
  std::string local(const std::string& line) {
    std::optional<std::string> out;
    device.spawn(call_locally(*current->agent, line, out));
    EXPECT_TRUE(world.run_until([&] { return out.has_value(); }, 1min));
    return out.value_or("");
  }
  bool confirmed() const {
    return !server.confirmations.empty() && server.confirmations.back() == R"({"confirmation":"confirmed"})";
  }
  std::size_t index_of(const std::string& what) const {
    return static_cast<std::size_t>(std::find(server.trail.begin(), server.trail.end(), what) -
                                    server.trail.begin());
  }

  sim::World world;
  sim::Node& server_node = world.add("gw");
  sim::Node& device = world.add("dev");
  ScriptedDdi server{"http://gw"};
  AgentSettings settings;
  Program* current = nullptr;
  int crash_starts = 0;
  ScriptedProbe probe;
  const TestPart new_os{"os", "2", image(kSize, 3)};
};

}  // namespace dray::agent::testing

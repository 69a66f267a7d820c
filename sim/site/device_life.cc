#include "sim/site/device_life.h"

#include <memory>

#include "agent/boot.h"

namespace dray::sim {
namespace {

using namespace std::chrono_literals;

agent::AgentParts agent_parts(Node& node, HttpClient& http, Installer& installer, Watch watch) {
  return {node.clock(),
          node.random(),
          node.disk(),
          node.worker("bytes"),
          http,
          installer,
          node.name() + "-boot-" + std::to_string(node.boots()),
          node.log(),
          std::move(watch)};
}

struct Factory {
  Factory(Node& n, const std::vector<FactoryImage>& i)
      : node{n}, images{i}, installer{n.disk(), "ab", n.disk(), n.worker("bytes")} {}
  Node& node;
  const std::vector<FactoryImage>& images;
  agent::AbDirInstaller installer;
  Stop never;
  Result<> how{};
  bool done = false;
};

Task<> install(Factory& f) {
  InstallerEnv order;
  for (const FactoryImage& image : f.images) order.order.push_back(image.component);
  for (const FactoryImage& image : f.images) {
    f.how = replace_file(f.node.disk(), "factory.img", image.bytes);
    InstallerEnv env = order;
    env.component = image.component;
    env.version = image.version;
    env.sha256 = image.sha256;
    env.size = image.bytes.size();
    env.payload = "factory.img";
    const auto answer = co_await f.installer.run(InstallerVerb::kDownload, std::move(env), f.never);
    if (!answer) f.how = answer.error();
  }
  for (const InstallerVerb verb : {InstallerVerb::kInstall, InstallerVerb::kCommit}) {
    InstallerEnv env = order;
    const auto answer = co_await f.installer.run(verb, std::move(env), f.never);
    if (!answer) f.how = answer.error();
  }
  [[maybe_unused]] const auto gone = f.node.disk().unlink("factory.img");
  f.done = true;
}

}  // namespace

Task<Result<InstallerAnswer>> MoodyInstaller::run(InstallerVerb verb, InstallerEnv env, Stop& stop) {
  const InstallerAnswer failed{InstallerExit::kFailed, {}, "a fault of the device"};
  const bool fails = mood_.fails && mood_.fails->verb == verb;
  const bool after = fails && mood_.fails->after;
  if (fails) mood_.fails.reset();
  if (fails && !after) co_return failed;
  if (mood_.also_fails && mood_.also_fails(verb)) co_return failed;
  if (verb == InstallerVerb::kReady && mood_.ready != InstallerExit::kOk) {
    const InstallerAnswer not_now{mood_.ready, {}, "not now"};
    co_return not_now;
  }
  auto answer = co_await real_.run(verb, std::move(env), stop);
  if (after) co_return failed;
  co_return answer;
}

DeviceLife::DeviceLife(World& world, Node& node, agent::AgentSettings settings, Mood& mood, Watch watch)
    : node_{node},
      mood_{mood},
      http_{world.network(), node},
      slots_{node.disk(), "ab", node.disk(), node.worker("bytes")},
      installer_{slots_, mood},
      agent_{std::move(settings), agent_parts(node, http_, installer_, std::move(watch))} {
  node.spawn(run(*this));
}

Task<> DeviceLife::run(DeviceLife& self) {
  Node& node = self.node_;
  const auto parts = [&] {
    return agent::BootParts{node.disk(), node.worker("bytes"), self.installer_, node.log()};
  };
  agent::BootParts before = parts();
  const auto started = co_await agent::before_start(std::move(before), self.stop_);
  if (!started) node.log().error("boot_failed", {{"why", started.error().message()}});
  if (self.mood_.dies && !agent::load_boot(node.disk()).trial.empty()) {
    std::string how = "ended with status " + std::to_string(*std::exchange(self.mood_.dies, std::nullopt));
    agent::BootParts after = parts();
    const auto back = co_await agent::program_ended(std::move(after), std::move(how), self.stop_);
    if (back && *back) {
      node.power_off();
      co_return;
    }
  }
  const agent::Exit exit = co_await self.agent_.run(self.stop_);
  if (exit == agent::Exit::kRestart) node.power_off();
}

Result<> provision(World& world, Node& node, std::vector<FactoryImage> images) {
  std::shared_ptr<Factory> factory;
  node.set_program([&](Node& n) {
    factory = std::make_shared<Factory>(n, images);
    n.spawn(install(*factory));
    return factory;
  });
  node.power_on();
  Result<> done = world.run_until([&] { return factory->done; }, 1min);
  if (done) done = factory->how;
  factory.reset();
  node.bury({});
  return done;
}

std::map<std::string, std::string> active_images(Node& node) {
  std::map<std::string, std::string> out;
  const auto link = node.disk().read_link("ab/current");
  if (!link) return out;
  const Path slot = "ab/" + *link;
  const auto names = node.disk().list(slot);
  if (!names) return out;
  for (const std::string& name : *names)
    if (const auto image = read_file(node.disk(), slot + "/" + name + "/image", 1 << 20))
      out[name] = sha256_of(as_bytes(*image)).hex();
  return out;
}

}  // namespace dray::sim

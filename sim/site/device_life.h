// One life of a device: what its supervisor decides, then the agent, then, where it wants one, a restart. The
// production code over a real ab-dir installer; what a device may do on its own is its Mood.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/ab_dir.h"
#include "agent/agent.h"
#include "sim/world.h"

namespace dray::sim {

// What a device is like for a while. Outlives its lives.
struct Mood {
  struct Failure {
    InstallerVerb verb{};
    bool after = false;  // its work is done all the same
  };
  std::optional<Failure> fails;     // the next call of this verb
  std::optional<int> dies;          // the program of the next new version ends at once, with this status
  InstallerExit ready = InstallerExit::kOk;  // what the installer says when it is asked
  std::function<bool(InstallerVerb)> also_fails;  // asked at every call
};

class MoodyInstaller final : public Installer {
 public:
  MoodyInstaller(Installer& real, Mood& mood) : real_{real}, mood_{mood} {}
  Task<Result<InstallerAnswer>> run(InstallerVerb verb, InstallerEnv env, Stop& stop) override;

 private:
  Installer& real_;
  Mood& mood_;
};

class DeviceLife {
 public:
  // `mood` outlives it. Its disk: "ab/" the slots, state.json and spool/ the agent's.
  DeviceLife(World& world, Node& node, agent::AgentSettings settings, Mood& mood, Watch watch = {});

  agent::Agent& agent() { return agent_; }

 private:
  static Task<> run(DeviceLife& self);

  Node& node_;
  Mood& mood_;
  SimHttpClient http_;
  agent::AbDirInstaller slots_;
  MoodyInstaller installer_;
  agent::Agent agent_;
  Stop stop_;
};

// As the factory leaves a device: these images active and committed, through the installer itself. The node
// has no power before and after.
struct FactoryImage {
  std::string component, version;
  Sha256 sha256;
  std::string bytes;
};
Result<> provision(World& world, Node& node, std::vector<FactoryImage> images);

// component -> SHA-256 of the bytes that would start, by what is on the disk now.
std::map<std::string, std::string> active_images(Node& node);

}  // namespace dray::sim

// The machines of a simulated fleet, running the production code of all three tiers: the nodes, what is on their
// disks, and what a fault may do to them beside the simulator's own faults.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/fleet/catalog.h"
#include "sim/fleet/foreign/device.h"
#include "sim/fleet/options.h"
#include "sim/fleet/server_life.h"
#include "sim/site/device_life.h"
#include "sim/site/gateway_life.h"

namespace dray::sim::fleet {

// A second machine that says it is another one, with its token: for a while, once in a world.
struct Twin {
  Node *node = nullptr, *of = nullptr;
  bool started = false, gone = false;
};

// The token with which a site's gateway lets in devices that the server knows nothing of, in worlds that have such.
inline constexpr std::string_view kSiteSecret = "site-secret";
// What a device says that was entered under another type.
inline constexpr std::string_view kOtherHardware = "scale";
inline constexpr BytesPerSecond kWan{8'000}, kLan{32'000}, kSlowLan{2'000};

class Fleet {
 public:
  // Devices leave the factory with version 0 of both components. Nothing has power yet.
  Fleet(World& world, Catalog& catalog, const FleetOptions& options, const Swarm& swarm);

  Node& server() { return *server_; }
  Node& people() { return *people_; }  // the operators' machine; it never loses power
  const std::vector<Node*>& gateways() const { return gateways_; }
  const std::vector<Node*>& devices() const { return devices_; }   // those that run our agent
  const std::vector<Node*>& foreign() const { return foreign_; }   // those that run another client
  const Habits& habits(const Node& foreign) const { return habits_.at(foreign.name()); }
  std::string identity(const Node& foreign) const;  // as it stands in its requests
  // Null where the world has none.
  Twin* twin_gateway() { return twin_gateway_ ? &*twin_gateway_ : nullptr; }
  Twin* twin_agent() { return twin_agent_ ? &*twin_agent_ : nullptr; }
  bool is_gone(const Node& node) const;  // for good
  Node& gateway_of(const Node& device);
  Mood& mood(const Node& device) { return moods_[device.name()]; }

  // From the server's answers: known before a gateway or a device starts.
  void set_token(const std::string& name, std::string token) { tokens_[name] = std::move(token); }

  // Told why, where a program of ours ended by itself.
  void on_ended(std::function<void(Node&, const Error&)> hook) { on_ended_ = std::move(hook); }
  void set_watch(std::function<Watch(const Node&)> watch) { watch_ = std::move(watch); }

  // Null where the machine is off, or not as far yet.
  server::Lists* lists();
  agent::Agent* agent(const Node& device);

  // Power comes back this long after it went; one restart needs no more.
  void set_outage(const Node& node, Duration outage) { outages_[node.name()] = outage; }
  Duration take_outage(const Node& node);

 private:
  void add_server();
  void add_gateway(const std::string& name);
  void add_device(const std::string& name, const std::string& site, int number);
  void add_strangers(const Swarm& swarm);
  void add_foreign(const std::string& name, const std::string& site, const Habits& habits);
  void add_twin_gateway(Node& of);
  void add_twin_agent(Node& of);
  void say_types();
  void boots_agent(Node& node, const std::string& identity, const std::string& site);
  ForeignSettings foreign_settings(const std::string& name, const std::string& site) const;
  Watch watch_of(const Node& node) const { return watch_ ? watch_(node) : Watch{}; }
  gateway::Settings gateway_settings(const std::string& name) const;
  agent::AgentSettings agent_settings(const std::string& name, const std::string& site) const;

  World& world_;
  Catalog& catalog_;
  FleetOptions options_;
  SimRandom random_;
  Node *server_ = nullptr, *people_ = nullptr;
  std::vector<Node*> gateways_, devices_, foreign_;
  std::optional<Twin> twin_gateway_, twin_agent_;
  std::map<std::string, Habits> habits_;
  std::map<std::string, std::string> says_type_;  // of our agents, in worlds where they say it
  std::map<std::string, std::pair<SteadyTime, SteadyTime>> off_;  // when a foreign device is
  std::function<void(Node&, const Error&)> on_ended_;
  std::function<Watch(const Node&)> watch_;
  std::map<std::string, Mood> moods_;
  std::map<std::string, std::string> tokens_;
  std::map<std::string, Duration> outages_;
  std::vector<FactoryImage> factory_;
  std::weak_ptr<ServerLife> server_life_;
  std::map<std::string, std::weak_ptr<DeviceLife>> device_lives_;
};

}  // namespace dray::sim::fleet

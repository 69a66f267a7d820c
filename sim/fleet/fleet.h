// The machines of a simulated fleet, running the production code of all three tiers: the nodes, what is on their
// disks, and what a fault may do to them beside the simulator's own faults.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/fleet/catalog.h"
#include "sim/fleet/options.h"
#include "sim/fleet/server_life.h"
#include "sim/site/device_life.h"
#include "sim/site/gateway_life.h"

namespace dray::sim::fleet {

class Fleet {
 public:
  // Devices leave the factory with version 0 of both components. Nothing has power yet.
  Fleet(World& world, Catalog& catalog, const FleetOptions& options);

  Node& server() { return *server_; }
  Node& people() { return *people_; }  // the operators' machine; it never loses power
  const std::vector<Node*>& gateways() const { return gateways_; }
  const std::vector<Node*>& devices() const { return devices_; }
  Node& gateway_of(const Node& device);
  Mood& mood(const Node& device) { return moods_[device.name()]; }

  // From the server's answers: known before a gateway or a device starts.
  void set_token(const std::string& name, std::string token) { tokens_[name] = std::move(token); }

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
  gateway::Settings gateway_settings(const std::string& name) const;
  agent::AgentSettings agent_settings(const std::string& name, const std::string& site) const;

  World& world_;
  Catalog& catalog_;
  FleetOptions options_;
  SimRandom random_;
  Node *server_ = nullptr, *people_ = nullptr;
  std::vector<Node*> gateways_, devices_;
  std::map<std::string, Mood> moods_;
  std::map<std::string, std::string> tokens_;
  std::map<std::string, Duration> outages_;
  std::vector<FactoryImage> factory_;
  std::weak_ptr<ServerLife> server_life_;
  std::map<std::string, std::weak_ptr<DeviceLife>> device_lives_;
};

}  // namespace dray::sim::fleet

// One life of the gateway's program: the production class over its SQLite store, on a simulated node.
#pragma once

#include <memory>
#include <string>

#include "adapters/sqlite/gateway_store.h"
#include "gateway/gateway.h"
#include "sim/world.h"

namespace dray::sim {

class GatewayLife {
 public:
  // Devices find it at "http://NAME", people at "http://local.NAME", NAME being the node's.
  GatewayLife(World& world, Node& node, gateway::Settings settings, Watch watch);

  std::function<void(const Error&)> on_ended;  // it has ended by itself

  gateway::Gateway* gateway() { return gateway_.get(); }  // null before the store is open

 private:
  static Task<> run(GatewayLife& self);

  World& world_;
  Node& node_;
  gateway::Settings settings_;
  Watch watch_;
  SimHttpClient http_;
  std::unique_ptr<adapters::GatewayStore> store_;
  std::unique_ptr<gateway::Gateway> gateway_;
  Stop stop_;
};

}  // namespace dray::sim

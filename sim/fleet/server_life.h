// One life of the server's program: the production class over its SQLite store, on a simulated node.
#pragma once

#include <memory>

#include "adapters/sqlite/server_store.h"
#include "drive/driver.h"
#include "server/server.h"
#include "sim/world.h"

namespace dray::sim::fleet {

class ServerLife {
 public:
  // Gateways and people find it at "http://NAME", NAME being the node's.
  ServerLife(World& world, Node& node, server::Options options, Watch watch);

  std::function<void(const Error&)> on_ended;  // it has ended by itself

  // What the database says, for checks: read between two handlers. Null before it is open.
  server::Lists* lists() { return lists_.get(); }

 private:
  static Task<> run(ServerLife& self);
  Result<> open();

  World& world_;
  Node& node_;
  server::Options options_;
  Watch watch_;
  std::unique_ptr<adapters::SqliteServerStore> store_;
  std::unique_ptr<adapters::SqliteServerLists> lists_;
  server::ServerTime time_;
  std::unique_ptr<server::Server> server_;
  Stop stop_;
};

}  // namespace dray::sim::fleet

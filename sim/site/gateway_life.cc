#include "sim/site/gateway_life.h"

namespace dray::sim {

GatewayLife::GatewayLife(World& world, Node& node, gateway::Settings settings, Watch watch)
    : world_{world},
      node_{node},
      settings_{std::move(settings)},
      watch_{std::move(watch)},
      http_{world.network(), node} {
  node.spawn(run(*this));
}

Task<> GatewayLife::run(GatewayLife& self) {
  Node& node = self.node_;
  std::function<Result<>()> open = [&self]() -> Result<> {
    DRAY_TRY(self.store_, adapters::GatewayStore::open({.path = "gateway.db", .vfs = self.node_.vfs()}));
    return {};
  };
  const Result<> opened = co_await on(node.worker("store"), std::move(open));
  if (!opened) {
    node.log().error("store_not_opened", {{"why", opened.error().message()}});
    if (self.on_ended) self.on_ended(opened.error());
    node.power_off();  // its supervisor starts it again
    co_return;
  }
  gateway::Ports ports{node.executor(),      node.clock(), node.random(), node.worker("store"),
                       node.worker("bytes"), node.disk(),  self.http_,    *self.store_,
                       node.log(),           self.watch_};
  // One disk a machine: a clone of its content on another machine lies elsewhere.
  ports.place = {.machine = node.name(), .path = "/", .inode = 1};
  self.gateway_ = std::make_unique<gateway::Gateway>(self.settings_, std::move(ports));
  self.world_.network().serve(node, node.name(), self.gateway_->door());
  self.world_.network().serve(node, "local." + node.name(), self.gateway_->local_api());
  co_await self.gateway_->run(self.stop_);
  if (!self.gateway_->failure()) co_return;
  if (self.on_ended) self.on_ended(*self.gateway_->failure());
  node.power_off();  // its supervisor starts it again
}

}  // namespace dray::sim

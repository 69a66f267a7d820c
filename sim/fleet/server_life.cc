#include "sim/fleet/server_life.h"

#include "sim/fleet/catalog.h"

namespace dray::sim::fleet {
namespace {

Result<std::shared_ptr<const core::ZoneRules>> find_zone(const std::string& name) {
  for (const Zone& zone : kZones)
    if (zone.name == name) return std::make_shared<const core::ZoneRules>(core::ZoneRules{name, zone.offset, {}});
  return Error{ErrorCode::kNotFound, "no zone " + name};
}

}  // namespace

ServerLife::ServerLife(World& world, Node& node, server::Options options, Watch watch)
    : world_{world}, node_{node}, options_{options}, watch_{std::move(watch)}, time_{node.clock(), node.clock()} {
  node.say_time_by(time_);
  node.spawn(run(*this));
}

Result<> ServerLife::open() {
  DRAY_TRY(store_, adapters::SqliteServerStore::open({.path = "server.db", .vfs = node_.vfs()}));
  if (watch_)
    store_->watch([this](const core::RolloutTransition& row) {
      watch_({"rollout", row.from, row.event, row.to, Crossing::Point::kBeforeSave});
    });
  lists_ = std::make_unique<adapters::SqliteServerLists>(store_->db());
  return {};
}

Task<> ServerLife::run(ServerLife& self) {
  Node& node = self.node_;
  Worker& store = node.worker("store");
  std::function<Result<>()> open = [&self] { return self.open(); };
  Result<> done = co_await on(store, std::move(open));
  if (done) {
    server::Parts parts{node.executor(), self.time_, node.random(), node.disk(),  store,
                        store,           node.worker("bytes"), *self.store_, *self.lists_, node.log(),
                        find_zone};
    self.server_ = std::make_unique<server::Server>(std::move(parts), self.options_);
    self.world_.network().serve(node, node.name(), self.server_->both());
    done = co_await self.server_->run(self.stop_);
  }
  if (!done) node.log().error("server_not_started", {{"why", done.error().message()}});
  if (!done && self.on_ended) self.on_ended(done.error());
  node.power_off();  // its supervisor starts it again
}

}  // namespace dray::sim::fleet

// The simulated world: nodes, the network between them, virtual time and one seed for all chance.
//
//   World world{seed};
//   Node& gateway = world.add("gw-berlin");
//   gateway.set_program([&](Node& node) { return std::make_shared<GatewayProgram>(world, node); });
//   gateway.power_on();
//   auto done = world.run_until([&] { return updated; }, 1h);   // an error holds the last lines of the trace
//
// One handler runs at a time; of the nodes that are ready at one instant, the seed says which is next. The
// same seed gives the same trace_hash().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/events.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/random.h"
#include "sim/trace.h"

namespace dray::sim {

class World {
 public:
  explicit World(std::uint64_t seed, bool echo = false)
      : World{seed, echo ? Trace::Keep::kEcho : Trace::Keep::kLines} {}
  World(std::uint64_t seed, Trace::Keep keep);
  ~World();

  Node& add(std::string name);
  Node& node(std::string_view name);
  SimNetwork& network() { return network_; }
  const SimNetwork& network() const { return network_; }
  SimRandom& random() { return random_; }
  Trace& trace() { return trace_; }
  const Trace& trace() const { return trace_; }
  std::uint64_t trace_hash() const { return trace_.hash(); }
  std::uint64_t events_hash() const { return trace_.events_hash(); }
  SteadyTime now() const { return events_.now(); }
  WallTime true_time() const { return kWallStart + events_.now().time_since_epoch(); }

  // `act` runs outside of any node, at its time: faults, checks, the operator's hand.
  void after(Duration delay, std::function<void()> act);
  // How disks behave in the crashes to come.
  void set_crash_options(SimDisk::CrashOptions options) { crash_options_ = options; }
  // Called with each node that has lost power, when its life is over: power it on again, or do not.
  void on_crashed(std::function<void(Node&)> hook) { on_crashed_ = std::move(hook); }
  // Called after each handler, for what must always hold.
  void on_step(std::function<void()> hook) { on_step_ = std::move(hook); }

  // kTimeout: `done` did not become true within `limit` of virtual time; kInternal: it never will (nothing is
  // left that could happen), or handlers run on and on without time passing.
  Result<> run_until(const std::function<bool()>& done, Duration limit);
  Result<> run_for(Duration time);

 private:
  bool step();  // one handler of each ready node; false: no node is ready
  Node* of(Life life);
  void bury_dying();
  Error stuck(ErrorCode code, const std::string& what) const;

  Events events_;
  Trace trace_;
  SimRandom random_;
  SimNetwork network_;
  SimDisk::CrashOptions crash_options_{};
  std::function<void(Node&)> on_crashed_;
  std::function<void()> on_step_;
  std::vector<Node*> dying_;
  std::vector<Node*> ready_, running_;
  std::unordered_map<Life, Node*> lives_;  // as far as they were looked up
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace dray::sim

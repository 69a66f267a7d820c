// What goes wrong in a simulated fleet, by seed: docs/fault-model.md. Some of it at any time, more of it right
// when a rollout is at work, until heal().
#pragma once

#include <functional>
#include <set>

#include "sim/fleet/coverage/pairs.h"
#include "sim/fleet/fleet.h"
#include "sim/fleet/swarm.h"

namespace dray::sim::fleet {

class Faults {
 public:
  Faults(World& world, Fleet& fleet, const FleetOptions& options, const Swarm& swarm, FaultLog& log);

  void begin();                              // now
  void begin_around(const RolloutTruth& rollout);
  void heal();                               // nothing goes wrong any more
  // Asked at each write point of any disk.
  Power at_write(Node& node, const std::string& op);
  // Called when a gateway's disk has become an older one.
  void on_restored(std::function<void(Node&)> hook) { on_restored_ = std::move(hook); }

 private:
  struct Weight {
    std::string_view kind;
    int share;
    void (Faults::*incident)();
  };
  static const std::vector<Weight>& incidents();
  void one_incident();
  void later(Duration delay, std::function<void()> act);  // not after heal()
  Fault of_request(const std::string& client, const HttpRequest& request);

  void cut_power();
  void cut_power_at_write();
  void part_server_and_gateway();
  void part_gateway_and_device();
  void slow_link();
  void fill_disk();
  void flip_byte();
  void flip_byte_of(Node& node, const Path& file);
  void jump_wall_clock();
  void break_installer();
  void break_version();
  void restore_gateway();
  void take_backups();

  void part(const std::string& a, const std::string& b, Duration time);
  Duration some_time(Duration least, Duration most);  // short more often than long
  Node& any(const std::vector<Node*>& nodes) { return *nodes[random_.uniform(nodes.size())]; }
  Node& any_machine();
  void note(const Node& node, FaultKind kind, const std::string& what, Duration lasts = Duration{0});

  World& world_;
  Fleet& fleet_;
  const FleetOptions& options_;
  const Swarm& swarm_;
  FaultLog& log_;
  SimRandom random_;
  std::vector<int> shares_;  // of incidents()
  bool over_ = false;
  std::uint64_t bad_requests_ = 0;  // one in so many; 0: none
  struct Armed {
    std::uint64_t left = 0;
    Power how = Power::kStays;
  };
  std::map<const Node*, Armed> armed_;  // looked up, never walked
  std::set<const Node*> flips_next_;    // looked up, never walked
  Node* backed_up_ = nullptr;  // the gateway that may be restored in this world
  std::vector<std::shared_ptr<Inode>> backups_;
  std::vector<std::pair<std::string, std::string>> parted_;
  std::map<std::pair<std::string, std::string>, BytesPerSecond> rates_;
  std::function<void(Node&)> on_restored_;
};

}  // namespace dray::sim::fleet

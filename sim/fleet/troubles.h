// What else goes wrong in worlds of the second range of seeds: the newer kinds of incidents, each of which a world may
// lack (Swarm). Foreign devices with habits are made by the fleet; the rest happens here, until heal().
//
// To teach it something new: one function, and its line in incidents().
#pragma once

#include <functional>

#include "sim/fleet/coverage/pairs.h"
#include "sim/fleet/damage/damage.h"
#include "sim/fleet/damage/rows.h"
#include "sim/fleet/fleet.h"
#include "sim/fleet/hostile/numbers.h"
#include "sim/fleet/line/boxes.h"
#include "sim/fleet/swarm.h"

namespace dray::sim::fleet {

class Troubles {
 public:
  Troubles(World& world, Fleet& fleet, const FleetOptions& options, const Swarm& swarm, FaultLog& log);

  void begin();
  void begin_around(const RolloutTruth& rollout);
  void heal();
  std::string describe() const;  // for people: who is odd, and what sites live behind; a line each
  // For each request that reaches the server.
  void heard(const std::string& client, const HttpRequest& request);
  // The server has lost power: when it is booted a time service sets its clock before its program starts.
  void server_booted();
  // Called when a document of a gateway that has no power was damaged.
  void on_damaged(std::function<void(Node&, const Damaged&)> hook) { on_damaged_ = std::move(hook); }
  // Called when a row of the server, which has no power, was damaged.
  void on_row_damaged(std::function<void(const DamagedRow&)> hook) { on_row_damaged_ = std::move(hook); }

 private:
  struct Weight {
    std::string_view kind;
    void (Troubles::*incident)();
  };
  static const std::vector<Weight>& incidents();
  void one_incident();
  void put_box();
  void put_boxes_before_devices();
  void put_box_before_device();
  void start_twin_gateway();
  void start_twin_agent();
  void start_twin(Twin& twin, FaultKind kind);
  void damage();
  void let_server_clock_leap();
  void post_numbers();
  void plan_row_damage();
  void damage_row_of_server();
  void rot_at_server(const RolloutTruth& rollout);

  void later(Duration delay, std::function<void()> act);  // not after heal()
  Duration some_time(Duration least, Duration most);
  Node& any(const std::vector<Node*>& nodes) { return *nodes[random_.uniform(nodes.size())]; }
  void note(const Node& node, FaultKind kind, const std::string& what, Duration lasts = Duration{0});

  World& world_;
  Fleet& fleet_;
  const FleetOptions& options_;
  const Swarm& swarm_;
  FaultLog& log_;
  SimRandom random_, lan_random_, rows_random_, rot_random_, clock_random_;
  HostileNumbers numbers_;
  Boxes boxes_;
  std::vector<int> shares_;  // of incidents()
  std::string standing_;  // describe()
  bool over_ = false;
  std::function<void(Node&, const Damaged&)> on_damaged_;
  std::function<void(const DamagedRow&)> on_row_damaged_;
};

}  // namespace dray::sim::fleet

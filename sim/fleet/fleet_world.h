// A whole fleet in the simulator: one server, gateways, devices, the production code of all three tiers, under
// virtual time, with faults by seed; everything that must never be is watched while it runs.
//
//   FleetWorld fleet{small_world(8123)};
//   const Result<> done = fleet.run();           // an error: what was broken, by whom
//   if (!done) std::cout << fleet.story();       // where the options keep the trace
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "sim/fleet/check.h"
#include "sim/fleet/coverage/pairs.h"
#include "sim/fleet/faults.h"
#include "sim/fleet/fleet.h"
#include "sim/fleet/operator.h"
#include "sim/fleet/troubles.h"

namespace dray::sim::fleet {

class FleetWorld final : private Tap {
 public:
  explicit FleetWorld(FleetOptions options);
  ~FleetWorld() override;

  // kConflict: a check complains; anything else: the simulator is stuck.
  Result<> run();

  const std::optional<Violation>& violation() const { return scene_.violation; }
  // How often each check had something to judge.
  const std::map<std::string, std::uint64_t>& worked() const { return scene_.worked; }
  const Checks& checks() const { return checks_; }
  const Covered& covered() const { return pairs_.covered(); }
  World& world() { return world_; }
  struct Totals {
    int rollouts = 0;
    std::map<std::string, int> jobs;  // final state -> how many
    std::uint64_t requests = 0, power_cuts = 0;
  };
  Totals totals();
  // The last lines of the trace, and the story of the subject that broke the check.
  std::string story() const;

 private:
  // Tap
  void asked(const Exchange& exchange, const HttpRequest& request) override;
  void answered(const Exchange& exchange, const HttpResponse& response) override;
  void sent(const Exchange& exchange, bool upload, std::uint64_t bytes) override;
  void arrived(const Exchange& exchange, int status) override;
  void kept_from_server(const Exchange& exchange) override;

  void add_lines();
  void watch_disks();
  void watch_tables();
  template <class Tell>
  void tell(Who who, Tell tell);
  Who who_is(const std::string& device) const;
  Power on_write(Node& node, const std::string& op);
  void on_crashed(Node& node);
  void on_restored(Node& node);
  void on_damaged(Node& gateway, const Damaged& what);
  void on_row_damaged(const DamagedRow& row);
  void step();
  void look(Node& device);
  Active active(Node& device) const;
  Result<> run_until(const std::function<bool()>& done, Duration limit);
  bool all_ended();
  void check_liveness();

  FleetOptions options_;
  World world_;
  Swarm swarm_;
  FaultLog fault_log_;
  Pairs pairs_;
  std::map<const Node*, std::vector<std::string>> around_;  // whose faults count for whose rows
  Catalog catalog_;
  Fleet fleet_;
  Switchboard lines_;
  Scene scene_;
  Checks checks_;
  Operator operator_;
  Faults faults_;
  Troubles troubles_;
  std::vector<Node*> touched_;  // devices whose slots may have changed
  struct Polled {
    std::string body;
    Shown shown;
  };
  std::map<std::string, Polled> polled_;  // the last answer to each device, with what it shows
  std::set<std::string> unread_;  // devices and types of which the server's database was damaged, ever
  std::uint64_t requests_ = 0, power_cuts_ = 0;
  std::deque<std::pair<std::string, std::string>> lines_kept_;  // node, line; only where the trace keeps lines
};

}  // namespace dray::sim::fleet

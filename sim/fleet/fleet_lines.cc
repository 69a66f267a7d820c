// Who stands where in a fleet world: whose calls are whose, whose disks and tables are watched.
#include "sim/fleet/fleet_world.h"

namespace dray::sim::fleet {

void FleetWorld::add_lines() {
  using Tier = Switchboard::Tier;
  lines_.add(fleet_.server(), Tier::kServer);
  lines_.add(fleet_.people(), Tier::kOperator);
  for (Node* gateway : fleet_.gateways()) {
    lines_.add(*gateway, Tier::kGateway);
    scene_.told_time[gateway->name()] = kSteadyMax;
  }
  for (Node* device : fleet_.devices()) {
    lines_.add(*device, Tier::kDevice, who_is(device->name()));
    scene_.active[device->name()] = active(*device);
  }
  for (Node* device : fleet_.foreign()) lines_.add(*device, Tier::kDevice, Who::kStranger, fleet_.identity(*device));
  if (const Twin* twin = fleet_.twin_gateway())
    lines_.add(*twin->node, Tier::kGateway, Who::kTwinGateway, twin->of->name());
  if (const Twin* twin = fleet_.twin_agent())
    lines_.add(*twin->node, Tier::kDevice, Who::kDoubledDevice, twin->of->name());
}

void FleetWorld::watch_disks() {
  std::vector<Node*> machines = fleet_.devices();
  machines.insert(machines.end(), fleet_.gateways().begin(), fleet_.gateways().end());
  machines.push_back(&fleet_.server());
  for (Node* node : machines)
    node->disk().on_op([this, node](std::uint64_t, const std::string& op) { return on_write(*node, op); });
}

// The rows of a gateway's jobs are taken among its own faults, its server's and its devices'.
void FleetWorld::watch_tables() {
  std::vector<std::string>& all = around_[&fleet_.server()];
  all.push_back("server");
  for (Node* gateway : fleet_.gateways()) {
    all.push_back(gateway->name());
    around_[gateway] = {"server", gateway->name()};
  }
  std::vector<Node*> devices = fleet_.devices();
  devices.insert(devices.end(), fleet_.foreign().begin(), fleet_.foreign().end());
  for (Node* device : devices) {
    all.push_back(device->name());
    const auto known = catalog_.devices().find(device->name());
    if (known == catalog_.devices().end()) continue;
    around_[&world_.node(known->second.site)].push_back(device->name());
    around_[device] = {known->second.site, device->name()};
  }
  fleet_.set_watch([this](const Node& node) -> Watch {
    const auto found = around_.find(&node);
    if (found == around_.end()) return {};
    return [this, names = &found->second](const Crossing& crossing) {
      std::uint64_t faults = 0;
      for (const std::string& name : *names) faults |= fault_log_.active(name, world_.now());
      pairs_.crossed(crossing, faults);
    };
  });
}

Who FleetWorld::who_is(const std::string& device) const {
  const auto found = catalog_.devices().find(device);
  const Conduct conduct = found == catalog_.devices().end() ? Conduct::kOdd : found->second.conduct;
  return conduct == Conduct::kOurs ? Who::kOurs : conduct == Conduct::kDoubled ? Who::kDoubledDevice : Who::kStranger;
}

}  // namespace dray::sim::fleet

// Whoever is in a fleet beside our own agents: devices of other makers, and second machines that say they are another.
#include "base/assert.h"
#include "sim/fleet/fleet.h"
#include "wire/ddi.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMostForeign = 3;  // a site

}  // namespace

void Fleet::add_strangers(const Swarm& swarm) {
  SimRandom random = world_.random().fork("strangers");
  for (std::size_t site = 0; site < gateways_.size(); ++site) {
    const std::uint64_t some = swarm.has("foreign") ? random.uniform(kMostForeign + 1) : 0;
    for (std::uint64_t i = 1; i <= some; ++i) {
      const bool good = random.one_in(3);
      const Habits habits = good ? Habits{} : draw_habits(swarm, random);
      const std::string name = "f" + std::to_string(site + 1) + "." + std::to_string(i);
      if (habits.has(Habit::kOff)) {
        const SteadyTime from = SteadyTime{} + 30min + random.up_to(30h);
        off_[name] = {from, random.one_in(2) ? kSteadyMax : from + 5h + random.up_to(24h)};
      }
      add_foreign(name, gateways_[site]->name(), habits);
    }
  }
  if (swarm.has("twin_gateway")) add_twin_gateway(*gateways_[random.uniform(gateways_.size())]);
  if (swarm.has("twin_agent")) add_twin_agent(*devices_[random.uniform(devices_.size())]);
  if (swarm.has("mistaken")) say_types();
}

void Fleet::add_foreign(const std::string& name, const std::string& site, const Habits& habits) {
  Node& node = world_.add(name);
  foreign_.push_back(&node);
  habits_[name] = habits;
  world_.network().link(site, name).rate = options_.large_images ? kSlowLan : kLan;
  const bool known = !habits.has(Habit::kUnknownName);
  if (known)
    catalog_.add_device({name, site, std::string{kForeign}, habits.none() ? Conduct::kGood : Conduct::kOdd});
  node.set_program([this, site](Node& n) {
    return std::make_shared<ForeignDevice>(world_, n, foreign_settings(n.name(), site));
  });
}

std::string Fleet::identity(const Node& foreign) const {
  const bool known = !habits(foreign).has(Habit::kUnknownName);
  return known ? foreign.name() : wire::escape_url("kasse-\xfc" "ber-" + foreign.name());
}

ForeignSettings Fleet::foreign_settings(const std::string& name, const std::string& site) const {
  ForeignSettings out;
  out.habits = habits_.at(name);
  const bool known = !out.habits.has(Habit::kUnknownName);
  out.base = "http://" + site + "/DEFAULT/controller/v1/" + identity(world_.node(name));
  out.authorization = known ? "TargetToken " + tokens_.at(name) : "GatewayToken " + std::string{kSiteSecret};
  out.polls = options_.polls;
  if (const auto off = off_.find(name); off != off_.end()) std::tie(out.off_from, out.off_until) = off->second;
  return out;
}

void Fleet::add_twin_gateway(Node& of) {
  Node& node = world_.add(of.name() + "-twin");
  twin_gateway_ = Twin{&node, &of};
  for (const bool up : {true, false}) {
    auto& line = up ? world_.network().link(node.name(), "server") : world_.network().link("server", node.name());
    line.latency = 40ms;
    if (!up) line.rate = kWan;
  }
  node.set_program([this, name = of.name()](Node& n) {
    return std::make_shared<GatewayLife>(world_, n, gateway_settings(name), Watch{});
  });
}

void Fleet::add_twin_agent(Node& of) {
  DeviceTruth& truth = catalog_.change_device(of.name());
  truth.conduct = Conduct::kDoubled;
  Node& node = world_.add(of.name() + "-twin");
  twin_agent_ = Twin{&node, &of};
  world_.network().link(truth.site, node.name()).rate = kLan;
  const auto made = provision(world_, node, factory_);
  DRAY_ASSERT(made.has_value());
  boots_agent(node, of.name(), truth.site);
}

// One of them is not what it was entered as.
void Fleet::say_types() {
  SimRandom random = world_.random().fork("mistaken");
  for (const Node* device : devices_) says_type_[device->name()] = catalog_.device(device->name()).type;
  DeviceTruth& truth = catalog_.change_device(devices_[random.uniform(devices_.size())]->name());
  if (truth.conduct != Conduct::kOurs) return;
  truth.conduct = Conduct::kMistaken;
  says_type_[truth.name] = std::string{kOtherHardware};
}

bool Fleet::is_gone(const Node& node) const {
  for (const auto& twin : {twin_gateway_, twin_agent_})
    if (twin && twin->node == &node && twin->gone) return true;
  return false;
}

}  // namespace dray::sim::fleet

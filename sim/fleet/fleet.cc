#include "sim/fleet/fleet.h"

#include <algorithm>

#include "base/assert.h"
#include "core/model/said_type.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

constexpr Duration kRestart{20'000};
}  // namespace

Fleet::Fleet(World& world, Catalog& catalog, const FleetOptions& options, const Swarm& swarm)
    : world_{world}, catalog_{catalog}, options_{options}, random_{world.random().fork("fleet")} {
  people_ = &world_.add("people");
  people_->power_on();
  add_server();
  for (const char* component : {"os", "app"}) {
    const Image& image = catalog_.add_image(component, "0", component[0] == 'o' ? 5'003 : 3'001);
    factory_.push_back({image.component, image.version, image.sha256, image.bytes});
  }
  for (int site = 1; site <= options_.sites; ++site) {
    const std::string name = "gw" + std::to_string(site);
    add_gateway(name);
    for (int i = 1; i <= options_.devices_per_site; ++i)
      add_device("d" + std::to_string(site) + "." + std::to_string(i), name, i);
  }
  if (swarm.on()) add_strangers(swarm);
}

void Fleet::add_server() {
  server_ = &world_.add("server");
  server_->set_program([this](Node& node) {
    server::Options limits;
    limits.reserve_bytes = 0;
    limits.longest_wait = std::max<std::chrono::seconds>(60s, options_.plan_wait);
    limits.longest_sleep = 10min;
    limits.flush_contacts = 5min;
    auto life = std::make_shared<ServerLife>(world_, node, limits, watch_of(node));
    life->on_ended = [this, &node](const Error& why) { on_ended_(node, why); };
    server_life_ = life;
    return life;
  });
}

void Fleet::add_gateway(const std::string& name) {
  Node& node = world_.add(name);
  gateways_.push_back(&node);
  auto& down = world_.network().link("server", name);
  auto& up = world_.network().link(name, "server");
  down.latency = up.latency = 10ms + random_.up_to(60ms);
  down.rate = BytesPerSecond{kWan.count / 2 + random_.uniform(kWan.count)};
  node.set_program([this](Node& n) {
    auto life = std::make_shared<GatewayLife>(world_, n, gateway_settings(n.name()), watch_of(n));
    life->on_ended = [this, &n](const Error& why) { on_ended_(n, why); };
    return life;
  });
}

void Fleet::add_device(const std::string& name, const std::string& site, int number) {
  Node& node = world_.add(name);
  devices_.push_back(&node);
  catalog_.add_device({name, site, std::string{number % 2 == 0 ? kTill : kKiosk}});
  world_.network().link(site, name).rate = options_.large_images ? kSlowLan : kLan;
  const auto made = provision(world_, node, factory_);
  DRAY_ASSERT(made.has_value());
  boots_agent(node, name, site);
}

void Fleet::boots_agent(Node& node, const std::string& identity, const std::string& site) {
  node.set_program([this, identity, site](Node& n) {
    auto life = std::make_shared<DeviceLife>(world_, n, agent_settings(identity, site), moods_[n.name()], watch_of(n));
    device_lives_.insert_or_assign(n.name(), life);
    return life;
  });
}

gateway::Settings Fleet::gateway_settings(const std::string& name) const {
  gateway::Settings out;
  out.server_url = "http://server";
  out.local_names = {"local." + name};
  out.token = tokens_.at(name);
  out.poll_sleep = options_.polls;
  out.plan_wait = options_.plan_wait;
  out.store_reserve = 0;
  if (options_.swarm) out.unknown_devices_token_sha256 = sha256_of(as_bytes(kSiteSecret)).hex();
  return out;
}

agent::AgentSettings Fleet::agent_settings(const std::string& name, const std::string& site) const {
  agent::AgentSettings out;
  out.url = "http://" + site;
  out.id = name;
  out.authorization = "TargetToken " + tokens_.at(name);
  out.busy_file = "busy";
  out.poll_most = options_.polls;
  const bool holds = options_.one_holds_polls && name == devices_.front()->name();
  out.hold = std::chrono::seconds{holds ? 50 : 0};
  if (const auto type = says_type_.find(name); type != says_type_.end()) out.attributes[std::string{core::kSaidType}] = type->second;
  return out;
}

Node& Fleet::gateway_of(const Node& device) { return world_.node(catalog_.device(device.name()).site); }

server::Lists* Fleet::lists() {
  const auto life = server_life_.lock();
  return life && server_->up() ? life->lists() : nullptr;
}

agent::Agent* Fleet::agent(const Node& device) {
  const auto found = device_lives_.find(device.name());
  const auto life = found == device_lives_.end() ? nullptr : found->second.lock();
  return life && device.up() ? &life->agent() : nullptr;
}

Duration Fleet::take_outage(const Node& node) {
  const auto found = outages_.find(node.name());
  if (found == outages_.end()) return kRestart;
  const Duration outage = found->second;
  outages_.erase(found);
  return outage;
}

}  // namespace dray::sim::fleet

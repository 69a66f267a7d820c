#include "sim/site/site_world.h"

#include <algorithm>
#include <utility>

namespace dray::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kServerToken = "server-token";
constexpr std::string_view kTypeTogether = "duo-type", kTypeInTurn = "solo-type";
constexpr BytesPerSecond kWan{64'000}, kLan{128'000};
// A piece that is being sent and one that is being taken; a piece is a tenth of a second (SimNetwork).
constexpr std::uint64_t kOnTheWan = 2 * kWan.count / 10, kOnTheLan = 2 * kLan.count / 10;

std::string device_token(const std::string& name) {
  return "token" + name + std::string(27 - name.size(), 'x');
}

std::string image_bytes(const std::string& what, std::size_t size) {
  std::string out(size, '\0');
  std::uint64_t x = fnv1a(what);
  for (char& c : out) c = static_cast<char>((x = x * 6364136223846793005ULL + 1442695040888963407ULL) >> 56);
  return out;
}

gateway::Settings gateway_settings() {
  gateway::Settings out;
  out.server_url = "http://server";
  out.token = kServerToken;
  out.poll_sleep = 60s;
  out.store_reserve = 0;
  return out;
}

agent::AgentSettings agent_settings(const std::string& name) {
  agent::AgentSettings out;
  out.url = "http://gw";
  out.id = name;
  out.authorization = "TargetToken " + device_token(name);
  out.parts = {{"bApp", "app"}};
  return out;
}

}  // namespace

// --- the site ---

SiteWorld::SiteWorld(std::uint64_t seed, SiteOptions options)
    : world_{seed, options.echo},
      options_{options},
      server_node_{&world_.add("server")},
      gateway_{&world_.add("gw")},
      devices_{&world_.add("duo"), &world_.add("solo")} {
  server_node_->power_on();
  server_ = std::make_unique<PlanServer>(*server_node_, std::string{kServerToken});
  world_.network().serve(*server_node_, "server", *server_);
  world_.network().link("server", "gw").rate = kWan;
  old_os_bytes_ = image_bytes("os 1", 8'000);
  old_app_bytes_ = image_bytes("app 1", 4'000);
  old_os_ = describe_artifact(old_os_bytes_, "os", "1", 1);
  old_app_ = describe_artifact(old_app_bytes_, "app", "1", 2);
  os_ = server_->add_artifact(image_bytes("os 2", 120'000), "os", "2");
  app_ = server_->add_artifact(image_bytes("app 2", 60'000), "app", "2");
  for (Node* device : devices_) {
    world_.network().link("gw", device->name()).rate = kLan;
    const auto made = provision(
        world_, *device, {{"os", "1", old_os_.sha256, old_os_bytes_}, {"app", "1", old_app_.sha256, old_app_bytes_}});
    if (!made) complain("the factory failed: " + made.error().message());
  }
  gateway_->set_program([this](Node& node) {
    auto life = std::make_shared<GatewayLife>(world_, node, gateway_settings(), watch_);
    gateway_life_ = life;
    return life;
  });
  for (Node* device : devices_)
    device->set_program([this](Node& node) {
      return std::make_shared<DeviceLife>(world_, node, agent_settings(node.name()), mood_, watch_);
    });
  for (Node* node : {gateway_, devices_[0], devices_[1]})
    node->disk().on_op(
        [this, node](std::uint64_t n, const std::string& what) { return on_op(*node, n, what); });
  world_.on_crashed([this](Node& node) { on_crashed(node); });
}

core::Plan SiteWorld::plan(core::Fetch fetch) const {
  core::Plan plan;
  plan.site = SiteId{"berlin"};
  plan.action_ids = {{1101, 1'001'100}};
  core::DeviceType together;
  together.name = kTypeTogether;
  together.components = {"os", "app"};
  together.order = {{"os", "app"}};
  together.ask = core::Ask::kConfirmation;
  together.ends_on = core::EndsOn::kPowerOn;
  together.parts = {{"os", "os"}, {"app", "bApp"}};
  core::DeviceType in_turn = together;
  in_turn.name = kTypeInTurn;
  in_turn.order = {{"os"}, {"app"}};
  plan.device_types = {together, in_turn};
  for (const Node* device : devices_) {
    const std::string token = device_token(device->name());
    core::Device entry;
    entry.name = DeviceId{device->name()};
    entry.type = device == devices_[0] ? kTypeTogether : kTypeInTurn;
    entry.token_sha256 = sha256_of(as_bytes(token)).hex();
    plan.devices.push_back(std::move(entry));
  }
  plan.artifacts = {os_, app_};
  core::Assignment assignment;
  assignment.id = AssignmentId{"r1-berlin"};
  assignment.rollout = RolloutId{"r1"};
  assignment.delivery = options_.delivery;
  assignment.fetch = fetch;
  assignment.planned_at = kPlannedAt;
  assignment.expires_at = kWallStart + 48h;
  assignment.update = options_.update;
  assignment.jobs = {{JobId{"r1-duo"}, DeviceId{"duo"}, {{os_.sha256, app_.sha256}}},
                     {JobId{"r1-solo"}, DeviceId{"solo"}, {{os_.sha256}, {app_.sha256}}}};
  plan.assignments = {assignment};
  return plan;
}

Result<> SiteWorld::run(Duration limit) {
  for (Node* node : {gateway_, devices_[0], devices_[1]})
    for (const auto* artifact : {&os_, &app_}) fair_[{node->name(), artifact->sha256.hex()}] = artifact->size;
  for (Node* node : {gateway_, devices_[0], devices_[1]}) node->power_on();
  const bool push = options_.delivery == core::Delivery::kPush;
  server_->publish(plan(push ? core::Fetch::kHold : core::Fetch::kAtUpdateTime));
  if (push) world_.after(5s, [this] { server_->publish(plan(core::Fetch::kNow)); });
  const auto done = world_.run_until([this] { return is_done(); }, limit);
  if (!done) return done;
  if (const auto on = world_.run_for(10s); !on) return on;  // nothing may happen to what has ended
  return world_.run_until([this] { return is_done(); }, limit);
}

bool SiteWorld::is_done() {
  for (const char* id : {"r1-duo", "r1-solo"}) {
    const wire::JobReport* job = server_->job(id);
    if (job == nullptr || job->state != core::JobState::kSucceeded) return false;
  }
  const auto gateway = gateway_life_.lock();
  if (!gateway || gateway->gateway() == nullptr || !gateway->gateway()->site().outbox().empty()) return false;
  return std::all_of(devices_.begin(), devices_.end(),
                     [&](Node* device) { return device->up() && knows(*device) && is_updated(*device); });
}

// --- what must never be ---

void SiteWorld::complain(const std::string& what) {
  if (std::find(wrong_.begin(), wrong_.end(), what) == wrong_.end()) wrong_.push_back(what);
}

Power SiteWorld::on_op(Node& node, std::uint64_t n, const std::string& what) {
  const Power power = cut_at_ ? cut_at_(node, n, what) : Power::kStays;
  if (power == Power::kLostBefore) return power;
  for (const auto* artifact : {&os_, &app_}) {
    Kept& kept = kept_[{node.name(), artifact->sha256.hex()}];
    for (const std::string& path :
         {"incoming/" + artifact->sha256.hex() + ".part", "spool/" + artifact->sha256.hex() + ".part"})
      if (what == "sync " + path)
        if (const auto file = node.disk().open_file(path, Mode::kRead)) kept.synced = (*file)->size();
    // The commit of the record; what it says was safe before it began. A gateway commits other things, too: one that was
    // on its way already when the bytes became safe tells nothing of them.
    if (what == "sync gateway.db-wal") kept.recorded = std::exchange(kept.before, kept.synced);
    if (what == "rename state.json.new state.json") kept.recorded = kept.synced;
  }
  return power;
}

std::uint64_t SiteWorld::sent_to(Node& node, const core::Artifact& artifact) const {
  const SimNetwork& network = world_.network();
  if (&node == gateway_)
    return network.count("gw", "server", "/gateway/v1/artifacts/" + artifact.sha256.hex()).downloaded;
  const std::string folder = "/DEFAULT/controller/v1/" + node.name() + "/softwaremodules/";
  return network.count(node.name(), "gw", folder + std::to_string(artifact.module_id) + "/").downloaded;
}

// From here on this many bytes of each artifact may be sent until it is complete.
void SiteWorld::account(Node& node, std::uint64_t in_flight) {
  for (const auto* artifact : {&os_, &app_}) {
    const std::uint64_t sent = sent_to(node, *artifact);
    const Kept& kept = kept_[{node.name(), artifact->sha256.hex()}];
    const std::uint64_t rest = artifact->size - std::min(artifact->size, kept.recorded);
    fair_[{node.name(), artifact->sha256.hex()}] = sent + rest + (rest > 0 ? in_flight : 0);
  }
}

void SiteWorld::excuse_windows(std::uint64_t count) {
  for (auto& [place, fair] : fair_)
    fair += count * Pipe::kWindow * (place.first == "gw" ? kWan.count : kLan.count) / 10;
}

void SiteWorld::on_crashed(Node& node) {
  account(node, node.name() == "gw" ? kOnTheWan : kOnTheLan);
  // The commit that would have told of them died with this life: those of the next one tell of other things.
  for (auto& [place, kept] : kept_)
    if (place.first == node.name()) kept.synced = kept.before = kept.recorded;
  if (&node == gateway_)
    for (auto& [place, fair] : fair_) fair += place.first == "gw" ? 0 : kOnTheLan;
  else
    check_device(node);
  world_.after(kOutage, [&node] { node.power_on(); });
}

// Whatever happens, what would start is whole and known.
void SiteWorld::check_device(Node& node) {
  const std::string old_os = old_os_.sha256.hex(), old_app = old_app_.sha256.hex();
  const std::string os = os_.sha256.hex(), app = app_.sha256.hex();
  using Pair = std::map<std::string, std::string>;
  std::vector<Pair> fine{{{"os", old_os}, {"app", old_app}}, {{"os", os}, {"app", app}}};
  if (&node == devices_[1]) fine.push_back({{"os", os}, {"app", old_app}});
  if (std::find(fine.begin(), fine.end(), active_images(node)) == fine.end())
    complain(node.name() + " would start something half-installed");
}

bool SiteWorld::is_updated(Node& node) {
  return active_images(node) ==
         std::map<std::string, std::string>{{"os", os_.sha256.hex()}, {"app", app_.sha256.hex()}};
}

void SiteWorld::check_bytes() {
  for (Node* node : {gateway_, devices_[0], devices_[1]})
    for (const auto* artifact : {&os_, &app_}) {
      const std::uint64_t fair = fair_[{node->name(), artifact->sha256.hex()}];
      const std::uint64_t sent = sent_to(*node, *artifact);
      if (sent > fair)
        complain(node->name() + " was sent " + std::to_string(sent) + " bytes of " + artifact->component +
                 ", " + std::to_string(fair) + " would have done");
    }
}

void SiteWorld::check_fold() {
  for (const std::string& one : server_->complaints()) complain(one);
  const auto life = gateway_life_.lock();
  if (!life || life->gateway() == nullptr) return complain("the gateway is not there");
  const gateway::Site& site = life->gateway()->site();
  for (const auto& [id, job] : site.jobs()) {
    const wire::JobReport* known = server_->job(id.value());
    const core::JobState state = site.describe(job).state;
    if (known == nullptr || known->state != state)
      complain("the server thinks that " + id.value() + " is " +
               std::string{known != nullptr ? to_string(known->state) : "unknown"} + ", it is " + std::string{to_string(state)});
  }
  for (const Node* device : devices_)
    if (!knows(*device)) complain("the server does not know what runs on " + device->name());
}

bool SiteWorld::knows(const Node& device) const {
  const wire::DeviceReport* known = server_->device(device.name());
  return known != nullptr && known->running.size() == 2 &&
         known->running.at("os").sha256 == os_.sha256.hex() &&
         known->running.at("app").sha256 == app_.sha256.hex();
}

std::vector<std::string> SiteWorld::wrong() {
  for (Node* device : devices_)
    if (!is_updated(*device)) complain(device->name() + " does not run the new versions");
  check_bytes();
  check_fold();
  return wrong_;
}

}  // namespace dray::sim

#include "sim/fleet/faults.h"

#include <algorithm>
#include <numeric>

#include "agent/boot.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

bool carries_image(const HttpRequest& request) {
  return request.target.find("/artifacts/") != std::string::npos || request.method == Method::kPatch;
}

}  // namespace

const std::vector<Faults::Weight>& Faults::incidents() {
  static const std::vector<Weight> all{{"power_cut", 5, &Faults::cut_power},
                                       {"power_cut_at_write", 6, &Faults::cut_power_at_write},
                                       {"server_parted", 3, &Faults::part_server_and_gateway},
                                       {"device_parted", 3, &Faults::part_gateway_and_device},
                                       {"slow_link", 2, &Faults::slow_link},
                                       {"disk_full", 2, &Faults::fill_disk},
                                       {"byte_flipped", 3, &Faults::flip_byte},
                                       {"clock_jumped", 2, &Faults::jump_wall_clock},
                                       {"installer_failed", 2, &Faults::break_installer},
                                       {"version_broken", 2, &Faults::break_version},
                                       {"gateway_restored", 1, &Faults::restore_gateway}};
  return all;
}

Faults::Faults(World& world, Fleet& fleet, const FleetOptions& options, const Swarm& swarm, FaultLog& log)
    : world_{world},
      fleet_{fleet},
      options_{options},
      swarm_{swarm},
      log_{log},
      random_{world.random().fork("faults")} {
  for (const Weight& weight : incidents()) shares_.push_back(swarm_.share(weight.kind, weight.share));
}

void Faults::begin() {
  if (options_.faults_until <= 0h) return;
  const std::uint64_t rates[] = {0, 400, 100, 30};
  bad_requests_ = rates[random_.uniform(4)];
  world_.network().on_request([this](const std::string& client, const std::string&, const HttpRequest& request) {
    return of_request(client, request);
  });
  const Duration room = Duration{options_.faults_until} - world_.now().time_since_epoch();
  const auto machines = fleet_.gateways().size() + fleet_.devices().size() + 1;
  for (std::uint64_t n = random_.uniform(1 + machines); n > 0; --n)
    world_.after(random_.up_to(room), [this] { one_incident(); });
  backed_up_ = &any(fleet_.gateways());
  take_backups();
}

// Where the bytes flow is where a fault does most.
void Faults::begin_around(const RolloutTruth& rollout) {
  if (options_.faults_until <= 0h) return;
  const WallTime begins = rollout.transmit_at ? std::min(*rollout.transmit_at, rollout.update_at) : rollout.update_at;
  const Duration until = std::max<Duration>(0ms, begins - world_.true_time());
  const auto most = 2 + fleet_.gateways().size() * 2;
  for (std::uint64_t n = random_.uniform(most + 1); n > 0; --n)
    world_.after(until + some_time(1s, 90min), [this] { one_incident(); });
}

void Faults::one_incident() {
  const int sum = std::accumulate(shares_.begin(), shares_.end(), 0);
  if (over_ || sum == 0) return;
  auto draw = static_cast<int>(random_.uniform(static_cast<std::uint64_t>(sum)));
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    draw -= shares_[i];
    if (draw < 0) return (this->*incidents()[i].incident)();
  }
}

void Faults::later(Duration delay, std::function<void()> act) {
  world_.after(delay, [this, act = std::move(act)] {
    if (!over_) act();
  });
}

Duration Faults::some_time(Duration least, Duration most) {
  const Duration span = most - least;
  const std::uint64_t shrink = 1ULL << random_.uniform(6);
  return least + random_.up_to(span / static_cast<Duration::rep>(shrink));
}

void Faults::note(const Node& node, FaultKind kind, const std::string& what, Duration lasts) {
  log_.begins(kind, node.name(), world_.now(), lasts);
  if (world_.trace().keeps()) world_.trace().note(world_.now(), node.name(), "FAULT " + what);
}

Node& Faults::any_machine() {
  switch (random_.uniform(5)) {
    case 0:
      return fleet_.server();
    case 1:
    case 2:
      return any(fleet_.gateways());
    default:
      return any(fleet_.devices());
  }
}

// --- requests ---

Fault Faults::of_request(const std::string& client, const HttpRequest& request) {
  if (over_ || bad_requests_ == 0 || !random_.one_in(bad_requests_)) return {};
  Fault out;
  static constexpr std::pair<Fault::Kind, FaultKind> kRequestFaults[] = {
      {Fault::Kind::kLoseRequest, FaultKind::kRequestLost}, {Fault::Kind::kLoseAnswer, FaultKind::kAnswerLost},
      {Fault::Kind::kCutUpload, FaultKind::kUploadCut},     {Fault::Kind::kCutAnswer, FaultKind::kAnswerCut},
      {Fault::Kind::kLate, FaultKind::kRequestLate},        {Fault::Kind::kDouble, FaultKind::kRequestDoubled}};
  const auto [kind, counted] = kRequestFaults[random_.uniform(std::size(kRequestFaults))];
  out.kind = kind;
  out.after = random_.uniform(4'000);
  out.by = some_time(100ms, 5min);
  // A second transfer of an image would be the client's own will, and people wait for their answers.
  if (out.kind == Fault::Kind::kDouble && (carries_image(request) || client == "people")) return {};
  if (swarm_.on() && !swarm_.has(name_of(counted))) return {};
  log_.begins(counted, client, world_.now());
  return out;
}

// --- power ---

void Faults::cut_power() {
  Node& node = any_machine();
  const Duration outage = some_time(1s, random_.one_in(8) ? 10h : 30min);
  fleet_.set_outage(node, outage);
  note(node, FaultKind::kPowerCut, "power cut", outage);
  node.power_off();
}

void Faults::cut_power_at_write() {
  Node& node = any_machine();
  armed_[&node] = {1 + random_.uniform(60), random_.one_in(2) ? Power::kLostBefore : Power::kLostAfter};
}

Power Faults::at_write(Node& node, const std::string& op) {
  const bool image = op.starts_with("sync spool/") || op.starts_with("sync incoming/");
  if (image && !over_ && flips_next_.erase(&node) > 0)
    later(1ms, [this, &node, file = op.substr(5)] { flip_byte_of(node, file); });
  const auto found = armed_.find(&node);
  if (found == armed_.end() || --found->second.left > 0 || over_) return Power::kStays;
  const Power how = found->second.how;
  armed_.erase(found);
  fleet_.set_outage(node, some_time(1s, 10min));
  note(node, FaultKind::kPowerCutAtWrite, how == Power::kLostBefore ? "power cut before a write" : "power cut after a write");
  return how;
}

// --- lines ---

void Faults::part(const std::string& a, const std::string& b, Duration time) {
  SimNetwork& network = world_.network();
  const auto which = random_.uniform(4);  // 0, 1: one way
  if (which != 1) network.link(a, b).lost = true;
  if (which != 0) network.link(b, a).lost = true;
  parted_.emplace_back(a, b);
  const FaultKind kind = a == "server" ? FaultKind::kServerParted : FaultKind::kDeviceParted;
  log_.begins(kind, b, world_.now(), time);
  note(world_.node(a), kind, "parted from " + b + (which == 0 ? ", one way" : which == 1 ? ", the other way" : ""), time);
  later(time, [this, a, b] { world_.network().heal(a, b); });
}

void Faults::part_server_and_gateway() {
  part("server", any(fleet_.gateways()).name(), some_time(1min, random_.one_in(5) ? 26h : 3h));
}

void Faults::part_gateway_and_device() {
  Node& device = any(fleet_.devices());
  part(fleet_.gateway_of(device).name(), device.name(), some_time(30s, 3h));
}

void Faults::slow_link() {
  Node& device = any(fleet_.devices());
  const std::string gateway = fleet_.gateway_of(device).name();
  const std::string from = random_.one_in(2) ? "server" : gateway;
  const std::string to = from == "server" ? gateway : device.name();
  auto& link = world_.network().link(from, to);
  rates_.try_emplace({from, to}, link.rate);
  link.rate = BytesPerSecond{200 + random_.uniform(2'000)};
  const Duration lasts = some_time(1min, 2h);
  note(world_.node(to), FaultKind::kSlowLink, "slow link from " + from, lasts);
  later(lasts, [this, from, to] { world_.network().link(from, to).rate = rates_.at({from, to}); });
}

// --- disks and clocks ---

void Faults::fill_disk() {
  Node& node = any_machine();
  node.disk().set_capacity(node.disk().used_bytes() + random_.uniform(20'000));
  const Duration lasts = some_time(1min, 1h);
  note(node, FaultKind::kDiskFull, "disk nearly full", lasts);
  later(lasts, [&node] { node.disk().set_capacity(SimDisk::kNoLimit); });
}

void Faults::flip_byte() {
  const bool gateway = random_.one_in(2);
  Node& node = gateway ? any(fleet_.gateways()) : any(fleet_.devices());
  if (random_.one_in(2)) {  // in what is half fetched next, else in what lies there now
    flips_next_.insert(&node);
    return;
  }
  std::vector<Path> files;
  const auto add = [&](const Path& folder) {
    const auto names = node.disk().list(folder);
    if (!names) return;
    for (const std::string& name : *names) files.push_back(folder + "/" + name);
  };
  if (gateway) {
    add("blobs");
    add("incoming");
  } else {
    add("spool");
    const auto link = node.disk().read_link("ab/current");
    const Path other = link && *link == "slots/0" ? "ab/slots/1" : "ab/slots/0";
    const bool on_trial = !agent::load_boot(node.disk()).trial.empty();  // that slot is all there is to go back to
    for (const char* component : {"/os/image", "/app/image"})
      if (!on_trial && node.disk().exists(other + component)) files.push_back(other + component);
  }
  if (files.empty()) return;
  flip_byte_of(node, files[random_.uniform(files.size())]);
}

void Faults::flip_byte_of(Node& node, const Path& file) {
  const auto bytes = node.disk().bytes(file);
  if (!bytes || bytes->empty()) return;
  const auto flipped = node.disk().flip_byte(file, random_.uniform(bytes->size()));
  if (flipped) note(node, FaultKind::kByteFlipped, "a byte flips in " + file);
}

void Faults::jump_wall_clock() {
  Node& node = random_.one_in(2) ? any(fleet_.gateways()) : any(fleet_.devices());
  const Duration by = some_time(1s, random_.one_in(4) ? 24h * 200 : 8h);
  node.set_wall_error(random_.one_in(4) ? Duration{0} : random_.one_in(2) ? by : -by);
  note(node, FaultKind::kClockJumped, "wall clock jumps");
}

// --- devices ---

void Faults::break_installer() {
  Node& device = any(fleet_.devices());
  static constexpr InstallerVerb kVerbs[] = {InstallerVerb::kDownload, InstallerVerb::kInstall,
                                             InstallerVerb::kVerify,   InstallerVerb::kCommit,
                                             InstallerVerb::kRollback, InstallerVerb::kCleanup};
  fleet_.mood(device).fails = Mood::Failure{kVerbs[random_.uniform(std::size(kVerbs))], random_.one_in(2)};
  note(device, FaultKind::kInstallerFailed, "its installer will fail once");
}

void Faults::break_version() {
  Node& device = any(fleet_.devices());
  fleet_.mood(device).dies = 1;
  note(device, FaultKind::kVersionBroken, "its next version's program will end at once");
}

// --- a gateway from an older state ---

void Faults::take_backups() {
  backups_.push_back(backed_up_->disk().durable_copy());
  if (backups_.size() > 3) backups_.erase(backups_.begin());
  later(6h + random_.up_to(2h), [this] { take_backups(); });
}

void Faults::restore_gateway() {
  Node& gateway = *backed_up_;
  if (!gateway.up()) return;
  const auto copy = backups_[random_.uniform(backups_.size())];
  fleet_.set_outage(gateway, 10min);
  note(gateway, FaultKind::kGatewayRestored, "restored from an old state");
  gateway.power_off();
  world_.after(1s, [this, &gateway, copy] {
    gateway.disk().replace(copy);
    if (on_restored_) on_restored_(gateway);
  });
}

// --- the end ---

void Faults::heal() {
  over_ = true;
  armed_.clear();
  for (const auto& [a, b] : parted_) world_.network().heal(a, b);
  for (const auto& [link, rate] : rates_) world_.network().link(link.first, link.second).rate = rate;
  std::vector<Node*> all = fleet_.gateways();
  all.insert(all.end(), fleet_.devices().begin(), fleet_.devices().end());
  all.push_back(&fleet_.server());
  for (Node* node : all) node->disk().set_capacity(SimDisk::kNoLimit);
  for (Node* device : fleet_.devices()) {
    Mood& mood = fleet_.mood(*device);
    mood.fails.reset();
    mood.dies.reset();
  }
}

}  // namespace dray::sim::fleet

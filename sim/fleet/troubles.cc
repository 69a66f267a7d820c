#include "sim/fleet/troubles.h"

#include <algorithm>
#include <numeric>

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

}  // namespace

const std::vector<Troubles::Weight>& Troubles::incidents() {
  static const std::vector<Weight> all{{"boxes", &Troubles::put_box},
                                       {"twin_gateway", &Troubles::start_twin_gateway},
                                       {"twin_agent", &Troubles::start_twin_agent},
                                       {"damaged_documents", &Troubles::damage},
                                       {"hostile_numbers", &Troubles::post_numbers}};
  return all;
}

Troubles::Troubles(World& world, Fleet& fleet, const FleetOptions& options, const Swarm& swarm, FaultLog& log)
    : world_{world},
      fleet_{fleet},
      options_{options},
      swarm_{swarm},
      log_{log},
      random_{world.random().fork("troubles")},
      lan_random_{random_.fork("lan boxes")},
      rows_random_{random_.fork("rows")},
      rot_random_{random_.fork("server rot")},
      clock_random_{random_.fork("server clock")},
      numbers_{world, fleet.people(), random_.fork("numbers")},
      boxes_{[&world] { return world.now(); }, numbers_} {}

void Troubles::begin() {
  if (!swarm_.on() || options_.faults_until <= 0h) return;
  world_.network().set_middlebox(boxes_);
  for (const Weight& weight : incidents()) shares_.push_back(swarm_.share(weight.kind));
  for (const BoxKind& kind : kBoxKinds)
    for (Node* gateway : fleet_.gateways())
      if (kind.may_stay && swarm_.has(kind.name) && random_.one_in(3)) {
        boxes_.put(kind.box, gateway->name(), kSteadyMax);
        log_.begins(kind.counted, gateway->name(), world_.now(), options_.ends);
        standing_ += gateway->name() + " lives behind " + std::string{kind.name} + "\n";
      }
  for (Node* device : fleet_.foreign()) {
    const Habits& habits = fleet_.habits(*device);
    if (!habits.none()) log_.begins(FaultKind::kOddDevice, device->name(), world_.now(), options_.ends);
    standing_ += device->name() + " is another client:" + habits.describe() + "\n";
  }
  put_boxes_before_devices();
  plan_row_damage();
  const Duration room = Duration{options_.faults_until} - world_.now().time_since_epoch();
  for (std::uint64_t n = random_.uniform(8); n > 0; --n) world_.after(random_.up_to(room), [this] { one_incident(); });
  if (swarm_.has("server_clock"))
    for (std::uint64_t n = 1 + clock_random_.uniform(6); n > 0; --n)
      later(clock_random_.up_to(room), [this] { let_server_clock_leap(); });
}

// Drawn from a stream of its own.
void Troubles::let_server_clock_leap() {
  const Duration most = clock_random_.one_in(2) ? Duration{24h * 200} : Duration{8h};
  const Duration by = 2min + clock_random_.up_to(most);
  const Duration lasts = 5s + clock_random_.up_to(Duration{6h} / static_cast<Duration::rep>(1ULL << clock_random_.uniform(12)));
  Node& server = fleet_.server();
  if (!server.up()) return;
  server.set_wall_error(clock_random_.one_in(3) ? -by : by, false);
  note(server, FaultKind::kServerClockLeapt, "its wall clock leaps", lasts);
  world_.after(lasts, [this] { fleet_.server().set_wall_error(Duration{0}); });
}

void Troubles::server_booted() { fleet_.server().set_wall_error(Duration{0}); }

std::string Troubles::describe() const { return standing_; }

void Troubles::begin_around(const RolloutTruth& rollout) {
  if (shares_.empty()) return;
  const WallTime begins = rollout.transmit_at ? std::min(*rollout.transmit_at, rollout.update_at) : rollout.update_at;
  const Duration until = std::max<Duration>(0ms, begins - world_.true_time());
  if (swarm_.has("damaged_rows") && rows_random_.one_in(2))
    later(until + rows_random_.up_to(90min), [this] { damage_row_of_server(); });
  for (std::uint64_t n = random_.uniform(5); n > 0; --n)
    world_.after(until + some_time(1s, 90min), [this] { one_incident(); });
  rot_at_server(rollout);
}

void Troubles::one_incident() {
  const int sum = std::accumulate(shares_.begin(), shares_.end(), 0);
  if (over_ || sum == 0) return;
  auto draw = static_cast<int>(random_.uniform(static_cast<std::uint64_t>(sum)));
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    draw -= shares_[i];
    if (draw < 0) return (this->*incidents()[i].incident)();
  }
}

void Troubles::later(Duration delay, std::function<void()> act) {
  world_.after(delay, [this, act = std::move(act)] {
    if (!over_) act();
  });
}

Duration Troubles::some_time(Duration least, Duration most) {
  const std::uint64_t shrink = 1ULL << random_.uniform(6);
  return least + random_.up_to((most - least) / static_cast<Duration::rep>(shrink));
}

void Troubles::note(const Node& node, FaultKind kind, const std::string& what, Duration lasts) {
  log_.begins(kind, node.name(), world_.now(), lasts);
  if (world_.trace().keeps()) world_.trace().note(world_.now(), node.name(), "FAULT " + what);
}

void Troubles::heard(const std::string& client, const HttpRequest& request) {
  if (!shares_.empty() && swarm_.has("hostile_numbers") && request.target == "/gateway/v1/reports") numbers_.heard(client, request);
}

// --- the incidents ---

void Troubles::put_box() {
  const BoxKind& kind = kBoxKinds[random_.uniform(kBoxKinds.size())];
  Node& gateway = any(fleet_.gateways());
  const Duration lasts = some_time(1min, 5h);
  if (!swarm_.has(kind.name)) return;
  boxes_.put(kind.box, gateway.name(), world_.now() + lasts);
  note(gateway, kind.counted, "is behind " + std::string{kind.name}, lasts);
}

// Between devices and their gateway; drawn from a stream of their own.
void Troubles::put_boxes_before_devices() {
  if (!swarm_.has("lan_boxes")) return;
  std::vector<Node*> devices = fleet_.devices();
  devices.insert(devices.end(), fleet_.foreign().begin(), fleet_.foreign().end());
  for (const BoxKind& kind : kBoxKinds)
    for (Node* device : devices)
      if (kind.for_devices && kind.may_stay && swarm_.has("lan_" + std::string{kind.name}) && lan_random_.one_in(5)) {
        boxes_.put(kind.box, device->name(), kSteadyMax);
        log_.begins(kind.counted, device->name(), world_.now(), options_.ends);
        standing_ += device->name() + " lives behind " + std::string{kind.name} + "\n";
      }
  const Duration room = Duration{options_.faults_until} - world_.now().time_since_epoch();
  for (std::uint64_t n = lan_random_.uniform(12); n > 0; --n)
    later(lan_random_.up_to(room), [this] { put_box_before_device(); });
}

void Troubles::put_box_before_device() {
  const BoxKind& kind = kBoxKinds[lan_random_.uniform(kBoxKinds.size())];
  const bool foreign = !fleet_.foreign().empty() && lan_random_.one_in(3);
  const auto& devices = foreign ? fleet_.foreign() : fleet_.devices();
  Node& device = *devices[lan_random_.uniform(devices.size())];
  const Duration lasts = 1min + lan_random_.up_to(Duration{5h} / static_cast<Duration::rep>(1ULL << lan_random_.uniform(6)));
  if (!kind.for_devices || !swarm_.has("lan_" + std::string{kind.name})) return;
  boxes_.put(kind.box, device.name(), world_.now() + lasts);
  note(device, kind.counted, "is behind " + std::string{kind.name}, lasts);
}

void Troubles::start_twin_gateway() {
  if (Twin* twin = fleet_.twin_gateway(); twin != nullptr && !twin->started) {
    // A cloned disk, or a replacement with an empty one that was set up while the old one still runs.
    if (random_.one_in(2)) twin->node->disk().replace(twin->of->disk().durable_copy());
    start_twin(*twin, FaultKind::kTwinGateway);
  }
}

void Troubles::start_twin_agent() {
  if (Twin* twin = fleet_.twin_agent(); twin != nullptr && !twin->started) start_twin(*twin, FaultKind::kTwinAgent);
}

void Troubles::start_twin(Twin& twin, FaultKind kind) {
  twin.started = true;
  const Duration lasts = some_time(20min, 20h);
  note(*twin.of, kind, "has a twin from now on", lasts);
  twin.node->power_on();
  const auto stop = [&twin] {
    twin.gone = true;
    twin.node->power_off();
  };
  later(lasts, stop);
}

void Troubles::damage() {
  Node& gateway = any(fleet_.gateways());
  if (!gateway.up()) return;
  fleet_.set_outage(gateway, 5min);
  gateway.power_off();
  world_.after(1s, [this, &gateway] {
    const auto what = damage_document(gateway, random_);
    if (!what) return;
    note(gateway, FaultKind::kDocumentDamaged, "its " + what->kind + " '" + what->id + "' can't be read any more");
    if (on_damaged_) on_damaged_(gateway, *what);
  });
}

// Drawn from a stream of its own, as boxes before devices.
void Troubles::plan_row_damage() {
  if (!swarm_.has("damaged_rows")) return;
  const Duration room = Duration{options_.faults_until} - world_.now().time_since_epoch();
  for (std::uint64_t n = 1 + rows_random_.uniform(4); n > 0; --n)
    later(rows_random_.up_to(room), [this] { damage_row_of_server(); });
}

void Troubles::damage_row_of_server() {
  Node& server = fleet_.server();
  if (!server.up()) return;
  fleet_.set_outage(server, 1min);
  server.power_off();
  later(1s, [this, &server] {
    const auto what = damage_row(server, rows_random_);
    if (!what) return;
    note(server, FaultKind::kRowDamaged, "its " + what->table + " " + what->key + ", " + what->column + ", can't be read any more", 2h);
    if (on_row_damaged_) on_row_damaged_(*what);
  });
}

void Troubles::post_numbers() {
  Node& gateway = any(fleet_.gateways());
  if (random_.one_in(2)) {
    const Duration lasts = some_time(5min, 3h);
    boxes_.put(Box::kHostileNumbers, gateway.name(), world_.now() + lasts);
    note(gateway, FaultKind::kNumbersHostile, "its reports hold numbers that can't be", lasts);
    return;
  }
  note(gateway, FaultKind::kNumbersHostile, "somebody posts numbers that can't be in its name");
  for (std::uint64_t n = 1 + random_.uniform(3); n > 0; --n)
    later(some_time(1ms, 1min), [this, &gateway] { numbers_.post(gateway.name()); });
}

// A byte flips in what the server has of an image that is rolled out, before or while it is sent, or the file is gone. Its operators
// look for such artifacts and upload them again (Operator::mend). Drawn from a stream of its own.
void Troubles::rot_at_server(const RolloutTruth& rollout) {
  if (!swarm_.has("server_rot") || rollout.images.empty() || !rot_random_.one_in(2)) return;
  const Image* image = rollout.images[rot_random_.uniform(rollout.images.size())];
  const bool gone = rot_random_.one_in(3);
  const std::uint64_t at = rot_random_.uniform(image->bytes.size());
  const Duration until = std::max<Duration>(1s, rollout.update_at - world_.true_time());
  later(rot_random_.up_to(until + 1h), [this, image, gone, at] {
    SimDisk& disk = fleet_.server().disk();
    const Path file = "blobs/" + image->sha256.hex();
    const bool done = disk.exists(file) && (gone ? disk.unlink(file).has_value() : disk.flip_byte(file, at).has_value());
    if (done) note(fleet_.server(), FaultKind::kByteFlipped, (gone ? "has lost " : "a byte flips in ") + file);
  });
}

void Troubles::heal() {
  over_ = true;
  boxes_.heal();
  fleet_.server().set_wall_error(Duration{0});
  for (Twin* twin : {fleet_.twin_gateway(), fleet_.twin_agent()})
    if (twin != nullptr && twin->started && !twin->gone) {
      twin->gone = true;
      twin->node->power_off();
    }
}

}  // namespace dray::sim::fleet

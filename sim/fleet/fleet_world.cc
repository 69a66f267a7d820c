#include "sim/fleet/fleet_world.h"

#include <algorithm>

#include "core/rollout/rollout.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLiveness{2h};  // docs/fault-model.md
constexpr std::size_t kMostLines = 400'000;

}  // namespace

FleetWorld::FleetWorld(FleetOptions options)
    : options_{options},
      world_{options.seed, options.trace},
      swarm_{world_.random(), options_.swarm},
      fleet_{world_, catalog_, options_, swarm_},
      scene_{world_, catalog_},
      operator_{world_, fleet_, catalog_, options_, swarm_},
      faults_{world_, fleet_, options_, swarm_, fault_log_},
      troubles_{world_, fleet_, options_, swarm_, fault_log_} {
  scene_.only = options_.only;
  scene_.lists = [this] { return fleet_.lists(); };
  checks_ = all_checks(scene_);
  add_lines();
  watch_disks();
  watch_tables();
  world_.network().set_tap(*this);
  world_.on_crashed([this](Node& node) { on_crashed(node); });
  world_.on_step([this] { step(); });
  faults_.on_restored([this](Node& node) { on_restored(node); });
  troubles_.on_damaged([this](Node& node, const Damaged& what) { on_damaged(node, what); });
  troubles_.on_row_damaged([this](const DamagedRow& row) { on_row_damaged(row); });
  fleet_.on_ended([this](Node& node, const Error& why) {
    if (!node.up()) return;  // its power went at this very instant
    for (const auto& check : checks_) check->ended_by_itself(node, why);
  });
  operator_.on_rollout([this](const RolloutTruth& rollout) {
    if (rollout.proof) return;
    faults_.begin_around(rollout);
    troubles_.begin_around(rollout);
  });
  world_.trace().on_line([this](std::string_view node, std::string_view line) {
    if (lines_kept_.size() == kMostLines) lines_kept_.pop_front();
    lines_kept_.emplace_back(node, line);
  });
}

FleetWorld::~FleetWorld() = default;

// --- the run ---

Result<> FleetWorld::run_until(const std::function<bool()>& done, Duration limit) {
  const Result<> how = world_.run_until([&] { return scene_.violation || done(); }, limit);
  if (scene_.violation)
    return Error{ErrorCode::kConflict,
                 scene_.violation->check + ": " + scene_.violation->subject + " " + scene_.violation->what};
  return how;
}

Result<> FleetWorld::run() {
  operator_.set_up();
  DRAY_CHECK(run_until([this] { return operator_.is_set_up(); }, 1h));
  operator_.begin_script();
  faults_.begin();
  troubles_.begin();
  const auto rest = [this](Duration at) { return std::max(Duration{1}, at - world_.now().time_since_epoch()); };
  const auto when = [this](Duration at) { return [this, at] { return world_.now().time_since_epoch() >= at; }; };
  const Duration healed{options_.faults_until};
  if (healed > 0h) {
    world_.after(rest(healed), [] {});
    DRAY_CHECK(run_until(when(healed), rest(healed)));
    faults_.heal();
    troubles_.heal();
  }
  const Duration proven = std::max(healed, Duration{options_.ends - 14h}) + 30min + 10min + kLiveness;
  world_.after(rest(proven), [] {});
  DRAY_CHECK(run_until(when(proven), rest(proven)));
  check_liveness();
  const Duration ends{options_.ends};
  world_.after(rest(ends), [] {});
  DRAY_CHECK(run_until(when(ends), rest(ends)));
  check_liveness();
  for (const auto& check : checks_) check->ended();
  return run_until([] { return true; }, 1s);
}

void FleetWorld::check_liveness() {
  const auto complain = [this](const std::string& subject, const std::string& what) {
    scene_.complain("liveness", subject, what);
  };
  server::Lists* lists = fleet_.lists();
  if (lists == nullptr) return complain("server", "is not up though nothing goes wrong any more");
  for (const auto& rollout : catalog_.rollouts()) {
    if (rollout->id.empty()) return complain("server", "has not answered a request for a rollout");
    if (rollout->id == "none") continue;
    for (const auto& [name, device] : catalog_.devices()) {
      if (!catalog_.concerns(*rollout, name)) continue;
      // One with habits may take its time until the expiry.
      if (!is_well_behaved(device) && world_.true_time() < rollout->expires_at + kLiveness) continue;
      ++scene_.worked["liveness"];
      const std::string job = rollout->id + "-" + name;
      const auto view = lists->job(JobId{job});
      // What can't be read of a device, or of its type, passes no filter: such a rollout may have begun without it.
      if (!view && (unread_.contains(name) || unread_.contains(device.type))) continue;
      if (!view) return complain(name, job + " is unknown to the server");
      const core::JobState state = view->result.state;
      const std::string said = std::string{to_string(state)} + " (" + view->result.reason + "): " + view->result.sentence;
      if (!core::is_final(state)) return complain(name, job + " is still " + said);
      if (rollout->proof && is_well_behaved(device) && state != core::JobState::kSucceeded)
        return complain(name, job + " was rolled out when nothing went wrong any more, and is " + said);
    }
  }
}

// --- what happens, told to the checks ---

template <class Tell>
void FleetWorld::tell(Who who, Tell tell) {
  for (const auto& check : checks_)
    if (check->heeds(who)) tell(*check);
}

void FleetWorld::asked(const Exchange& exchange, const HttpRequest& request) {
  ++requests_;
  const Call call = lines_.call(exchange, catalog_);
  tell(call.who, [&](Check& check) { check.asked(call, request); });
  if (call.kind == Kind::kReports && call.who == Who::kOurs) troubles_.heard(call.gateway, request);
}

void FleetWorld::kept_from_server(const Exchange& exchange) {
  const Call call = lines_.call(exchange, catalog_);
  tell(call.who, [&](Check& check) { check.kept_from_server(call); });
}

void FleetWorld::answered(const Exchange& exchange, const HttpResponse& response) {
  const Call call = lines_.call(exchange, catalog_);
  tell(call.who, [&](Check& check) { check.answered(call, response); });
  if (call.kind != Kind::kPoll || response.status != 200) return;
  const auto* body = std::get_if<std::string>(&response.body);
  if (body == nullptr) return;
  Polled& last = polled_[call.device];
  if (last.body != *body) last = {*body, shown_in(*body).value_or(Shown{})};
  tell(call.who, [&](Check& check) { check.shown(call, last.shown); });
}

void FleetWorld::sent(const Exchange& exchange, bool upload, std::uint64_t bytes) {
  if (upload || exchange.path.find("/artifacts/") == std::string::npos) return;
  const Call call = lines_.call(exchange, catalog_);
  if (call.image == nullptr) return;
  tell(call.who, [&](Check& check) { check.sent(call, upload, bytes); });
}

void FleetWorld::arrived(const Exchange& exchange, int status) {
  if ((status != 200 && status != 304) || exchange.path != "/gateway/v1/plan") return;
  const Call call = lines_.call(exchange, catalog_);
  if (call.kind != Kind::kPlan || call.who != Who::kOurs) return;
  SteadyTime& told = scene_.told_time[call.gateway];
  told = std::min(told, world_.now());
}

Power FleetWorld::on_write(Node& node, const std::string& op) {
  if (!node.up()) return Power::kStays;  // somebody has its disk on a bench
  const Power power = faults_.at_write(node, op);
  if (power == Power::kLostBefore) return power;
  if (op.find(" ab/") != std::string::npos) touched_.push_back(&node);
  for (const auto& check : checks_) check->wrote(node, op);
  return power;
}

void FleetWorld::on_crashed(Node& node) {
  ++power_cuts_;
  if (scene_.active.contains(node.name())) look(node);
  if (const auto told = scene_.told_time.find(node.name()); told != scene_.told_time.end())
    told->second = kSteadyMax;
  for (const auto& check : checks_) check->crashed(node);
  if (&node == &fleet_.server()) troubles_.server_booted();
  const Duration healed = Duration{options_.faults_until} - world_.now().time_since_epoch();
  const Duration outage = std::min(fleet_.take_outage(node), std::max<Duration>(20s, healed));
  world_.after(outage, [this, &node] {
    if (!fleet_.is_gone(node)) node.power_on();
  });
}

// A deferral that nobody can read holds its site until somebody withdraws it: they do, some time later.
void FleetWorld::on_damaged(Node& gateway, const Damaged& what) {
  for (const auto& check : checks_) check->damaged(gateway, what);
  if (what.kind == gateway::kind::kDeferral) operator_.withdraw(gateway.name(), what.id, 2h);
}

// It is found by what the server says of its sites, and replaced by what the operator's records say.
void FleetWorld::on_row_damaged(const DamagedRow& row) {
  if (row.table == "device" || row.table == "device_type") unread_.insert(row.key);
  for (const auto& check : checks_) check->row_damaged(row);
  operator_.put_back(row);
}

void FleetWorld::on_restored(Node& node) {
  for (const auto& check : checks_) check->restored(node);
}

void FleetWorld::step() {
  for (Node* device : std::exchange(touched_, {}))
    if (device->up()) look(*device);
  for (const auto& check : checks_) check->step();
}

void FleetWorld::look(Node& device) {
  const Active now = active(device);
  Active& known = scene_.active[device.name()];
  const Active before = std::exchange(known, now);
  tell(who_is(device.name()), [&](Check& check) { check.looked(device.name(), before, now); });
}

Active FleetWorld::active(Node& device) const {
  Active out;
  SimDisk& disk = device.disk();
  const auto link = disk.read_link("ab/current");
  const auto names = link ? disk.list("ab/" + *link) : Result<std::vector<std::string>>{link.error()};
  if (!names) return out;
  out.slot = true;
  for (const std::string& name : *names)
    if (const auto bytes = disk.bytes("ab/" + *link + "/" + name + "/image"))
      out.images[name] = catalog_.image_of_bytes(*bytes);
  return out;
}

}  // namespace dray::sim::fleet

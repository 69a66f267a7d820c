// What the operators of a fleet do, drawn from the seed.
#include <algorithm>

#include "sim/fleet/operator.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;
using wire::json::object;
using wire::json::value;

value why(std::string_view by) { return object{{"by", std::string{by}}, {"why", "by the script"}}; }

}  // namespace

void Operator::at(WallTime when, Act act) { fleet_.people().spawn(act(*this, when)); }

Duration Operator::between(Duration least, Duration most) { return least + random_.up_to(most - least); }

void Operator::begin_script() {
  const WallTime begin = now();
  const WallTime over = kWallStart + (options_.faults_until > 0h ? options_.faults_until : options_.ends - 14h);
  const Duration room = over - begin - 6h;
  const auto some = [&](std::string_view kind, std::uint64_t most, Act act) {
    if (swarm_.on() && !swarm_.has(kind)) return;
    for (std::uint64_t n = random_.uniform(most + 1); n > 0; --n) at(begin + random_.up_to(room + 3h), act);
  };
  for (int i = 0; i < options_.rollouts; ++i) at(begin + random_.up_to(room), &Operator::roll_out);
  if (options_.faults_until > 0h) {
    some("cancel_at_server", 4, &Operator::cancel_at_server);
    some("cancel_at_gateway", 3, &Operator::cancel_at_gateway);
    some("cancel_on_device", 3, &Operator::cancel_on_device);
    some("abort_rollout", 1, &Operator::abort_rollout);
    some("defer", 4, &Operator::defer);
    some("use_device", 6, &Operator::use_device);
    some("make_device_busy", 6, &Operator::make_device_busy);
    some("change_limits", 3, &Operator::change_limits);
  }
  at(over + 30min, &Operator::prove);
  if (swarm_.has("server_rot")) at(begin, &Operator::mend);
}

core::Intervals Operator::draw_intervals(WallTime from, WallTime to) {
  core::Intervals out;
  if (!random_.one_in(3)) return out;  // always
  WallTime at = from + random_.up_to(30min);
  while (at < to && out.size() < 4) {
    const WallTime end = at + between(10min, 90min);
    out.push_back({at, end});
    at = end + between(5min, 3h);
  }
  return out;
}

std::vector<DailyWindow> Operator::draw_windows() {
  std::vector<DailyWindow> out;
  if (!random_.one_in(3)) return out;  // always
  for (std::uint64_t n = 1 + random_.uniform(2); n > 0; --n) {
    const int from = static_cast<int>(random_.uniform(24 * 60)), length = 60 + static_cast<int>(random_.uniform(12 * 60));
    out.push_back({from, (from + length) % (24 * 60)});
  }
  return out;
}

SiteTruth Operator::draw_site() {
  SiteTruth out;
  out.zone = kZones[random_.uniform(std::size(kZones))];
  out.transfer = draw_windows();
  out.update = draw_windows();
  return out;
}

RolloutTruth Operator::draw_rollout(WallTime at) {
  RolloutTruth out;
  const std::string version = std::to_string(++releases_);
  const auto which = random_.uniform(4);  // 0: os, 1: app, else both
  for (const char* component : {"os", "app"}) {
    if (which < 2 && (component[0] == 'o') != (which == 0)) continue;
    // Every size is one image's alone, so that bytes are known by their number.
    const std::size_t large = options_.large_images && random_.one_in(3) ? 150'000 : 0;
    const std::size_t size = 8'000 + large + random_.uniform(30'000) / 64 * 64 + 2 * out.images.size() +
                             4 * static_cast<std::size_t>(releases_);
    out.images.push_back(&catalog_.add_image(component, version, size));
  }
  const auto& gateways = fleet_.gateways();
  if (random_.one_in(3)) out.site = gateways[random_.uniform(gateways.size())]->name();
  out.update_at = at + between(5min, 3h);
  out.expires_at = out.update_at + between(1h, 12h);
  if (random_.one_in(2)) {
    out.delivery = core::Delivery::kPush;
    out.transmit_at = at + random_.up_to(out.update_at - at + 20min);
  }
  out.transfer = draw_intervals(out.transmit_at.value_or(out.update_at), out.expires_at);
  out.update = draw_intervals(out.update_at, out.expires_at);
  if (random_.one_in(3)) {
    out.automatic = true;
    out.update_at = at;
    out.transmit_at.reset();
    out.expires_at = at + between(2h, 24h);
    out.transfer = draw_intervals(at, out.expires_at);
    out.update = draw_intervals(at, out.expires_at);
  }
  if (random_.one_in(6)) out.limit = static_cast<int>(1 + random_.uniform(3));
  return out;
}

Task<> Operator::roll_out(Operator& self, WallTime when) {
  co_await self.sleep_until(when);
  RolloutTruth wanted = self.draw_rollout(self.now());
  const WallTime over =
      kWallStart + (self.options_.faults_until > 0h ? self.options_.faults_until : self.options_.ends - 14h);
  wanted.expires_at = std::min(wanted.expires_at, over);
  if (wanted.expires_at <= wanted.update_at) co_return;
  const WallTime begins = wanted.update_at, expires = wanted.expires_at;
  co_await self.publish(std::move(wanted));
  self.cancel_around(begins, expires);
}

// While devices are at work a cancel has most to spoil.
void Operator::cancel_around(WallTime begins, WallTime expires) {
  static constexpr Act kCancels[] = {&Operator::cancel_at_server, &Operator::cancel_at_gateway,
                                     &Operator::cancel_on_device};
  if (options_.faults_until <= 0h || random_.one_in(2)) return;
  if (swarm_.on() && !swarm_.has("cancel_around")) return;
  for (std::uint64_t n = 1 + random_.uniform(4); n > 0; --n) {
    const WallTime when = begins + between(-5min, 20min);
    const Act act = kCancels[random_.uniform(std::size(kCancels))];
    if (when > now() && when < expires) at(when, act);
  }
}

// The last one, when nothing goes wrong any more, at sites that may be used at any time: it must succeed everywhere.
Task<> Operator::prove(Operator& self, WallTime when) {
  co_await self.sleep_until(when);
  for (Node* gateway : self.fleet_.gateways()) {
    value body = object{{"transfer_windows", wire::json::array{}}, {"update_windows", wire::json::array{}}};
    [[maybe_unused]] const Answer answer =
        co_await self.admin_.insist(Method::kPatch, kApi + "sites/" + gateway->name(), std::move(body));
    self.catalog_.site(gateway->name()) = {};
  }
  RolloutTruth wanted;
  const std::string version = std::to_string(++self.releases_);
  wanted.images = {&self.catalog_.add_image("os", version, 20'001), &self.catalog_.add_image("app", version, 10'001)};
  wanted.update_at = self.now() + 10min;
  wanted.expires_at = self.now() + 8h;
  wanted.proof = true;
  if (self.random_.one_in(2)) {
    wanted.delivery = core::Delivery::kPush;
    wanted.transmit_at = self.now() + 5min;
  }
  co_await self.publish(std::move(wanted));
}

const RolloutTruth* Operator::any_rollout() {
  const auto& all = catalog_.rollouts();
  for (int tries = 0; tries < 3 && !all.empty(); ++tries) {
    const RolloutTruth& one = *all[all.size() - 1 - random_.uniform(std::min<std::size_t>(all.size(), 2))];
    if (!one.id.empty() && one.id != "none" && !one.proof) return &one;
  }
  return nullptr;
}

Task<> Operator::cancel_at_server(Operator& self, WallTime when) {
  co_await self.sleep_until(when);
  const RolloutTruth* rollout = self.any_rollout();
  if (rollout == nullptr) co_return;
  value body = why("ines");
  [[maybe_unused]] const Answer answer = co_await self.admin_.insist(
      Method::kPost, kApi + "jobs/" + rollout->id + "-" + self.any_device().name() + "/cancel", std::move(body));
}

Task<> Operator::cancel_at_gateway(Operator& self, WallTime when) {
  co_await self.sleep_until(when);
  const RolloutTruth* rollout = self.any_rollout();
  if (rollout == nullptr) co_return;
  const Node& device = self.any_device();
  value body = why("site");
  [[maybe_unused]] const Answer answer = co_await self.admin_.call(
      Method::kPost,
      "http://local." + self.fleet_.gateway_of(device).name() + "/api/v1/jobs/" + rollout->id + "-" +
          device.name() + "/cancel",
      std::move(body));
}

Task<> Operator::cancel_on_device(Operator& self, WallTime when) {
  co_await self.sleep_until(when);
  Node& device = self.any_device();
  if (agent::Agent* agent = self.fleet_.agent(device)) agent->cancel_here("user", "not now");
  device.wake();
}

Task<> Operator::abort_rollout(Operator& self, WallTime when) {
  co_await self.sleep_until(when);
  const RolloutTruth* rollout = self.any_rollout();
  if (rollout == nullptr) co_return;
  value body = why("ines");
  [[maybe_unused]] const Answer answer =
      co_await self.admin_.insist(Method::kPost, kApi + "rollouts/" + rollout->id + "/abort", std::move(body));
}

// For a device or the whole site; withdrawn before its time now and then.
Task<> Operator::defer(Operator& self, WallTime when) {
  co_await self.sleep_until(when);
  const Node& device = self.any_device();
  const std::string url = "http://local." + self.fleet_.gateway_of(device).name() + "/api/v1/deferrals";
  const WallTime until = self.now() + self.between(10min, 3h);
  object wish{{"device", self.random_.one_in(3) ? "" : device.name()}, {"until", to_rfc3339(until)}, {"by", "site"},
              {"why", "by the script"}, {"accept_expiry", true}};
  value body = std::move(wish);
  const Answer made = co_await self.admin_.call(Method::kPost, url, std::move(body));
  if (made.status != 201 || self.random_.one_in(2)) co_return;
  const std::string id{made.body.at("id").as_string()};
  co_await self.sleep_until(self.now() + self.random_.up_to(until - self.now()));
  value none;
  [[maybe_unused]] const Answer gone =
      co_await self.admin_.call(Method::kDelete, url + "/" + id, std::move(none));
}

void Operator::withdraw(const std::string& gateway, const std::string& deferral, Duration later) {
  fleet_.people().spawn(withdraw(*this, "http://local." + gateway + "/api/v1/deferrals/" + deferral, later));
}

Task<> Operator::withdraw(Operator& self, std::string url, Duration later) {
  for (Duration wait = later;; wait = 10min) {
    co_await self.sleep_until(self.now() + wait);
    value none;
    const Answer gone = co_await self.admin_.call(Method::kDelete, url, std::move(none));
    if (gone.status > 0 && gone.status < 500) co_return;
  }
}

// Its busy file is there for a while.
Task<> Operator::use_device(Operator& self, WallTime when) {
  co_await self.sleep_until(when);
  Node& device = self.any_device();
  const std::string after = std::to_string(600 + self.random_.uniform(3'000));
  [[maybe_unused]] const auto put = replace_file(device.disk(), "busy", "retry_after=" + after + "\nin use");
  co_await self.sleep_until(self.now() + self.between(5min, 3h));
  while (device.disk().exists("busy") || !device.up()) {  // a power cut may bring it back
    const auto gone = device.disk().unlink("busy");
    if (!gone || !device.disk().sync_dir("")) co_await self.sleep_until(self.now() + 1min);
  }
}

// Its installer says so.
Task<> Operator::make_device_busy(Operator& self, WallTime when) {
  co_await self.sleep_until(when);
  Mood& mood = self.fleet_.mood(self.any_device());
  mood.ready = self.random_.one_in(2) ? InstallerExit::kBusy : InstallerExit::kRetryLater;
  co_await self.sleep_until(self.now() + self.between(5min, 2h));
  mood.ready = InstallerExit::kOk;
}

Task<> Operator::change_limits(Operator& self, WallTime when) {
  co_await self.sleep_until(when);
  const auto& gateways = self.fleet_.gateways();
  const std::string site = gateways[self.random_.uniform(gateways.size())]->name();
  value body = object{{"limits", object{{"concurrency", 1 + self.random_.uniform(3)}}}};
  [[maybe_unused]] const Answer answer =
      co_await self.admin_.insist(Method::kPatch, kApi + "sites/" + site, std::move(body));
}

}  // namespace dray::sim::fleet

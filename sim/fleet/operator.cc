// Setting the fleet up, and publishing what is rolled out.
#include "sim/fleet/operator.h"

#include <algorithm>

#include "base/assert.h"

namespace dray::sim::fleet {
namespace {

using namespace std::chrono_literals;
using wire::json::array;
using wire::json::object;
using wire::json::value;

std::string text(const value& body, std::string_view key) {
  const auto* found = body.is_object() ? body.as_object().if_contains(key) : nullptr;
  return found != nullptr && found->is_string() ? std::string{found->as_string()} : std::string{};
}

array to_json(const core::Intervals& intervals) {
  array out;
  for (const auto& one : intervals) {
    array pair;
    pair.push_back(value(to_rfc3339(one.from)));
    pair.push_back(value(to_rfc3339(one.to)));
    out.push_back(std::move(pair));
  }
  return out;
}

array to_json(const std::vector<DailyWindow>& windows) {
  array out;
  for (const DailyWindow& w : windows) out.push_back(value(to_text(w)));
  return out;
}

array names(std::initializer_list<std::string_view> all) {
  array out;
  for (const auto name : all) out.push_back(value(std::string{name}));
  return out;
}

value order(bool together) {
  array steps;
  if (together) {
    steps.push_back(names({"os", "app"}));
  } else {
    steps.push_back(names({"os"}));
    steps.push_back(names({"app"}));
  }
  return steps;
}

}  // namespace

Operator::Operator(World& world, Fleet& fleet, Catalog& catalog, const FleetOptions& options, const Swarm& swarm)
    : world_{world},
      fleet_{fleet},
      catalog_{catalog},
      options_{options},
      swarm_{swarm},
      random_{world.random().fork("operator")},
      rows_random_{random_.fork("rows")},
      admin_{world, fleet.people()} {}

void Operator::set_up() { fleet_.people().spawn(set_up(*this)); }

Task<> Operator::sleep_until(WallTime when) {
  Stop never;
  SimClock& clock = fleet_.people().clock();
  [[maybe_unused]] const auto slept = co_await clock.sleep_until(clock.steady() + (when - now()), never);
}

Task<> Operator::set_up(Operator& self) {
  self.fleet_.server().power_on();
  for (;;) {  // the token is made at the first start
    const auto token = read_file(self.fleet_.server().disk(), "admin-token", 1024);
    if (token) {
      self.admin_.set_token(token->substr(0, token->find('\n')));
      const Answer answer = co_await self.admin_.call(Method::kGet, "http://server/readyz", value{});
      if (answer.status == 200) break;
    }
    co_await self.sleep_until(self.now() + 1s);
  }
  for (const bool together : {true, false}) {
    value type = object{{"name", std::string{together ? kKiosk : kTill}},
                        {"components", names({"os", "app"})},
                        {"order", order(together)},
                        {"client", "dray"}};
    const Answer made = co_await self.admin_.insist(Method::kPost, kApi + "device-types", std::move(type));
    DRAY_ASSERT(made.status == 201);
  }
  if (self.options_.swarm) {
    value type = object{{"name", std::string{kForeign}}, {"components", names({"os", "app"})}, {"client", "any"}};
    const Answer made = co_await self.admin_.insist(Method::kPost, kApi + "device-types", std::move(type));
    DRAY_ASSERT(made.status == 201);
  }
  co_await self.register_sites();
  for (const auto& [name, device] : self.catalog_.devices()) co_await self.register_device(device);
  for (Node* gateway : self.fleet_.gateways()) gateway->power_on();
  for (Node* device : self.fleet_.devices()) {
    const Duration later = self.random_.up_to(60s);
    self.world_.after(later, [device] { device->power_on(); });
  }
  for (Node* device : self.fleet_.foreign()) device->power_on();
  self.set_up_ = true;
}

Task<> Operator::register_sites() {
  for (Node* gateway : fleet_.gateways()) {
    const SiteTruth truth = draw_site();
    catalog_.site(gateway->name()) = truth;
    value site = object{{"name", gateway->name()},
                        {"time_zone", std::string{truth.zone.name}},
                        {"transfer_windows", to_json(truth.transfer)},
                        {"update_windows", to_json(truth.update)}};
    const Answer made = co_await admin_.insist(Method::kPost, kApi + "sites", std::move(site));
    DRAY_ASSERT(made.status == 201);
    fleet_.set_token(gateway->name(), text(made.body, "token"));
  }
}

Task<> Operator::register_device(const DeviceTruth& device) {
  value entry = object{{"name", device.name}, {"site", device.site}, {"type", device.type}};
  const Answer made = co_await admin_.insist(Method::kPost, kApi + "devices", std::move(entry));
  DRAY_ASSERT(made.status == 201);
  fleet_.set_token(device.name, text(made.body, "token"));
}

Task<> Operator::upload(const Image& image) {
  for (;;) {
    value wish = object{{"sha256", image.sha256.hex()}, {"size", image.bytes.size()}};
    const Answer begun = co_await admin_.insist(Method::kPost, kApi + "uploads", std::move(wish));
    const auto* state = begun.body.is_object() ? &begun.body.as_object() : nullptr;
    if (state != nullptr && state->contains("complete") && state->at("complete").as_bool()) co_return;
    if (state == nullptr || !state->contains("offset")) {  // no room, or too many: later
      co_await sleep_until(now() + 5min);
      continue;
    }
    const auto offset = state->at("offset").to_number<std::size_t>();
    std::string url = kApi + "uploads/" + image.sha256.hex(), rest = image.bytes.substr(offset);
    const Answer sent =
        co_await admin_.insist(Method::kPatch, std::move(url), std::move(rest), std::to_string(offset));
    if (sent.status != 200) co_await sleep_until(now() + 10s);
  }
}

// What can't be read may keep it from being made: then again, when somebody may have replaced that.
Task<> Operator::make(std::string url, value wish) {
  for (;;) {
    value body = wish;
    const Answer made = co_await admin_.insist(Method::kPost, url, std::move(body));
    if (made.status == 201 || made.status == 200) co_return;
    DRAY_ASSERT(damaged_rows_ > 0);
    co_await sleep_until(now() + 10min);
  }
}

// Artifacts that the server says are damaged are uploaded again, every half an hour.
Task<> Operator::mend(Operator& self, WallTime /*when*/) {
  for (;;) {
    co_await self.sleep_until(self.now() + 30min);
    const Answer all = co_await self.admin_.call(Method::kGet, kApi + "artifacts?limit=1000", value{});
    if (all.status != 200) continue;
    for (const value& one : all.body.at("items").as_array()) {
      if (one.at("state").as_string() != "damaged") continue;
      const Image* image = self.catalog_.image(std::string{one.at("sha256").as_string()});
      if (image != nullptr) co_await self.upload(*image);
    }
  }
}

Task<> Operator::describe(const Image& image) {
  value about = object{{"sha256", image.sha256.hex()}, {"name", image.component},
                       {"file", image.file},           {"component", image.component},
                       {"version", image.version},     {"device_types", names({kTill, kKiosk})}};
  if (options_.swarm) about.at("device_types").as_array().push_back(value(std::string{kForeign}));
  std::string url = kApi + "artifacts";
  co_await make(std::move(url), std::move(about));
}

Task<> Operator::publish(RolloutTruth wanted) {
  for (const Image* image : wanted.images) {
    co_await upload(*image);
    co_await describe(*image);
  }
  const std::string version = wanted.images.front()->version;
  array artifacts;
  for (const Image* image : wanted.images) artifacts.push_back(value(image->sha256.hex()));
  value release = object{{"name", "fleet"}, {"version", version}, {"artifacts", std::move(artifacts)}};
  std::string releases = kApi + "releases";
  co_await make(std::move(releases), std::move(release));
  while (asking_) co_await sleep_until(now() + 10s);
  asking_ = true;
  const bool push = wanted.delivery == core::Delivery::kPush;
  object wish{{"release", "fleet/" + version},
              {"delivery", push ? "push" : "pull"},
              {"expires_at", to_rfc3339(wanted.expires_at)},
              {"transfer", to_json(wanted.transfer)},
              {"update", to_json(wanted.update)},
              {"status_deferral", wanted.status_deferral.count()}};
  if (!wanted.automatic) wish["update_at"] = to_rfc3339(wanted.update_at);
  if (wanted.transmit_at) wish["transmit_at"] = to_rfc3339(*wanted.transmit_at);
  if (!wanted.site.empty()) wish["filter"] = "site=" + wanted.site;
  if (wanted.limit) wish["retry"] = object{{"limit", *wanted.limit}};
  RolloutTruth& truth = catalog_.ask_for(std::move(wanted));
  value body = std::move(wish);
  const Answer made = co_await admin_.insist(Method::kPost, kApi + "rollouts", std::move(body));
  truth.id = text(made.body, "id");
  asking_ = false;
  if (truth.id.empty()) truth.id = "none";  // too late for its expiry: the server was away for long
  if (on_rollout_ && truth.id != "none") on_rollout_(truth);
}

}  // namespace dray::sim::fleet

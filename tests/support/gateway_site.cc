#include "support/gateway_site.h"

#include <chrono>
#include <random>

#include "base/digest.h"

namespace dray::testing_support {

using namespace std::chrono_literals;

std::string firmware(std::size_t size) {
  std::mt19937_64 generator{size};
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(generator());
  return out;
}

bool eventually(const std::function<bool()>& is_so) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (!is_so())
    if (std::chrono::steady_clock::now() > end) return false;
  return true;
}

GatewaySite::GatewaySite() {
  plan_.site = SiteId{"berlin"};
  plan_.action_ids = {{1101, 1'001'100}};
  plan_.device_types = {{.name = "board", .components = {"os", "app"}, .order = {{"os", "app"}}}};
}

void GatewaySite::start(const std::string& server_url, const std::string& program) {
  gateway_ = std::make_unique<GatewayProcess>(folder_ / "gateway", server_url.empty() ? server_.url() : server_url, "gateway-token", extra_,
                                              Process::OnLine{}, program);
  eventually([&] { return gateway_->ready(); });
}

void GatewaySite::devices(int count) {
  for (int i = 1; i <= count; ++i) {
    const std::string name = "dev-" + std::to_string(i);
    plan_.devices.push_back({.name = DeviceId{name}, .type = "board", .token_sha256 = sha256_of(as_bytes("tok-" + name)).hex()});
  }
  plan_.assignments = {{.id = AssignmentId{"r1"}, .rollout = RolloutId{"r1"}, .planned_at = now() - 1s, .expires_at = now() + 1h}};
}

core::Artifact GatewaySite::artifact(const std::string& bytes, const std::string& component) {
  plan_.artifacts.push_back(server_.add_artifact(bytes, component + ".img", component, "2"));
  return plan_.artifacts.back();
}

void GatewaySite::order(const std::string& device, std::vector<core::Step> steps) {
  assignment().jobs.push_back({JobId{"r1-" + device}, DeviceId{device}, std::move(steps)});
}

void GatewaySite::ends_on_power_on() {
  plan_.device_types[0].ends_on = core::EndsOn::kPowerOn;
  plan_.device_types[0].power_on_within = 30s;
}

void GatewaySite::kill_and_start_gateway() {
  gateway_->kill();
  gateway_->start();
  eventually([&] { return gateway_->ready(); });
}

HttpAnswer GatewaySite::defer(WallTime until, const std::string& more, const std::string& device) const {
  return http("POST", gateway_->local_url() + "/api/v1/deferrals", {{"Content-Type", "application/json"}},
              R"({"device":")" + device + R"(","assignment":null,"until":")" + to_rfc3339(until) + R"(","by":"ines","why":"stocktaking")" + more + "}");
}

WallTime GatewaySite::now() { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

}  // namespace dray::testing_support

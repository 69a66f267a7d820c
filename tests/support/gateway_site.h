// A site whose gateway is alone: dray-gateway as a process, a scripted server that is not dray-server, and devices that
// are not dray-agent. A test builds the plan, publishes it, and plays the server and the devices.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "support/ddi_device.h"
#include "support/gateway_process.h"
#include "support/plan_server.h"
#include "support/relay_process.h"

namespace dray::testing_support {

// Bytes that do not repeat, the same for the same size.
std::string firmware(std::size_t size);
// Looks again until it is so; every look is a request of its own. False after 60 s.
bool eventually(const std::function<bool()>& is_so);

class GatewaySite {
 public:
  GatewaySite();

  // program: another dray-gateway than the one of this build.
  void start(const std::string& server_url = "", const std::string& program = "");
  // dev-1.. of type board, and one assignment whose time has come.
  void devices(int count);
  core::Artifact artifact(const std::string& bytes, const std::string& component = "os");
  void order(const std::string& device, std::vector<core::Step> steps);
  core::Assignment& assignment() { return plan_.assignments.at(0); }
  void publish() { server_.publish(plan_); }
  DdiDevice device(const std::string& name) const { return {gateway_->device_url(), name}; }
  void ends_on_power_on();
  // The gateway loses its process, not its disk.
  void kill_and_start_gateway();
  // POST /api/v1/deferrals of the local API; more: further members, with a leading comma.
  HttpAnswer defer(WallTime until, const std::string& more = "", const std::string& device = "dev-1") const;
  static WallTime now();

  TempFolder folder_;
  PlanServer server_{"gateway-token"};
  core::Plan plan_;
  std::string extra_ = "[devices]\npoll_s = 1\n[updates]\nretry_base_s = 1\nretry_cap_s = 1\n";
  std::unique_ptr<GatewayProcess> gateway_;
};

}  // namespace dray::testing_support

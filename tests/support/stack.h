// All of Dray as child processes: a server, one site's gateway, devices with dray-agent; set up by drayctl as an operator
// would. Every program can be killed and started again on its old ports.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "support/gateway_process.h"
#include "support/process.h"
#include "support/relay_process.h"

namespace dray::testing_support {

class Stack {
 public:
  Stack();

  std::string folder(const std::string& name) const { return temp_ / name; }
  const std::string& device_url() const { return device_url_; }

  // drayctl --json ...; its answer. Throws with its words where it fails.
  boost::json::value ctl(std::vector<std::string> arguments) const;
  std::string ctl_words(std::vector<std::string> arguments) const;  // without --json: what people see

  // The line between the gateway and the server, from its first start on: options of dray-relay.
  void slow_wan(const std::vector<std::string>& options);

  // Each starts the program (again) and watches its log.
  void start_server(Process::OnLine on_line = {});
  void start_gateway(Process::OnLine on_line = {});
  void start_device(const std::string& name, Process::OnLine on_line = {});
  Process& server() { return *server_; }
  Process& gateway() { return gateway_->process(); }
  GatewayProcess& gateway_process() { return *gateway_; }
  Process& device(const std::string& name) { return *devices_.at(name).process; }

  // The site is "berlin". Devices run dray-agent with the installer ab-dir and come from the factory with version "1" of
  // each component.
  void make_type(const std::string& name, const std::vector<std::string>& components, bool one_by_one = false,
                 const std::vector<std::string>& more = {});
  // more: further keys of its agent.toml, a line each. url: where it finds its gateway; "" = where that listens.
  void make_device(const std::string& name, const std::string& type, const std::vector<std::string>& components, const std::string& more = "",
                   const std::string& url = "");
  // Its installer becomes an executable around the same ab-dir: a verb fails while the file "fail-VERB" lies in its folder.
  void make_device_moody(const std::string& name);
  // Uploads bytes as an artifact; its SHA-256.
  std::string push_image(const std::string& type, const std::string& component, const std::string& version, const std::string& bytes);
  // A rollout of these artifacts for all devices; its id. keys: more lines of the rollout file.
  std::string start_rollout(const std::string& version, const std::vector<std::string>& sha256,
                            const std::string& keys = "delivery = \"pull\"\nupdate_at = \"now\"\nexpires_at = \"+1h\"\n");

  // Until the device reports these versions; false when time is over.
  bool wait_for_versions(const std::string& device, const std::map<std::string, std::string>& versions, std::chrono::seconds at_most);
  // Until its job has this state.
  bool wait_for_state(const std::string& device, const std::string& state, std::chrono::seconds at_most);
  boost::json::value device_view(const std::string& name) const;

 private:
  struct DeviceProcess {
    std::string folder;
    std::unique_ptr<Process> process;
  };
  bool wait_until(const std::function<bool()>& pred, std::chrono::seconds at_most);

  TempFolder temp_;
  int admin_port_ = 0, api_port_ = 0;
  std::string device_url_;
  std::unique_ptr<Process> server_;
  std::unique_ptr<RelayProcess> wan_;
  std::unique_ptr<GatewayProcess> gateway_;
  std::map<std::string, DeviceProcess> devices_;
};

}  // namespace dray::testing_support

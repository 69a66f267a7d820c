// dray-gateway as a child of a test, on ports of the system's choice.
#pragma once

#include <memory>
#include <string>

#include "support/process.h"

namespace dray::testing_support {

class GatewayProcess {
 public:
  // folder: data and configuration. extra: more TOML, such as "[devices]\npoll_s = 1\n" instead of the quick default.
  // program: another one than this build's.
  GatewayProcess(std::string folder, const std::string& server_url, const std::string& token, const std::string& extra = "",
                 Process::OnLine on_line = {}, std::string program = "");

  // Starts the program (again); the device door keeps its port over restarts.
  void start(Process::OnLine on_line = {});
  void kill();  // SIGKILL
  bool ready() const;               // it has loaded what it knows
  std::size_t stored() const;       // artifacts that are whole and verified
  Process& process() { return *process_; }

  std::string device_address() const { return "127.0.0.1:" + std::to_string(device_port_); }
  std::string device_url() const { return "http://" + device_address(); }
  std::string local_url() const { return "http://127.0.0.1:" + std::to_string(local_port_); }
  // From the local API: artifact body bytes that went to devices, that came over the WAN.
  std::uint64_t lan_bytes() const;
  std::uint64_t wan_bytes() const;

 private:
  std::uint64_t link_counter(const char* name) const;

  std::string program_, folder_, server_url_, token_, extra_;
  int device_port_ = 0, local_port_ = 0;
  std::unique_ptr<Process> process_;
};

// The port in "... listening door=devices host=127.0.0.1 port=41233", as soon as that line is there; throws without it.
int port_in_log(Process& process, const std::string& door);
// One plain HTTP GET; the body of a 200, else throws.
std::string http_get(const std::string& url, const std::string& authorization = "");

}  // namespace dray::testing_support

// The gateway to be measured: the real dray-gateway with a site behind it. It has its plan and its artifacts
// from a scripted server; every device is in the plan and has a token of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/plan_server.h"
#include "support/process.h"

namespace dray::bench {

// What the devices of one kind have to do. Names are the kind and a number: "idle-07".
struct Kind {
  std::string name;
  int devices = 0;
  std::uint64_t artifact_bytes = 0;  // 0: nothing to do
};

class Site {
 public:
  // Starts the gateway and waits until it has everything stored and offers it.
  Site(const std::string& program, const std::filesystem::path& folder, const std::vector<Kind>& kinds);

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return gateway_->pid(); }

  // Request texts, one for each of the first `count` devices of a kind, with the headers of a DDI client.
  static std::vector<std::string> polls(const std::string& kind, int count);
  std::vector<std::string> downloads(const std::string& kind, int count) const;
  // The artifact of a kind in the gateway's store.
  std::filesystem::path stored(const std::string& kind) const;
  // What the gateway answers.
  std::string answer_to(const std::string& request) const;

 private:
  void publish(const std::vector<Kind>& kinds);
  void start(const std::string& program);
  void settle(const Kind& kind);
  void wait_until(const std::function<bool()>& is_so) const;

  std::filesystem::path folder_;
  testing_support::PlanServer server_{"bench-token"};
  std::map<std::string, core::Artifact> artifacts_;  // by kind
  std::unique_ptr<testing_support::Process> gateway_;
  std::uint16_t port_ = 0;
};

std::string path_of(const std::string& request);

}  // namespace dray::bench

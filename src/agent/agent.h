// The agent of one device: polls a DDI server, runs the attempt machine over an installer, restarts by
// ending.
//
// Composed from ports, so that the product and the simulator run the same class. One run() is one start of
// the agent: it ends with kRestart where the device is to restart (a process device ends and starts its
// process, a machine reboots), or with kStopped. Loop thread only.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "core/model/device.h"
#include "core/schedule/hours.h"
#include "core/update/attempt.h"
#include "drive/driver.h"
#include "ports/clock.h"
#include "ports/disk.h"
#include "ports/http.h"
#include "ports/installer.h"
#include "ports/probe.h"
#include "ports/random.h"
#include "ports/worker.h"
#include "wire/ddi_client.h"

namespace dray::agent {

struct AgentSettings {
  std::string url;  // of the server, "http://gw:8080"
  std::string tenant = "DEFAULT", id;
  std::string authorization;            // "TargetToken ...", "GatewayToken ...", or empty
  core::Attributes attributes;          // sent with every power-on report
  wire::client::ComponentOfPart parts;  // DDI part -> component, where they differ
  std::vector<std::string> components;  // that this device has, beside those that its installer says to run
  Path busy_file;          // below the disk's root; while it is there the device is busy. Empty: none
  std::string busy_check;  // name of a check that AgentParts::probe knows. Empty: none
  std::vector<core::Hours> prohibited;  // local hours in which the device is not updated
  // Busy: false = says so at once (the gateway puts the update off), true = is silent until it is ready (its
  // own deferment)
  bool waits_while_busy = false;
  bool asks_operator = false;                      // nothing is done before its operator has said "ready"
  Duration poll_least{1'000}, poll_most{300'000};  // bounds of the server's "sleep"
  Duration working_poll{5'000};                    // while an order is in work: a cancel must find us
  std::chrono::seconds hold{50};                   // longest wait asked of a server that holds polls
  Duration start_jitter{2'000};                    // the first call is made within this time
  Duration retry_least{1'000}, retry_most{60'000};
  Duration busy_retry{60'000};  // asked again after this, where "busy" names no time
};

struct AgentParts {
  Clock& clock;
  Random& random;
  Disk& disk;
  Worker& worker;
  HttpClient& http;
  Installer& installer;
  std::string boot_id;  // of this start of the device
  Log log;
  Watch watch{};                                          // faults of the simulator
  Probe* probe = nullptr;                                 // for busy_check
  std::function<core::LocalTime(WallTime)> local_time{};  // of this device; UTC where it is empty
};

enum class Exit { kStopped, kRestart };

class Agent {
 public:
  Agent(AgentSettings settings, AgentParts parts);
  ~Agent();

  // Once. Ends soon after stop is requested.
  Task<Exit> run(Stop& stop);

  // For tests and the simulator; null before run() has loaded it.
  const core::attempt::Attempt* attempt() const;
  // The update is cancelled from outside the device, on the device.
  void cancel_here(std::string by, std::string why);
  // A request of somebody on the device, one line of JSON, answered by another: docs/installers.md, "The
  // agent's local socket". who: the user at the other end, as the kernel says. The answer comes when what it
  // speaks of is durable.
  Task<std::string> local_call(std::string line, std::string who);

 private:
  class Session;
  AgentSettings settings_;
  AgentParts parts_;
  std::unique_ptr<Session> session_;
};

}  // namespace dray::agent

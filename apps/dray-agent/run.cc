// "run": the agent itself. Under a supervisor it ends with kRestartStatus where the device is to restart.
#include <signal.h>
#include <sys/prctl.h>

#include <cstdlib>

#include "adapters/posix/signals.h"
#include "agent/boot.h"
#include "device.h"
#include "net/client.h"

namespace dray::apps {
namespace {

Task<> run(Device& device, const AgentConfig& config, HttpClient& http, bool supervised, Stop& stop,
           int& status) {
  if (!supervised) {  // nobody else counts trial starts
    agent::BootParts boot{device.disk, device.worker, *device.installer, device.log};
    auto counted = co_await agent::before_start(std::move(boot), stop);
    if (!counted) device.log.error("trial_not_counted", {{"why", counted.error().message()}});
  }
  agent::AgentParts parts{device.clock,
                          device.random,
                          device.disk,
                          device.worker,
                          http,
                          *device.installer,
                          boot_id_of(config, device.random),
                          device.log,
                          {}};
  device.log.info("agent_started", {{"id", config.agent.id},
                                    {"server", config.agent.url},
                                    {"boot_id", parts.boot_id},
                                    {"version", DRAY_VERSION}});
  if (!config.machine)
    device.log.info("process_device",
                    {{"note", "restarts are restarts of this process; its firmware is not executed"}});
  agent::Agent agent{config.agent, std::move(parts)};
  const agent::Exit exit = co_await agent.run(stop);
  status = exit == agent::Exit::kRestart ? kRestartStatus : 0;
  device.log.info("agent_stopped", {{"restart", exit == agent::Exit::kRestart}});
}

}  // namespace

int run_agent(const AgentConfig& config) {
  const bool supervised = std::getenv(kBootIdVariable) != nullptr;
  if (supervised) ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // an agent without its supervisor counts no trials
  Device device{config};
  net::BeastClient http{device.io, device.clock};
  Stop stop;
  adapters::StopOnSignals signals{device.io, stop};
  int status = 1;
  asio::co_spawn(device.io, run(device, config, http, supervised, stop, status),
                 [&](std::exception_ptr error) {
                   signals.done();
                   device.io.stop();  // kept connections and the like hold up nothing
                   if (error) std::rethrow_exception(error);
                 });
  device.io.run();
  return status;
}

}  // namespace dray::apps

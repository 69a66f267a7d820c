// "run": the agent itself. Under a supervisor it ends with kRestartStatus where the device is to restart.
#include <signal.h>
#include <sys/prctl.h>

#include <cstdlib>
#include <ctime>

#include "adapters/posix/exec_probe.h"
#include "adapters/posix/folder_lock.h"
#include "adapters/posix/local_socket.h"
#include "adapters/posix/signals.h"
#include "agent/boot.h"
#include "device.h"
#include "net/client.h"

namespace dray::apps {
namespace {

core::LocalTime local_time(WallTime now) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return {(local.tm_wday + 6) % 7, local.tm_hour * 60 + local.tm_min};
}

// Without it the device is updated all the same, and nobody can answer or cancel on it.
void listen_locally(Device& device, const AgentConfig& config, adapters::LocalSocket& socket) {
  const auto listening = socket.listen(config.socket, config.socket_group);
  if (listening)
    device.log.info("listening_locally", {{"socket", config.socket.string()}});
  else
    device.log.error("not_listening_locally", {{"why", listening.error().message()}});
}

Task<> run(Device& device, const AgentConfig& config, HttpClient& http, bool supervised, Stop& stop,
           int& status) {
  if (!supervised) {  // nobody else counts trial starts
    agent::BootParts boot{device.disk, device.worker, *device.installer, device.log};
    auto counted = co_await agent::before_start(std::move(boot), stop);
    if (!counted) device.log.error("trial_not_counted", {{"why", counted.error().message()}});
  }
  adapters::ExecProbe probe{
      device.io,
      device.clock,
      {{kBusyCheck, {config.busy_command, {config.busy_command_limit, Duration{2'000}}}}}};
  agent::AgentParts parts{device.clock,
                          device.random,
                          device.disk,
                          device.worker,
                          http,
                          *device.installer,
                          boot_id_of(config, device.random),
                          device.log,
                          {},
                          &probe,
                          local_time};
  device.log.info("agent_started", {{"id", config.agent.id},
                                    {"server", config.agent.url},
                                    {"boot_id", parts.boot_id},
                                    {"version", DRAY_VERSION}});
  if (!config.machine)
    device.log.info("process_device",
                    {{"note", "restarts are restarts of this process; its firmware is not executed"}});
  agent::Agent agent{config.agent, std::move(parts)};
  adapters::LocalSocket::Answer answer = [&agent](std::string line, std::string who) {
    return agent.local_call(std::move(line), std::move(who));
  };
  adapters::LocalSocket socket{device.io, std::move(answer)};
  listen_locally(device, config, socket);
  const agent::Exit exit = co_await agent.run(stop);
  socket.close();
  status = exit == agent::Exit::kRestart ? kRestartStatus : 0;
  device.log.info("agent_stopped", {{"restart", exit == agent::Exit::kRestart}});
}

}  // namespace

int run_agent(const AgentConfig& config) {
  const bool supervised = std::getenv(kBootIdVariable) != nullptr;
  if (supervised) ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // an agent without its supervisor counts no trials
  Device device{config};
  const auto lock = adapters::FolderLock::take(config.data, "run.lock");
  if (!lock) return device.log.error("data_in_use", {{"why", lock.error().message()}}), 1;
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

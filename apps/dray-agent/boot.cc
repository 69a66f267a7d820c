// "boot": what the device starts first. Starts the active version's program where there is one, and the
// agent; counts trial starts, switches back from a version that does not come up, restarts the device.
#include "agent/boot.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "adapters/posix/child.h"
#include "adapters/posix/folder_lock.h"
#include "adapters/posix/signals.h"
#include "device.h"
#include "drive/signal.h"
#include "drive/task_group.h"

namespace dray::apps {
namespace {

constexpr Duration kGrace{10'000};
constexpr Duration kLongestPause{60'000};

// A child that is watched: its end is a value and a notification. What follows from the end follows at once; what it left
// behind holds up only its own next start.
struct Watched {
  std::optional<adapters::Child> child;  // until nothing of it is left
  std::optional<int> ended;              // its status, until it was looked at
  int failures = 0;
  SteadyTime not_before{};
};

class Supervisor {
 public:
  Supervisor(Device& device, const AgentConfig& config, char** argv)
      : device_{device}, config_{config}, argv_{argv}, tasks_{device.io.get_executor()} {}

  enum class End { kStopped, kRestart };

  Task<End> run(Stop& stop) {
    Stop::Hook hook{stop, [this] { tasks_.stop(); }};
    End end = End::kStopped;
    // A program that dies at once must be seen before the agent commits its version.
    if (!config_.program.empty()) agent_.not_before = device_.clock.steady() + config_.program_settles;
    while (!stop.requested()) {
      const auto seen = changed_.generation();
      const SteadyTime now = device_.clock.steady();
      if (!program_.child && !config_.program.empty() && now >= program_.not_before) start_program();
      if (!agent_.child && now >= agent_.not_before) co_await start_agent(stop);
      SteadyTime until = kSteadyMax;
      if (!agent_.child) until = agent_.not_before;
      if (!program_.child && !config_.program.empty()) until = std::min(until, program_.not_before);
      co_await changed_.wait_past(seen, device_.clock, until, stop);
      if (stop.requested()) break;
      const bool restart = co_await look(stop);
      if (restart) {
        end = End::kRestart;
        break;
      }
    }
    co_await end_children();
    tasks_.stop();
    co_await tasks_.join();
    co_return end;
  }

 private:
  agent::BootParts boot_parts() { return {device_.disk, device_.worker, *device_.installer, device_.log}; }

  // What has ended, and what follows. True: restart the device.
  Task<bool> look(Stop& stop) {
    if (const auto status = std::exchange(program_.ended, {})) {
      const std::string how = "ended with status " + std::to_string(*status);
      device_.log.warn("program_ended", {{"status", *status}});
      put_off(program_);
      agent::BootParts parts = boot_parts();
      auto back = co_await agent::program_ended(std::move(parts), how, stop);
      if (back && *back) co_return true;
      tasks_.spawn(clear(program_));
    }
    if (const auto status = std::exchange(agent_.ended, {})) {
      if (*status == kRestartStatus) co_return true;
      put_off(agent_);
      device_.log.warn("agent_ended", {{"status", *status}, {"failures", agent_.failures}});
      tasks_.spawn(clear(agent_));
    }
    co_return false;
  }

  // Ends what it left behind, so that it can be started again.
  Task<> clear(Watched& watched) {
    co_await watched.child->end_rest(device_.clock, kGrace);
    watched.child.reset();
    changed_.notify();
  }

  // Again after a pause that doubles, until it has run for a while.
  void put_off(Watched& watched) {
    const SteadyTime now = device_.clock.steady();
    watched.failures = now - watched.not_before > kLongestPause ? 1 : watched.failures + 1;
    watched.not_before =
        now + std::min<Duration>(kLongestPause, Duration{250} * (1LL << std::min(watched.failures, 10)));
  }

  Task<> start_agent(Stop& stop) {
    agent::BootParts parts = boot_parts();
    auto counted = co_await agent::before_start(std::move(parts), stop);
    if (!counted) device_.log.error("trial_not_counted", {{"why", counted.error().message()}});
    if (program_.ended) co_return;  // meanwhile: that is looked at first
    adapters::Command command;
    command.argv = {"/proc/self/exe", "run"};
    for (char** argument = argv_ + 1; *argument != nullptr; ++argument)
      if (std::string_view{*argument} != "boot") command.argv.emplace_back(*argument);
    command.environment[kBootIdVariable] = boot_id_of(config_, device_.random);
    start(agent_, command, "agent");
  }

  void start_program() {
    adapters::Command command;
    command.argv = {"/proc/self/exe", kProgramCommand};  // sets what a spawn can't, then becomes the program
    command.argv.insert(command.argv.end(), config_.program.begin(), config_.program.end());
    command.environment["DRAY_CURRENT"] = (device_.disk.root() / config_.installer.root / "current").string();
    start(program_, command, "program");
  }

  void start(Watched& watched, const adapters::Command& command, std::string_view what) {
    auto child = adapters::Child::start(device_.io, command);
    if (!child) {
      device_.log.error("start_failed", {{"what", what}, {"why", child.error().message()}});
      put_off(watched);
      return;
    }
    watched.child.emplace(std::move(*child));
    watched.not_before = device_.clock.steady();
    device_.log.info("child_started", {{"what", what}, {"pid", watched.child->pid()}});
    tasks_.spawn(watch(watched));
  }

  Task<> watch(Watched& watched) {
    auto status = co_await watched.child->wait(tasks_.stop_signal());
    if (!status) co_return;
    watched.ended = *status;
    changed_.notify();
  }

  Task<> end_children() {
    tasks_.stop();  // ends the watching
    co_await tasks_.join();
    if (agent_.child) [[maybe_unused]]
      const int a = co_await agent_.child->end(device_.clock, kGrace);
    if (program_.child) [[maybe_unused]]
      const int p = co_await program_.child->end(device_.clock, kGrace);
  }

  Device& device_;
  const AgentConfig& config_;
  char** argv_;
  TaskGroup tasks_;
  Signal changed_;
  Watched agent_, program_;
};

Task<> supervise_until(Supervisor& supervisor, Stop& stop, std::optional<Supervisor::End>& end) {
  const Supervisor::End how = co_await supervisor.run(stop);
  end = how;
}

}  // namespace

int become_program(char** argv) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // without its supervisor nobody would leave a version that crashes
  ::execvp(argv[0], argv);
  std::perror(argv[0]);
  return 127;
}

int supervise(const AgentConfig& config, char** argv) {
  std::optional<Supervisor::End> end;
  {
    Device device{config};
    const auto lock = adapters::FolderLock::take(config.data, "boot.lock");
    if (!lock) return device.log.error("data_in_use", {{"why", lock.error().message()}}), 1;
    if (!config.machine) {  // a fresh boot id for each start of this process device
      ::setenv(kBootIdVariable, random_uuid(device.random).c_str(), 1);
      device.log.info("process_device",
                      {{"note", "restarts are restarts of this process; its firmware is not executed"}});
    }
    Stop stop;
    adapters::StopOnSignals signals{device.io, stop};
    Supervisor supervisor{device, config, argv};
    asio::co_spawn(device.io, supervise_until(supervisor, stop, end), [&](std::exception_ptr error) {
      signals.done();
      device.io.stop();  // kept connections and the like hold up nothing
      if (error) std::rethrow_exception(error);
    });
    device.io.run();
    device.log.info("supervisor_ended", {{"restart", end == Supervisor::End::kRestart}});
  }
  if (end != Supervisor::End::kRestart) return 0;
  if (!config.machine) {
    ::execv("/proc/self/exe", argv);
    std::perror("dray-agent: restart");
    return 1;
  }
  std::vector<char*> command;
  for (const std::string& argument : config.reboot_command)
    command.push_back(const_cast<char*>(argument.c_str()));
  command.push_back(nullptr);
  ::execvp(command[0], command.data());
  std::perror("dray-agent: reboot");
  return 1;
}

}  // namespace dray::apps

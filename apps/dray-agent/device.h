// The parts of this device that every subcommand needs, put together once.
#pragma once

#include <memory>
#include <thread>

#include "adapters/posix/posix_disk.h"
#include "adapters/posix/system_clock.h"
#include "adapters/posix/system_random.h"
#include "adapters/posix/thread_worker.h"
#include "config.h"

namespace dray::apps {

struct Device {
  explicit Device(const AgentConfig& config);

  asio::io_context io{1};
  adapters::SystemClock clock{io};
  adapters::SystemRandom random;
  adapters::PosixDisk disk;
  adapters::ThreadWorker worker{io, "dray-bytes"};
  Log log;
  std::unique_ptr<Installer> installer;
};

// Payloads are below `payloads`: the data folder, or where a verb's DRAY_PAYLOAD lies.
std::unique_ptr<Installer> make_installer(const InstallerConfig& config, Device& device, Disk& payloads,
                                          const std::filesystem::path& data);

// Of this start of the device: the kernel's on a machine; of a process device what its supervisor made for
// this start.
std::string boot_id_of(const AgentConfig& config, Random& random);

// Exit status of "dray-agent run" that asks its supervisor for a restart of the device.
inline constexpr int kRestartStatus = 75;
inline constexpr const char* kBootIdVariable = "DRAY_BOOT_ID";

int run_agent(const AgentConfig& config);
int supervise(const AgentConfig& config, char** argv);
// What supervise() starts: becomes the active version's program, which ends with its supervisor.
inline constexpr const char* kProgramCommand = "become";
int become_program(char** argv);
int run_verb(const AgentConfig& config, const std::string& kind, const std::string& verb);
int print_status(const AgentConfig& config, bool as_json);
struct LocalWish {  // of "answer" and "cancel"
  std::string command, answer, span, until, by, why;
};
int ask_agent(const AgentConfig& config, const LocalWish& wish);

}  // namespace dray::apps

#include "device.h"

#include <cstdlib>
#include <fstream>

#include "adapters/posix/exec_installer.h"
#include "agent/ab_dir.h"
#include "agent/single_file.h"

namespace dray::apps {

Device::Device(const AgentConfig& config)
    : disk{config.data},
      log{config.log, [] { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); },
          stderr_sink()},
      installer{make_installer(config.installer, *this, disk, config.data)} {}

std::unique_ptr<Installer> make_installer(const InstallerConfig& config, Device& device, Disk& payloads,
                                          const std::filesystem::path& data) {
  if (config.kind == "ab-dir") {
    auto out = std::make_unique<agent::AbDirInstaller>(device.disk, config.root.string(), payloads, device.worker);
    out->log = device.log;
    return out;
  }
  if (config.kind == "single-file") {
    std::map<std::string, Path> files;
    for (const Component& component : config.components) files[component.name] = component.file;
    auto out = std::make_unique<agent::SingleFileInstaller>(device.disk, config.root.string(), payloads, device.worker,
                                                            std::move(files));
    out->log = device.log;
    return out;
  }
  adapters::ExecInstallerSettings settings{
      config.command, std::filesystem::absolute(data), {config.time_limit, Duration{10'000}}};
  return std::make_unique<adapters::ExecInstaller>(device.io, device.clock, std::move(settings));
}

std::string boot_id_of(const AgentConfig& config, Random& random) {
  if (config.machine) {
    std::string id;
    std::ifstream in{"/proc/sys/kernel/random/boot_id"};
    std::getline(in, id);
    return id;
  }
  const char* given = std::getenv(kBootIdVariable);
  return given != nullptr && *given != '\0' ? given : random_uuid(random);
}

}  // namespace dray::apps

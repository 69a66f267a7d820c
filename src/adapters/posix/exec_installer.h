// Installer over the exec protocol: one executable, the verb as its argument, metadata by environment, the
// answer by exit status and standard output. docs/installers.md has the contract.
#pragma once

#include <filesystem>

#include "adapters/posix/child.h"
#include "ports/installer.h"

namespace dray::adapters {

struct ExecInstallerSettings {
  std::vector<std::string> command;  // the verb is appended
  std::filesystem::path data;        // InstallerEnv::payload is below it
  CommandLimits limits;              // of one verb
};

class ExecInstaller : public Installer {
 public:
  ExecInstaller(asio::io_context& io, Clock& clock, ExecInstallerSettings settings)
      : io_{io}, clock_{clock}, settings_{std::move(settings)} {}

  Task<Result<InstallerAnswer>> run(InstallerVerb verb, InstallerEnv env, Stop& stop) override;

 private:
  asio::io_context& io_;
  Clock& clock_;
  ExecInstallerSettings settings_;
};

// What an executable said, as an answer; any exit status outside of the protocol is a failure.
InstallerAnswer parse_answer(const CommandResult& result);
// And the other way round, for an executable around a built-in installer.
std::string print_answer(const InstallerAnswer& answer);

}  // namespace dray::adapters

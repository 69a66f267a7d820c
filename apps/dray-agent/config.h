// dray-agent's configuration file: docs/agent.sample.toml has every key.
#pragma once

#include <filesystem>

#include "adapters/posix/child.h"
#include "agent/agent.h"

namespace dray::apps {

struct Component {
  std::string name, part;  // part: of the DDI chunk; the name, unless the server calls it otherwise
  Path file;               // single-file: below the installer's root
};

struct InstallerConfig {
  std::string kind;                  // "ab-dir", "single-file", "exec"
  std::filesystem::path root;        // ab-dir, single-file
  std::vector<std::string> command;  // exec
  Duration time_limit{600'000};      // of one verb
  std::vector<Component> components;
};

struct AgentConfig {
  agent::AgentSettings agent;
  std::filesystem::path data;
  Level log = Level::kInfo;
  bool machine = false;                     // restart: a reboot, not this process anew
  std::vector<std::string> reboot_command;  // machine
  std::vector<std::string> program;         // of the active version; empty: none
  Duration program_settles{3'000};          // it must live for so long before the agent starts
  InstallerConfig installer;
  std::filesystem::path socket;           // for `dray-agent answer` and `cancel`; empty: none
  std::string socket_group;               // whose members may use it; empty: only we
  std::vector<std::string> busy_command;  // empty: none
  Duration busy_command_limit{10'000};
};
// Its name among the checks.
inline constexpr const char* kBusyCheck = "busy_command";

// Every mistake at once, with file and line.
Result<AgentConfig> load_config(const std::filesystem::path& file);
// That the programs which it names are there and can be started. Not asked at the start: what is missing then is waited for.
Result<> check_commands(const AgentConfig& config);

}  // namespace dray::apps

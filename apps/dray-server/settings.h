// Command line and configuration of dray-server; docs/server.sample.toml documents every key.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/log.h"
#include "server/parts.h"

namespace dray {

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

struct Settings {
  std::filesystem::path data;
  Level log_level = Level::kInfo;
  Address admin, gateway;
  server::Options limits;
};

struct CommandLine {
  std::filesystem::path config, ports_file;
  bool check_config = false;
};

// Nothing: run. Else the status to end with; help, version and mistakes are printed.
std::optional<int> parse_command_line(int argc, char** argv, CommandLine& out);
Result<Settings> read_settings(const std::filesystem::path& config);
bool is_loopback(const std::string& host);

}  // namespace dray

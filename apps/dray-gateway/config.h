// docs/gateway.sample.toml as values.
#pragma once

#include <filesystem>
#include <string>

#include "adapters/posix/exec_probe.h"
#include "base/log.h"
#include "gateway/settings.h"

namespace dray::apps {

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

struct GatewayConfig {
  gateway::Settings settings;
  std::filesystem::path data;
  Address devices{"127.0.0.1", 8090}, local{"127.0.0.1", 8091};
  Level log_level = Level::kInfo;
  std::map<std::string, adapters::ExecProbe::Check> probes;  // by name
};

// Every mistake at once, with file and line.
Result<GatewayConfig> load_gateway_config(const std::filesystem::path& file);

}  // namespace dray::apps

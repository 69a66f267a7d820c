#include "settings.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

#include "adapters/toml/config.h"

namespace dray {
namespace {

using adapters::Config;

constexpr std::int64_t kMostBytes = std::int64_t{1} << 50;

// "127.0.0.1:8080", "[::1]:8080", "localhost:0"
Address address_at(const Config& table, std::string_view key, const std::string& otherwise) {
  const std::string text = table.text(key, otherwise);
  const auto colon = text.rfind(':');
  Address out;
  bool good = colon != std::string::npos && colon > 0;
  if (good) {
    out.host = text.substr(0, colon);
    if (out.host.front() == '[' && out.host.back() == ']') out.host = out.host.substr(1, out.host.size() - 2);
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + colon + 1, end, out.port);
    good = error == std::errc{} && at == end && colon + 1 < text.size();
  }
  if (!good)
    table.refuse(key, "must be host:port, for example 127.0.0.1:8080; port 0 lets the system choose");
  return out;
}

void read_limits(const Config& table, server::Options& out) {
  out.most_artifact_bytes = table.bytes("artifact", {1, kMostBytes}, Bytes{out.most_artifact_bytes}).count;
  out.reserve_bytes = table.bytes("disk_reserve", {0, kMostBytes}, Bytes{out.reserve_bytes}).count;
  out.most_uploads = static_cast<std::size_t>(
      table.integer("uploads", {1, 100'000}, static_cast<std::int64_t>(out.most_uploads)));
  out.upload_kept = table.duration_s("upload_kept_s", {60, 366LL * 24 * 3600}, out.upload_kept);
  out.most_downloads = static_cast<std::size_t>(
      table.integer("downloads", {1, 100'000}, static_cast<std::int64_t>(out.most_downloads)));
  out.most_waiting = static_cast<std::size_t>(
      table.integer("long_polls", {0, 1'000'000}, static_cast<std::int64_t>(out.most_waiting)));
}

// Megabits per second, as lines are sold; in bytes per second.
BytesPerSecond mbit(const Config& table, std::string_view key, double otherwise) {
  return BytesPerSecond{static_cast<std::uint64_t>(table.number(key, 0, 1e7, otherwise) * 125'000)};
}

void read_planning(const Config& table, server::EgressBudget& out) {
  out.rate = mbit(table, "egress_mbit_s", 0);
  out.time_zone = table.text("time_zone", "UTC");
  for (const Config& one : table.tables("hours")) {
    const auto window = core::parse_window(one.text("when"));
    if (!window) one.refuse("when", window.error().message());
    out.hours.push_back({window ? *window : core::Window{}, mbit(one, "egress_mbit_s", 0)});
    if (!one.has("egress_mbit_s")) one.refuse("egress_mbit_s", "is missing");
  }
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, CommandLine& out) {
  CLI::App app{"dray-server holds artifacts, plans when each site is updated, and talks to the gateways.",
               "dray-server"};
  app.footer(
      "Example:\n  dray-server --config /etc/dray/server.toml\n\n"
      "At the first start it leaves the admin token in DATA/admin-token (mode 0600); drayctl reads it with "
      "--token-file.");
  app.set_version_flag("--version", std::string{"dray-server "} + DRAY_VERSION);
  app.add_option("-c,--config", out.config, "TOML file; docs/server.sample.toml documents every key")
      ->required();
  app.add_flag("--check-config", out.check_config,
               "read the configuration, say what is wrong with it, and end");
  app.add_option("--ports-file", out.ports_file,
                 "write the ports that were chosen, as JSON: {\"admin\": 8080, \"gateway\": 8081}");
  try {
    app.parse(argc, argv);
    return {};
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
}

Result<Settings> read_settings(const std::filesystem::path& config) {
  DRAY_TRY(const Config file, Config::open(config));
  Settings out;
  out.data = file.path("data");
  const std::string level = file.choice("log_level", {"debug", "info", "warn", "error"}, "info");
  if (const auto known = parse_level(level)) out.log_level = *known;
  out.admin = address_at(file.table("admin"), "listen", "127.0.0.1:8080");
  out.gateway = address_at(file.table("gateway"), "listen", "127.0.0.1:8081");
  read_limits(file.table("limits"), out.limits);
  read_planning(file.table("planning"), out.limits.egress);
  DRAY_CHECK(file.finish());
  return out;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace dray

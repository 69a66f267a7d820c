#include "config.h"

#include <algorithm>
#include <charconv>

#include "adapters/posix/secret_file.h"
#include "adapters/toml/config.h"

namespace dray::apps {
namespace {

using adapters::Config;
using adapters::Limits;

std::chrono::seconds seconds_of(const Config& table, std::string_view key, Limits limits, std::chrono::seconds otherwise) {
  return std::chrono::duration_cast<std::chrono::seconds>(table.duration_s(key, limits, otherwise));
}

// "127.0.0.1:8090", "[::1]:8090"
Address address(const Config& table, std::string_view key, const std::string& otherwise) {
  const std::string text = table.text(key, otherwise);
  const auto colon = text.rfind(':');
  Address out;
  unsigned port = 0;
  const char* end = text.data() + text.size();
  if (colon == std::string::npos || colon == 0 ||
      std::from_chars(text.data() + colon + 1, end, port).ptr != end || port > 65535 || colon + 1 == text.size()) {
    table.refuse(key, "must be host:port, for example 127.0.0.1:8090");
    return out;
  }
  out.host = text.substr(0, colon);
  if (out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']') out.host = out.host.substr(1, out.host.size() - 2);
  out.port = static_cast<std::uint16_t>(port);
  return out;
}

// The token itself, or the name of a file that holds nothing else.
std::string token(const Config& server) {
  if (server.has("token_file")) {
    if (server.has("token")) server.refuse("token", "token and token_file exclude each other");
    const auto out = adapters::read_secret(server.path("token_file"));
    if (!out) server.refuse("token_file", out.error().message());
    return out ? *out : std::string{};
  }
  const std::string out = server.text("token");
  if (out.empty() || std::any_of(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }))
    server.refuse("token", "is no token: it is empty or has blanks inside (a placeholder? drayctl site create shows the token once)");
  return out;
}

void read_server(const Config& server, gateway::Settings& out) {
  out.server_url = server.text("url");
  while (out.server_url.ends_with('/')) out.server_url.pop_back();
  if (!out.server_url.starts_with("http://")) server.refuse("url", "must begin with http:// (there is no TLS yet)");
  out.token = token(server);
  out.plan_wait = seconds_of(server, "plan_wait_s", {0, 300}, out.plan_wait);
  out.probe = server.boolean("probe", out.probe);
  out.server_retry_base = server.duration_s("retry_base_s", {0, 3600}, out.server_retry_base);
  out.server_retry_cap = server.duration_s("retry_cap_s", {0, 86'400}, out.server_retry_cap);
}

void read_devices(const Config& devices, gateway::Settings& out) {
  out.tenant = devices.text("tenant", out.tenant);
  out.poll_sleep = seconds_of(devices, "poll_s", {1, 86'399}, out.poll_sleep);
  out.unknown_devices_token_sha256 = devices.text("unknown_devices_token_sha256", "");
  if (!out.unknown_devices_token_sha256.empty()) {
    const auto sha = Sha256::parse(out.unknown_devices_token_sha256);
    if (sha)
      out.unknown_devices_token_sha256 = sha->hex();
    else
      devices.refuse("unknown_devices_token_sha256", sha.error().message());
  }
  out.requests_per_second = static_cast<double>(devices.integer("requests_per_second", {1, 1'000'000}, 20));
  out.request_burst = static_cast<double>(devices.integer("request_burst", {1, 1'000'000}, 200));
}

void read_updates(const Config& updates, gateway::Settings& out) {
  out.retry.base = seconds_of(updates, "retry_base_s", {1, 3600}, out.retry.base);
  out.retry.cap = seconds_of(updates, "retry_cap_s", {1, 86'400}, out.retry.cap);
  out.answer_valid = seconds_of(updates, "answer_valid_s", {10, 86'400}, out.answer_valid);
  out.status_good_for = seconds_of(updates, "status_good_for_s", {1, 86'400}, out.status_good_for);
  out.checks_at_once = static_cast<std::size_t>(updates.integer("checks_at_once", {1, 64}, static_cast<std::int64_t>(out.checks_at_once)));
  out.cancel_within = seconds_of(updates, "cancel_within_s", {10, 86'400}, out.cancel_within);
}

std::map<std::string, adapters::ExecProbe::Check> read_probes(const Config& probes) {
  std::map<std::string, adapters::ExecProbe::Check> out;
  for (const std::string& name : probes.keys()) {
    const Config one = probes.table(name);
    adapters::ExecProbe::Check check;
    check.command = one.strings("command");
    check.limits.time = one.duration_s("time_limit_s", {1, 600}, check.limits.time);
    if (check.command.empty()) one.refuse("command", "must name a program and its arguments");
    out[name] = std::move(check);
  }
  return out;
}

}  // namespace

Result<GatewayConfig> load_gateway_config(const std::filesystem::path& file) {
  DRAY_TRY(const auto config, Config::open(file));
  GatewayConfig out;
  out.data = config.path("data");
  out.devices = address(config, "listen", "127.0.0.1:8090");
  out.local = address(config, "local_listen", "127.0.0.1:8091");
  out.settings.local_names = config.strings("local_names", std::vector<std::string>{});
  const std::string level = config.choice("log_level", {"debug", "info", "warn", "error"}, "info");
  if (const auto parsed = parse_level(level)) out.log_level = *parsed;
  read_server(config.table("server"), out.settings);
  read_devices(config.table("devices"), out.settings);
  read_updates(config.table("updates"), out.settings);
  out.probes = read_probes(config.table("probes"));
  const Config store = config.table("store");
  out.settings.store_quota = store.bytes("quota", {.least = 1'000'000}, Bytes{out.settings.store_quota}).count;
  out.settings.store_reserve = store.bytes("reserve", {.least = 0}, Bytes{out.settings.store_reserve}).count;
  DRAY_CHECK(config.finish());
  return out;
}

}  // namespace dray::apps

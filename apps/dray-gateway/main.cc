// dray-gateway: one per site. Stores each artifact once and hands it to the devices behind it, at the planned time.
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "adapters/posix/folder_lock.h"
#include "adapters/posix/place.h"
#include "adapters/posix/posix_disk.h"
#include "adapters/posix/secret_file.h"
#include "adapters/posix/signals.h"
#include "adapters/posix/started_with.h"
#include "adapters/posix/system_clock.h"
#include "adapters/posix/system_random.h"
#include "adapters/posix/thread_worker.h"
#include "adapters/sqlite/gateway_store.h"
#include "config.h"
#include "gateway/gateway.h"
#include "net/client.h"
#include "net/server.h"

namespace {

using namespace dray;

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// What others need to find us, as JSON; whole or not there.
Result<> write_ports(const std::string& file, const net::HttpServer& devices, const net::HttpServer& local) {
  if (file.empty()) return {};
  return adapters::replace_public_file(file, "{\"devices\": " + std::to_string(devices.port()) +
                                                 ", \"local\": " + std::to_string(local.port()) + "}\n");
}

Result<> listen(net::HttpServer& server, const apps::Address& at, std::string_view name, const Log& log) {
  const auto done = server.listen(at.host, at.port);
  if (!done) return done.error().with_context("listening on " + at.host + ":" + std::to_string(at.port));
  log.info("listening", {{"door", name}, {"host", at.host}, {"port", server.port()}, {"tls", "none yet"}});
  if (!is_loopback(at.host)) log.warn("listening_without_tls", {{"door", name}, {"advice", "tokens travel in clear text: put TLS in front, or listen on loopback"}});
  return {};
}

Task<> run_until_ended(gateway::Gateway& gateway, net::BeastClient& client, Stop& stop, Stop& asked) {
  co_await gateway.run(stop);
  client.close();
  asked.request();  // where it ended by itself
}

Task<> stop_in_order(Clock& clock, net::HttpServer& devices, net::HttpServer& local, adapters::StopOnSignals& signals,
                     Stop& asked, Stop& stop) {
  while (!asked.requested()) {
    [[maybe_unused]] const auto how = co_await clock.sleep_until(kSteadyMax, asked);
  }
  co_await devices.stop();
  co_await local.stop();
  stop.request();
  signals.done();
}

int run(const apps::GatewayConfig& config, const std::string& ports_file) {
  const auto started_with = adapters::StartedWith::now();
  ::umask(077);  // what we write is ours; children get back what we were started with
  const std::uint64_t files = adapters::raise_file_limit();
  asio::io_context io{1};
  adapters::SystemClock clock{io};
  adapters::SystemRandom random;
  const Log log{config.log_level, [&clock] { return clock.wall(); }, stderr_sink()};
  adapters::PosixDisk disk{config.data};
  const auto lock = adapters::FolderLock::take(config.data);
  if (!lock) return log.error("data_in_use", {{"why", lock.error().message()}}), 1;
  const auto place = adapters::find_place(config.data);
  if (!place) return log.error("data_not_found", {{"why", place.error().message()}}), 1;
  adapters::ThreadWorker store_worker{io, "store"}, bytes_worker{io, "bytes"};
  auto store = adapters::GatewayStore::open({.path = (config.data / "gateway.db").string()});
  if (!store) return log.error("store_not_opened", {{"why", store.error().message()}}), 1;

  net::BeastClient client{io, clock};
  adapters::ExecProbe probe{io, clock, config.probes, started_with};
  gateway::Gateway gateway{config.settings,
                           {.executor = io.get_executor(),
                            .clock = clock,
                            .random = random,
                            .store_worker = store_worker,
                            .bytes_worker = bytes_worker,
                            .disk = disk,
                            .server = client,
                            .store = **store,
                            .log = log,
                            .probe = &probe,
                            .place = *place}};
  const net::Limits limits = net::limits_for(files);
  log.info("file_limit", {{"files", files}, {"connections", limits.connections}, {"strangers", limits.strangers}});
  net::HttpServer devices{io, clock, log, gateway.door(), limits, &bytes_worker,
                          [&](const HttpRequest& request) { return gateway.knows(request); }};
  net::HttpServer local{io, clock, log, gateway.local_api(), net::open_to_all(std::min<std::size_t>(limits.connections / 8 + 8, 256))};
  for (const auto& done : {listen(devices, config.devices, "devices", log), listen(local, config.local, "local", log)})
    if (!done) return log.error("not_listening", {{"why", done.error().message()}}), 1;
  if (const auto written = write_ports(ports_file, devices, local); !written)
    return log.error("ports_not_written", {{"file", ports_file}, {"why", written.error().message()}}), 1;

  Stop asked, stop;  // asked to end; then, when no client waits any more, the gateway ends
  adapters::StopOnSignals signals{io, asked};
  TaskGroup tasks{io.get_executor()};
  tasks.spawn(run_until_ended(gateway, client, stop, asked));
  tasks.spawn(stop_in_order(clock, devices, local, signals, asked, stop));
  io.run();
  return gateway.failure() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"dray-gateway: stores each artifact of a site once and updates the devices behind it at the planned time"};
  std::string file = "/etc/dray/gateway.toml", ports_file;
  bool check = false;
  app.add_option("-c,--config", file, "configuration; docs/gateway.sample.toml has every key")->capture_default_str();
  app.add_option("--ports-file", ports_file, "write the ports listened on to this file (for port 0)");
  app.add_flag("--check-config", check, "read the configuration, say what is wrong with it, and end");
  app.set_version_flag("--version", std::string{"dray-gateway "} + DRAY_VERSION);
  CLI11_PARSE(app, argc, argv);
  const auto config = apps::load_gateway_config(file);
  if (!config) return std::fprintf(stderr, "%s\n", config.error().message().c_str()), 2;
  if (check) return std::printf("%s: fine\n", file.c_str()), 0;
  try {
    return run(*config, ports_file);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "dray-gateway: %s\n", error.what()), 1;
  }
}

// dray-server: the parts, put together.
#include <sys/stat.h>

#include <iostream>
#include <system_error>

#include "adapters/posix/folder_lock.h"
#include "adapters/posix/posix_disk.h"
#include "adapters/posix/secret_file.h"
#include "adapters/posix/signals.h"
#include "adapters/posix/started_with.h"
#include "adapters/posix/system_clock.h"
#include "adapters/posix/system_machine_clock.h"
#include "adapters/posix/system_random.h"
#include "adapters/posix/thread_worker.h"
#include "adapters/sqlite/server_store.h"
#include "adapters/zones/zones.h"
#include "net/server.h"
#include "server/server.h"
#include "settings.h"

namespace {

using namespace dray;

constexpr std::chrono::days kZonesKnownFor{15 * 366};  // longer than a server runs and plans ahead

struct Doors {
  net::HttpServer& admin;
  net::HttpServer& gateway;
};

Result<> open_doors(Doors& doors, const Settings& settings, const Log& log) {
  if (auto opened = doors.admin.listen(settings.admin.host, settings.admin.port); !opened)
    return opened.error().with_context("admin.listen");
  if (auto opened = doors.gateway.listen(settings.gateway.host, settings.gateway.port); !opened)
    return opened.error().with_context("gateway.listen");
  log.info(
      "listening",
      {{"door", "admin"}, {"host", settings.admin.host}, {"port", doors.admin.port()}, {"tls", "none yet"}});
  log.info("listening", {{"door", "gateway"},
                         {"host", settings.gateway.host},
                         {"port", doors.gateway.port()},
                         {"tls", "none yet"}});
  if (!is_loopback(settings.admin.host) || !is_loopback(settings.gateway.host))
    log.warn("listening_without_tls",
             {{"advice", "tokens travel in clear text: put TLS in front, or listen on loopback"}});
  return {};
}

Result<> write_ports(const std::filesystem::path& path, const Doors& doors) {
  const std::string text = "{\"admin\": " + std::to_string(doors.admin.port()) +
                           ", \"gateway\": " + std::to_string(doors.gateway.port()) + "}\n";
  return adapters::replace_public_file(path, text);
}

// Loads, opens the doors, works until `stop`, closes them, and then lets the server end what it has begun.
Task<Result<>> serve(server::Server& server, Doors doors, const Settings& settings, const CommandLine& line,
                     Clock& clock, const Log& log, Stop& stop) {
  auto started = co_await server.start();
  if (!started) co_return started.error();
  auto opened = open_doors(doors, settings, log);
  if (!opened) co_return opened.error();
  if (!line.ports_file.empty()) {
    auto written = write_ports(line.ports_file, doors);
    if (!written) co_return written.error();
  }
  log.info("started", {{"version", DRAY_VERSION}, {"data", settings.data.string()}});
  server.begin();
  [[maybe_unused]] auto asked = co_await clock.sleep_until(kSteadyMax, stop);
  log.info("stopping");
  co_await doors.admin.stop();
  co_await doors.gateway.stop();
  co_await server.end();
  log.info("stopped");
  co_return Result<>{};
}

Result<> run(const Settings& settings, const CommandLine& line) {
  const std::uint64_t files = adapters::raise_file_limit();
  asio::io_context io{1};
  adapters::SystemClock own_clock{io};
  const adapters::SystemMachineClock machine;
  server::ServerTime clock{own_clock, machine};
  adapters::SystemRandom random;
  const Log log{settings.log_level, [&] { return clock.wall(); }, stderr_sink()};
  adapters::PosixDisk disk{settings.data};
  DRAY_TRY([[maybe_unused]] const auto lock, adapters::FolderLock::take(settings.data));

  // A second connection reads lists, so that a long one holds up no report; hence no EXCLUSIVE lock.
  const std::string database = (settings.data / "server.db").string();
  DRAY_TRY(auto store, adapters::SqliteServerStore::open(
                           {.path = database, .vfs = {}, .read_only = false, .exclusive = false}));
  DRAY_TRY(adapters::Db reader,
           adapters::Db::open({.path = database, .vfs = {}, .read_only = true, .exclusive = false}));
  adapters::SqliteServerLists lists{reader};

  adapters::ThreadWorker store_worker{io, "store"}, lists_worker{io, "lists"}, bytes{io, "bytes"};
  adapters::Zones zones{"/usr/share/zoneinfo", clock.wall() + kZonesKnownFor};
  if (auto zone = zones.find(settings.limits.egress.time_zone); !zone)
    return zone.error().with_context("planning.time_zone");
  server::Server server{{io.get_executor(), clock, random, disk, store_worker, lists_worker, bytes, *store,
                         lists, log, [&zones](const std::string& name) { return zones.find(name); }},
                        settings.limits};
  const net::Limits limits = net::limits_for(files);
  log.info("file_limit", {{"files", files}, {"connections", limits.connections}, {"strangers", limits.strangers}});
  net::HttpServer admin{io, clock, log, server.admin_door(), net::limits_for(files / 8), &bytes,
                        [&](const HttpRequest& request) { return server.admin_knows(request); }};
  net::HttpServer gateway{io, clock, log, server.gateway_door(), limits, &bytes,
                          [&](const HttpRequest& request) { return server.gateway_knows(request); }};

  Stop stop;
  adapters::StopOnSignals signals{io, stop};
  Result<> out;
  asio::co_spawn(io, serve(server, {admin, gateway}, settings, line, clock, log, stop),
                 [&](std::exception_ptr error, Result<> how) {
                   if (error) std::rethrow_exception(error);
                   out = std::move(how);
                   signals.done();
                   io.stop();
                 });
  io.run();
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line;
  if (const auto ended = parse_command_line(argc, argv, line)) return *ended;
  const auto settings = read_settings(line.config);
  if (!settings) {
    std::cerr << settings.error().message() << "\n";
    return 2;
  }
  if (line.check_config) {
    std::cout << line.config.string() << " is fine\n";
    return 0;
  }
  ::umask(077);
  try {
    const auto done = run(*settings, line);
    if (done) return 0;
    std::cerr << "dray-server: " << done.error().message() << "\n";
  } catch (const std::system_error& error) {  // the data folder can't be opened
    std::cerr << "dray-server: " << error.what() << "\n";
  }
  return 1;
}

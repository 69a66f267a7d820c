// drayctl: everything an operator can do, over the admin API only.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>

#include "adapters/posix/secret_file.h"
#include "adapters/posix/system_clock.h"
#include "adapters/posix/system_random.h"
#include "cli.h"
#include "net/client.h"

namespace {

using namespace dray;

// "http://h:8080/" is "http://h:8080".
std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

Result<std::string> read_token(const std::string& path) {
  if (path.empty()) return Error{ErrorCode::kInvalid, "no token: name the server's admin token file with --token-file or DRAY_TOKEN_FILE"};
  return adapters::read_secret(path);
}

Task<int> run(ctl::Command command, ctl::Session& session) {
  const Result<> done = co_await command(session);
  if (done) co_return session.status;
  std::cerr << "drayctl: " << done.error().message() << "\n";
  co_return 1;
}

}  // namespace

int main(int argc, char** argv) {
  ctl::Cli cli;
  if (const auto ended = cli.parse(argc, argv)) return *ended;
  const auto token = cli.at_gateway ? Result<std::string>{std::string{}} : read_token(cli.token_file);
  if (!token) {
    std::cerr << "drayctl: " << token.error().message() << "\n";
    return 2;
  }
  asio::io_context io{1};
  Stop stop;
  asio::signal_set signals{io, SIGINT, SIGTERM};
  signals.async_wait([&](const boost::system::error_code& error, int) { if (!error) stop.request(); });
  adapters::SystemClock clock{io};
  adapters::SystemRandom random;
  net::BeastClient client{io, clock};
  ctl::Api api{client, random, stop, without_slash(cli.at_gateway ? cli.gateway : cli.server), *token};
  ctl::Session session{api, clock, cli.as_json, ::isatty(2) != 0 && ::isatty(1) != 0};
  int status = 1;
  asio::co_spawn(io, run(cli.command, session), [&](std::exception_ptr error, int code) {
    if (error) std::rethrow_exception(error);
    status = code;
    io.stop();
  });
  io.run();
  return status;
}

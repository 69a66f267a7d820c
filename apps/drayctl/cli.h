// The command line of drayctl: what was asked, as one command to run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "session.h"

namespace CLI {
class App;
}

namespace dray::ctl {

using Command = std::function<Task<Result<>>(Session&)>;

struct Cli {
  std::string server = "http://127.0.0.1:8080";
  std::string token_file;
  std::string gateway;      // --gateway: the address of a gateway's own API
  bool at_gateway = false;  // the command is for it, and needs no token
  bool as_json = false;
  Command command;

  // An exit status where nothing is left to do: --help, --version, a usage error (2).
  std::optional<int> parse(int argc, char** argv);
};

// Options of one subcommand live as long as the command: shared with its callback.
template <class T>
std::shared_ptr<T> keep() {
  return std::make_shared<T>();
}

void add_planning(CLI::App& app, Cli& cli);  // after the groups that it adds to
// cli_wishes.cc; the first one after the groups that it adds to.
void add_server_wishes(CLI::App& app, Cli& cli);
void add_gateway_wishes(CLI::App& app, Cli& cli);
void add_gateways(CLI::App& app, Cli& cli);
void add_clock(CLI::App& app, Cli& cli);  // cli_clock.cc

}  // namespace dray::ctl

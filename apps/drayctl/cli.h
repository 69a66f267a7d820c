// The command line of drayctl: what was asked, as one command to run.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "session.h"

namespace dray::ctl {

using Command = std::function<Task<Result<>>(Session&)>;

struct Cli {
  std::string server = "http://127.0.0.1:8080";
  std::string token_file;
  bool as_json = false;
  Command command;

  // An exit status where nothing is left to do: --help, --version, a usage error (2).
  std::optional<int> parse(int argc, char** argv);
};

}  // namespace dray::ctl

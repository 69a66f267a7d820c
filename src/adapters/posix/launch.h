// Starts a program in a process group of its own: nothing of ours is open in it but what it is given, and
// signals have their default actions.
//
// By fork and exec, because a spawn can set neither umask nor limits. Loop thread only: a fork between
// another thread's open and its mark "close on exec" is made good by closing all the rest.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "adapters/posix/started_with.h"
#include "base/result.h"

namespace dray::adapters {

struct Launch {
  std::vector<std::string> argv, environment;  // environment: "KEY=value"
  int out = -1, err = -1;                      // become its standard output and error; -1: ours
  std::optional<StartedWith> as;               // none: as we are now
};

// kNotFound, kDenied: argv[0] can't be started.
Result<pid_t> launch(const Launch& what);

}  // namespace dray::adapters

// What a program was started with and its children get again, whatever the program has changed for itself:
// umask, soft limit of open files, blocked signals. And the raising of that limit. At the start, before there
// are other threads.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>

namespace dray::adapters {

struct StartedWith {
  mode_t umask = 022;
  rlim_t files = 1024;
  sigset_t blocked{};

  static StartedWith now();
};

// Open files, sockets among them: the soft limit becomes the hard one. What it is afterwards.
std::uint64_t raise_file_limit();

}  // namespace dray::adapters
